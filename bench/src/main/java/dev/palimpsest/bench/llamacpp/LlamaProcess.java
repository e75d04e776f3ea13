/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.llamacpp;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/**
 * llama.cpp in a process of its own, which does what comes in on stdin and answers on stdout: it
 * shares neither threads nor the state of vector and tile registers with whoever measures it, and
 * takes nobody with it when it dies.
 *
 * <p>{@link #ANSWER} and what was asked for come back, or {@link #REFUSAL} and a message. The first
 * one, without a request, says whether the model could be opened.
 */
final class LlamaProcess {
  /** First byte of an answer, unlike any text. */
  static final int ANSWER = 1;

  /** First byte of a message that says why there is no answer. */
  static final int REFUSAL = 2;

  private static final int[] LAST_OF_ONE = {0};

  private final LlamaModel model;
  private final DataInputStream in;
  private final DataOutputStream out;

  private LlamaProcess(LlamaModel model, DataInputStream in, DataOutputStream out) {
    this.model = model;
    this.in = in;
    this.out = out;
  }

  /**
   * Serves a {@link Setup} until stdin ends. With a folder alone it prints its backends and their
   * scores, a line each.
   */
  public static void main(String... arguments) throws IOException {
    DataOutputStream out =
        new DataOutputStream(
            new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 16));
    // Whatever else is printed must not end up among the answers.
    System.setOut(System.err);
    if (arguments.length == 1) {
      printScores(Path.of(arguments[0]), out);
      return;
    }
    LlamaModel model;
    try {
      model = new LlamaModel(Setup.of(arguments));
    } catch (PeerException refused) {
      refuse(out, refused);
      return;
    }
    out.write(ANSWER);
    out.flush();
    try (model) {
      DataInputStream in = new DataInputStream(new BufferedInputStream(System.in, 1 << 16));
      new LlamaProcess(model, in, out).serve();
    }
  }

  private static void printScores(Path folder, DataOutputStream out) throws IOException {
    LlamaLibraries libraries = new LlamaLibraries(folder);
    for (String backend : LlamaLibraries.backends(folder)) {
      out.writeBytes(backend + " " + libraries.score(backend) + "\n");
    }
    out.flush();
  }

  private static void refuse(DataOutputStream out, PeerException why) throws IOException {
    out.write(REFUSAL);
    out.writeUTF(why.getMessage());
    out.flush();
  }

  private void serve() throws IOException {
    while (true) {
      int request = in.read();
      if (request < 0) {
        return;
      }
      try {
        switch (Request.values()[request]) {
          case PREDICT -> predict();
          case LOGITS -> logits();
          case CONTINUE -> continueText();
        }
        out.flush();
      } catch (PeerException refused) {
        refuse(out, refused);
      } catch (EOFException e) {
        return;
      }
    }
  }

  private void predict() throws IOException {
    int[] tokens = Wire.readInts(in);
    int[] positions = Wire.readInts(in);
    model.clear();
    long nanos = model.feed(tokens, 0, positions);
    int[] largest = new int[positions.length];
    double[] confidences = new double[positions.length];
    for (int i = 0; i < positions.length; i++) {
      MemorySegment row = model.logits(positions[i]);
      largest[i] = largest(row);
      confidences[i] = probability(row, largest[i]);
    }
    out.write(ANSWER);
    out.writeLong(nanos);
    for (int i = 0; i < positions.length; i++) {
      out.writeInt(largest[i]);
      out.writeDouble(confidences[i]);
    }
  }

  private void logits() throws IOException {
    float[] row = model.logits(in.readInt()).toArray(ValueLayout.JAVA_FLOAT);
    out.write(ANSWER);
    out.writeInt(row.length);
    for (float value : row) {
      out.writeFloat(value);
    }
  }

  private void continueText() throws IOException {
    int[] prompt = Wire.readInts(in);
    int count = in.readInt();
    model.clear();
    int last = prompt.length - 1;
    long promptNanos = model.feed(prompt, 0, new int[] {last});
    int[] tokens = new int[count];
    long[] nanos = new long[count];
    int next = largest(model.logits(last));
    for (int i = 0; i < count; i++) {
      nanos[i] = model.feed(new int[] {next}, prompt.length + i, LAST_OF_ONE);
      tokens[i] = next;
      next = largest(model.logits(0));
    }
    out.write(ANSWER);
    out.writeLong(promptNanos);
    for (int i = 0; i < count; i++) {
      out.writeInt(tokens[i]);
      out.writeLong(nanos[i]);
    }
  }

  /** The lowest of the tokens with the largest logit. */
  private static int largest(MemorySegment row) {
    int n = (int) (row.byteSize() / Float.BYTES);
    int best = 0;
    for (int i = 1; i < n; i++) {
      if (at(row, i) > at(row, best)) {
        best = i;
      }
    }
    return best;
  }

  private static double probability(MemorySegment row, int token) {
    int n = (int) (row.byteSize() / Float.BYTES);
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += Math.exp(at(row, i) - at(row, token));
    }
    return 1 / sum;
  }

  private static float at(MemorySegment row, int token) {
    return row.getAtIndex(ValueLayout.JAVA_FLOAT, token);
  }
}
