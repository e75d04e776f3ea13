/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.palimpsest.bindings.CudaLibrary;
import dev.palimpsest.kernels.MaskedBlock;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.process.Bound;
import dev.palimpsest.process.Correction;
import dev.palimpsest.process.MaskedOptions;
import dev.palimpsest.process.Pace;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Canvases whose steps the device takes, for tests: predictions in, tokens and counts out. */
public final class CommitOnDevice implements AutoCloseable {
  private final CudaContext context;
  private final Modules modules;
  private final DeviceMemory memory;
  private final Commit commit;
  private final Arena arena = Arena.ofShared();
  private final List<Commit.Canvas> canvases = new ArrayList<>();
  private final List<int[]> progress = new ArrayList<>();
  private final List<int[]> positions = new ArrayList<>();
  private final List<int[]> tokens = new ArrayList<>();

  public CommitOnDevice() throws IOException {
    CudaLibrary.find().orThrow();
    JCudaLibrary.load();
    context = new CudaContext(0, true);
    context.enter();
    modules = new Modules(context);
    memory = new DeviceMemory(context);
    commit = new Commit(modules);
  }

  /** Forgets all canvases. */
  public void clear() {
    canvases.clear();
    progress.clear();
    positions.clear();
    tokens.clear();
  }

  /**
   * Adds a canvas at the beginning of a block.
   *
   * @param open positions that a step of the block may write, ascending
   * @param leftover the first ones, which are masks of earlier blocks
   * @param scheduled masks of the block
   * @return its number
   */
  public int add(
      MaskedOptions o,
      int mask,
      int[] row,
      int[] open,
      int leftover,
      int blockSteps,
      int scheduled,
      int step) {
    MaskedBlock.Rule rule =
        switch (o.algorithm()) {
          case LOW_CONFIDENCE, MASKGIT_PLUS -> MaskedBlock.Rule.CONFIDENCE;
          default -> MaskedBlock.Rule.valueOf(o.algorithm().name());
        };
    MaskedBlock.Schedule schedule =
        o.pace() instanceof Pace.TokensPerStep
            ? MaskedBlock.Schedule.FIXED_COUNT
            : switch (o.algorithm()) {
              case MASKGIT_PLUS, MARGIN, ENTROPY, ORIGIN -> MaskedBlock.Schedule.LINEAR_TIME;
              default -> MaskedBlock.Schedule.EVEN_SPLIT;
            };
    double bound =
        switch (o.algorithm()) {
          case THRESHOLD, MARGIN_THRESHOLD, HIERARCHICAL -> o.bounds().of(Bound.THRESHOLD);
          case FACTOR -> o.bounds().of(Bound.FACTOR);
          case ENTROPY_BOUNDED -> o.bounds().of(Bound.ENTROPY_BOUND);
          default -> 0;
        };
    double low =
        o.algorithm() == MaskedOptions.Algorithm.HIERARCHICAL
            ? o.bounds().of(Bound.LOW_THRESHOLD)
            : 0;
    Commit.Correction kind = Commit.Correction.KEEP;
    double correctionBound = 0;
    int budget = 0;
    switch (o.correction()) {
      case Correction.None _ -> {}
      case Correction.Edit edit -> {
        kind = Commit.Correction.EDIT;
        correctionBound = edit.above();
      }
      case Correction.Remask remask -> {
        kind = Commit.Correction.REMASK;
        correctionBound = remask.below();
        budget = remask.budget();
      }
    }
    int firstEntry = positions.stream().mapToInt(p -> p.length).sum();
    int firstToken = tokens.stream().mapToInt(t -> t.length).sum();
    canvases.add(
        new Commit.Canvas(
            o.seed(),
            rule,
            bound,
            low,
            schedule,
            o.pace() instanceof Pace.TokensPerStep(int n) ? n : 0,
            kind,
            correctionBound,
            mask,
            firstEntry,
            open.length,
            leftover,
            firstToken,
            blockSteps));
    progress.add(new int[] {step, 0, scheduled, 0, budget, 0, 0, 0});
    positions.add(open);
    tokens.add(row.clone());
    return canvases.size() - 1;
  }

  /** First entry of a canvas among the predictions of {@link #step}. */
  public int firstEntry(int canvas) {
    return canvases.get(canvas).firstEntry();
  }

  public int[] positions(int canvas) {
    return positions.get(canvas);
  }

  public int[] tokens(int canvas) {
    return tokens.get(canvas);
  }

  public boolean done(int canvas) {
    return progress.get(canvas)[Commit.DONE] != 0;
  }

  /** 1 + the entry that was broken, or 0. */
  public int broken(int canvas) {
    return progress.get(canvas)[Commit.BROKEN];
  }

  /** Masks left in the block. */
  public int masked(int canvas) {
    return progress.get(canvas)[Commit.MASKED];
  }

  /** Tokens that may still be remasked. */
  public int budget(int canvas) {
    return progress.get(canvas)[Commit.BUDGET];
  }

  /** Takes a step with every canvas that is not done; entries named by {@code broken} have none. */
  public void step(Predictions predictions, int... broken) {
    int entries = positions.stream().mapToInt(p -> p.length).sum();
    MemorySegment found = arena.allocate((long) entries * Sample.FOUND_BYTES, 8);
    for (int i = 0; i < entries; i++) {
      long at = (long) i * Sample.FOUND_BYTES;
      found.set(JAVA_INT, at, predictions.token(i));
      found.set(JAVA_DOUBLE, at + 8, predictions.confidence(i));
      found.set(JAVA_DOUBLE, at + 16, predictions.margin(i));
      found.set(JAVA_DOUBLE, at + 24, predictions.negativeEntropy(i));
      found.set(JAVA_DOUBLE, at + 32, predictions.presentProbability(i));
    }
    for (int i : broken) {
      found.set(JAVA_INT, (long) i * Sample.FOUND_BYTES + 4, 2);
    }
    int[] canvasInts = new int[canvases.size() * Commit.CANVAS_INTS];
    int most = 0;
    for (int c = 0; c < canvases.size(); c++) {
      canvases.get(c).write(canvasInts, c * Commit.CANVAS_INTS);
      most = Math.max(most, canvases.get(c).entries());
    }
    MemorySegment progressAt = device(ints(joined(progress)));
    MemorySegment tokensAt = device(ints(joined(tokens)));
    MemorySegment actions = memory.allocate(4L * entries);
    MemorySegment canvasesAt = device(ints(canvasInts));
    MemorySegment foundAt = device(found);
    MemorySegment positionsAt = device(ints(joined(positions)));
    commit.run(
        canvasesAt.address(),
        canvases.size(),
        most,
        progressAt.address(),
        foundAt.address(),
        positionsAt.address(),
        tokensAt.address(),
        actions.address(),
        0);
    read(progressAt, progress);
    read(tokensAt, tokens);
    for (MemorySegment block :
        List.of(progressAt, tokensAt, actions, canvasesAt, foundAt, positionsAt)) {
      memory.free(block);
    }
  }

  private static int[] joined(List<int[]> parts) {
    return parts.stream().flatMapToInt(java.util.Arrays::stream).toArray();
  }

  private MemorySegment ints(int[] values) {
    MemorySegment host = arena.allocate(4L * values.length, 8);
    MemorySegment.copy(values, 0, host, JAVA_INT, 0, values.length);
    return host;
  }

  private MemorySegment device(MemorySegment host) {
    MemorySegment block = memory.allocate(host.byteSize());
    context.upload(host, 0, block.address(), host.byteSize());
    return block;
  }

  private void read(MemorySegment from, List<int[]> parts) {
    int n = parts.stream().mapToInt(p -> p.length).sum();
    MemorySegment host = arena.allocate(4L * n, 8);
    context.download(from.address(), host, 0, 4L * n);
    context.synchronize("test");
    int at = 0;
    for (int[] part : parts) {
      MemorySegment.copy(host, JAVA_INT, 4L * at, part, 0, part.length);
      at += part.length;
    }
  }

  @Override
  public void close() {
    modules.close();
    memory.close();
    context.close();
    arena.close();
  }
}
