/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.llamacpp;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.time.Duration;

/** The real llama.cpp with one model, in a process of its own. Used by one thread. */
public final class LlamaCpp implements AutoCloseable {
  private final Setup setup;
  private final ChildJvm child;
  private final DataInputStream in;
  private final DataOutputStream out;

  private LlamaCpp(Setup setup, ChildJvm child) {
    this.setup = setup;
    this.child = child;
    in = new DataInputStream(new BufferedInputStream(child.process().getInputStream(), 1 << 16));
    out = new DataOutputStream(new BufferedOutputStream(child.process().getOutputStream()));
  }

  /**
   * Starts it and loads the model.
   *
   * @throws PeerException if it cannot be used, or dies of it; the message says why
   */
  public static LlamaCpp start(Setup setup) {
    return start(setup, LlamaProcess.class);
  }

  static LlamaCpp start(Setup setup, Class<?> main) {
    LlamaCpp llama = new LlamaCpp(setup, new ChildJvm(main, setup.arguments()));
    try {
      llama.answer(() -> null);
      return llama;
    } catch (PeerException e) {
      llama.close();
      throw e;
    }
  }

  public Setup setup() {
    return setup;
  }

  /**
   * One forward over {@code tokens} from an empty cache.
   *
   * @param positions that get logits, ascending
   */
  public Predicted predict(int[] tokens, int[] positions) {
    return ask(
        () -> {
          out.write(Request.PREDICT.ordinal());
          Wire.writeInts(out, tokens);
          Wire.writeInts(out, positions);
        },
        () -> {
          long nanos = in.readLong();
          int[] largest = new int[positions.length];
          double[] confidences = new double[positions.length];
          for (int i = 0; i < positions.length; i++) {
            largest[i] = in.readInt();
            confidences[i] = in.readDouble();
          }
          return new Predicted(nanos, largest, confidences);
        });
  }

  /** Logits of a position that the last {@link #predict} asked for: {@code [vocabulary]}. */
  public float[] logits(int position) {
    return ask(
        () -> {
          out.write(Request.LOGITS.ordinal());
          out.writeInt(position);
        },
        () -> {
          float[] row = new float[in.readInt()];
          for (int i = 0; i < row.length; i++) {
            row[i] = in.readFloat();
          }
          return row;
        });
  }

  /** Writes {@code count} tokens after {@code prompt}, one a forward, keeping keys and values. */
  public Continuation continueText(int[] prompt, int count) {
    return ask(
        () -> {
          out.write(Request.CONTINUE.ordinal());
          Wire.writeInts(out, prompt);
          out.writeInt(count);
        },
        () -> {
          long promptNanos = in.readLong();
          int[] tokens = new int[count];
          long[] nanos = new long[count];
          for (int i = 0; i < count; i++) {
            tokens[i] = in.readInt();
            nanos[i] = in.readLong();
          }
          return new Continuation(promptNanos, nanos, tokens);
        });
  }

  /** Processor time that its process has used so far; zero where the system does not tell. */
  public Duration processorTime() {
    return child.process().info().totalCpuDuration().orElse(Duration.ZERO);
  }

  private interface Question {
    void write() throws IOException;
  }

  private interface Answer<T> {
    T read() throws IOException;
  }

  private <T> T ask(Question question, Answer<T> answer) {
    try {
      question.write();
      out.flush();
    } catch (IOException e) {
      // It is gone; what it said before is yet to be read.
    }
    return answer(answer);
  }

  private <T> T answer(Answer<T> answer) {
    try {
      int first = in.read();
      if (first == LlamaProcess.REFUSAL) {
        throw new PeerException(in.readUTF());
      }
      if (first != LlamaProcess.ANSWER) {
        throw dead(first < 0 ? "" : (char) first + new String(in.readAllBytes(), UTF_8));
      }
      return answer.read();
    } catch (IOException e) {
      throw dead("");
    }
  }

  private PeerException dead(String onStdout) {
    return new PeerException(
        "llama.cpp, backend " + setup.backend() + ", " + child.causeOfDeath(onStdout));
  }

  /** Ends its process; idempotent. */
  @Override
  public void close() {
    child.close();
  }
}
