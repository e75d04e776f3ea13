/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import dev.palimpsest.Engine;
import dev.palimpsest.EngineLoad;
import dev.palimpsest.Generation;
import dev.palimpsest.GenerationRequest;
import dev.palimpsest.GenerationRequest.Piece;
import dev.palimpsest.GenerationResult;
import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.process.Canvas;
import dev.palimpsest.process.Change;
import dev.palimpsest.process.Pace;
import dev.palimpsest.process.Revision;
import dev.palimpsest.text.Tokenizer;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;

/**
 * An engine that has learnt its part: it writes a given text into the holes, the positions p with p
 * mod steps = s in step s. Its tokens are bytes.
 */
final class ScriptedEngine implements Engine {
  static final int MASK = 256;
  static final int END = 257;

  private final byte[] part;
  private final String chatFormat;
  private final List<GenerationRequest> requests = new ArrayList<>();
  private boolean closed;

  ScriptedEngine(String part, String chatFormat) {
    this.part = part.getBytes(StandardCharsets.UTF_8);
    this.chatFormat = chatFormat;
  }

  /** What was asked, in order. */
  List<GenerationRequest> requests() {
    return requests;
  }

  boolean closed() {
    return closed;
  }

  @Override
  public ModelConfig config() {
    return new ModelConfig(
        "scripted",
        1,
        8,
        8,
        258,
        new HeadShape(1, 1, 8),
        new Rope(10000, 8, Rope.Pairing.HALF_SPLIT),
        AttentionMask.FULL,
        1e-5f,
        false,
        false,
        false,
        false,
        false,
        128,
        MASK,
        END,
        -1);
  }

  @Override
  public String chatFormat() {
    return chatFormat;
  }

  @Override
  public String device() {
    return "a script";
  }

  @Override
  public Tokenizer tokenizer() {
    return new Bytes();
  }

  @Override
  public Generation submit(GenerationRequest request) {
    requests.add(request);
    List<Change> start = new ArrayList<>();
    List<Integer> written = new ArrayList<>();
    List<int[]> holes = new ArrayList<>();
    for (Piece piece : request.pieces()) {
      int[] ids =
          switch (piece) {
            case Piece.Text(String text) -> tokenizer().encode(text);
            case Piece.Tokens(List<Integer> given) ->
                given.stream().mapToInt(Integer::intValue).toArray();
            case Piece.Draft(List<Integer> given) ->
                given.stream().mapToInt(Integer::intValue).toArray();
            case Piece.Chat(var messages) -> tokenizer().encode(messages.getLast().text());
            case Piece.Hole(int length) -> {
              int[] masks = new int[length];
              Arrays.fill(masks, MASK);
              holes.add(new int[] {start.size(), start.size() + length});
              yield masks;
            }
          };
      for (int id : ids) {
        if (id == MASK) {
          written.add(start.size());
        }
        start.add(new Change.Insert(start.size(), id));
      }
    }
    int steps =
        request.pace().orElse(Pace.AsNeeded.UNLIMITED) instanceof Pace.Steps(int total)
            ? total
            : request.usualSteps();
    List<Revision> revisions = new ArrayList<>();
    revisions.add(new Revision(0, start, written.size()));
    int left = written.size();
    for (int step = 1; step <= steps; step++) {
      List<Change> changes = new ArrayList<>();
      for (int i = step - 1; i < written.size(); i += steps) {
        changes.add(new Change.Commit(written.get(i), part[i % part.length] & 0xFF, 0.5));
      }
      left -= changes.size();
      revisions.add(new Revision(step, changes, left));
    }
    Canvas canvas = new Canvas(MASK);
    revisions.forEach(canvas::apply);
    List<String> texts =
        holes.stream()
            .map(h -> tokenizer().decode(Arrays.copyOfRange(canvas.tokens(), h[0], h[1]), false))
            .toList();
    GenerationResult result =
        new GenerationResult(
            Arrays.stream(canvas.tokens()).boxed().toList(),
            tokenizer().decode(canvas.tokens(), false),
            texts,
            written.size(),
            steps,
            Duration.ofMillis(20));
    return new Generation() {
      @Override
      public CompletableFuture<GenerationResult> result() {
        return CompletableFuture.completedFuture(result);
      }

      @Override
      public Stream<Revision> revisions() {
        return revisions.stream();
      }

      @Override
      public void cancel() {}
    };
  }

  @Override
  public GenerationResult generate(GenerationRequest request) {
    return submit(request).result().join();
  }

  @Override
  public void logits(int[] tokens, MemorySegment out) {
    throw new UnsupportedOperationException("a script has no logits");
  }

  @Override
  public Generation submit(GenerationRequest request, Duration patience) {
    return submit(request);
  }

  @Override
  public EngineLoad load() {
    return new EngineLoad(0, 0, 0, 0, 0);
  }

  @Override
  public boolean closeGracefully(Duration patience) {
    close();
    return true;
  }

  @Override
  public void close() {
    closed = true;
  }

  /** Tokens are bytes. */
  static final class Bytes implements Tokenizer {
    @Override
    public int[] encode(String text) {
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      int[] ids = new int[bytes.length];
      for (int i = 0; i < ids.length; i++) {
        ids[i] = bytes[i] & 0xFF;
      }
      return ids;
    }

    @Override
    public String decode(int[] ids, boolean keepSpecial) {
      int[] plain = Arrays.stream(ids).filter(id -> id < 256).toArray();
      byte[] bytes = new byte[plain.length];
      for (int i = 0; i < bytes.length; i++) {
        bytes[i] = (byte) plain[i];
      }
      return new String(bytes, StandardCharsets.UTF_8);
    }

    @Override
    public OptionalInt id(String token) {
      return OptionalInt.empty();
    }

    @Override
    public int size() {
      return 258;
    }

    @Override
    public void close() {}
  }
}
