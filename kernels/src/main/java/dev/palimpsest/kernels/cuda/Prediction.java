/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import java.lang.foreign.MemorySegment;

/**
 * The vocabulary head and the sampler: by {@link Head} what it {@link Head#takes takes}; the rest,
 * top-k and top-p and products without tensor cores, a tile of rows of logits at a time.
 */
final class Prediction {
  /** Logits held at once; a bound of memory that no part of {@code bench/gpu} measures. */
  private static final long TILE_BYTES = 64L << 20;

  private static final int MOST_ROWS = 512;
  private static final int FEWEST_ROWS = 32;

  private final CudaContext context;
  private final DeviceMemory memory;
  private final Matmul matmul;
  private final Gather gather;
  private final Sample sample;
  private final StepArray rowArray;
  private final WantedEntries entryArray;
  private final Head fused;
  private final GrowingBlock inputs;
  private final GrowingBlock logits;
  private MemorySegment found = MemorySegment.NULL;
  private MemorySegment foundHere = MemorySegment.NULL;
  private MemorySegment logitsHere = MemorySegment.NULL;
  private final int[] rowInts = new int[MOST_ROWS];
  private int[] fusedEntries = new int[64];
  private int[] tiledEntries = new int[64];

  Prediction(CudaContext context, DeviceMemory memory, Modules modules, Matmul matmul) {
    this.context = context;
    this.memory = memory;
    this.matmul = matmul;
    gather = new Gather(modules);
    sample = new Sample(modules);
    rowArray = new StepArray(context, memory);
    entryArray = new WantedEntries(context, memory);
    inputs = new GrowingBlock(memory);
    logits = new GrowingBlock(memory);
    fused = new Head(context, memory, modules);
  }

  void predict(MemorySegment hidden, CudaLinear head, PredictionRows wanted, Predictions out) {
    int entries = wanted.size();
    out.resize(entries);
    check(wanted, head.out());
    if (fusedEntries.length < entries) {
      fusedEntries = new int[2 * entries];
      tiledEntries = new int[2 * entries];
    }
    int fusedCount = 0;
    int tiledCount = 0;
    for (int i = 0; i < entries; i++) {
      if (Head.takes(head, wanted.sampling(i))) {
        fusedEntries[fusedCount++] = i;
      } else {
        tiledEntries[tiledCount++] = i;
      }
    }
    fused.predict(hidden, head, wanted, fusedEntries, fusedCount, out);
    tiled(hidden, head, wanted, tiledCount, out);
  }

  private void tiled(
      MemorySegment hidden, CudaLinear head, PredictionRows wanted, int entries, Predictions out) {
    for (int next = 0; next < entries; ) {
      int capacity = tileRows(head);
      long rowBytes = head.type().bytes(head.in());
      reserve(capacity * rowBytes, 4L * capacity * head.out());
      int first = next;
      int rows = 0;
      entryArray.clear();
      while (next < entries) {
        int entry = tiledEntries[next];
        boolean guided = wanted.unconditionalRow(entry) >= 0;
        if (rows + (guided ? 2 : 1) > capacity) {
          break;
        }
        entryArray.add(wanted, entry, rows, guided ? rows + 1 : -1);
        rowInts[rows++] = wanted.row(entry);
        if (guided) {
          rowInts[rows++] = wanted.unconditionalRow(entry);
        }
        next++;
      }
      int n = next - first;
      gather.rows(hidden, rowArray.upload(rowInts, rows), rows, rowBytes, inputs.memory());
      matmul.run(
          Matmul.Epilogue.STORE, inputs.memory(), rows, head, MemorySegment.NULL, logits.memory());
      sample.run(
          logits.memory(),
          head.out(),
          n,
          entryArray.entriesAt(),
          entryArray.suppressedAt(),
          found.address());
      context.download(found.address(), foundHere, 0, (long) n * Sample.FOUND_BYTES);
      context.synchronize("predicting " + n + " positions");
      for (int i = 0; i < n; i++) {
        Sample.read(foundHere, (long) i * Sample.FOUND_BYTES, tiledEntries[first + i], wanted, out);
      }
    }
  }

  /**
   * Entries that lie on the device and stay there; entry {@code i} is predicted from row {@code i}.
   *
   * @param slots of {@link Head#writeSlot}, all used
   * @param entropySlots those that want an entropy, or 0 if none do
   * @param entries as {@link WantedEntries} writes them, with their own number as the row
   * @param suppressed the tokens they suppress
   * @param found receives what was found
   */
  record Resident(
      int count, long slots, long entropySlots, long entries, long suppressed, long found) {}

  /** Launches alone: what is found stays on the device. Samplings are read of {@code wanted}. */
  void enqueue(long hidden, CudaLinear head, PredictionRows wanted, Resident resident) {
    int next;
    for (int first = 0; first < resident.count; first = next) {
      boolean takes = Head.takes(head, wanted.sampling(first));
      next = first + 1;
      while (next < resident.count && takes == Head.takes(head, wanted.sampling(next))) {
        next++;
      }
      if (takes) {
        fused.enqueue(
            hidden,
            head,
            first,
            next - first,
            resident.slots,
            resident.entropySlots,
            resident.entries,
            resident.suppressed,
            resident.found);
      } else {
        tiled(hidden, head, first, next, resident);
      }
    }
  }

  private void tiled(long hidden, CudaLinear head, int from, int to, Resident resident) {
    int capacity = tileRows(head);
    long rowBytes = head.type().bytes(head.in());
    reserve(capacity * rowBytes, 4L * capacity * head.out());
    for (int first = from; first < to; first += capacity) {
      int n = Math.min(capacity, to - first);
      matmul.run(
          Matmul.Epilogue.STORE,
          MemorySegment.ofAddress(hidden + first * rowBytes),
          n,
          head,
          MemorySegment.NULL,
          logits.memory());
      // Entries name their row among all.
      sample.run(
          MemorySegment.ofAddress(logits.address() - 4L * first * head.out()),
          head.out(),
          n,
          resident.entries + 4L * WantedEntries.INTS * first,
          resident.suppressed,
          resident.found + (long) Sample.FOUND_BYTES * first);
    }
  }

  /** Rows of logits that are held at once. */
  private static int tileRows(CudaLinear head) {
    return Math.clamp(TILE_BYTES / (4L * head.out()) / 32 * 32, FEWEST_ROWS, MOST_ROWS);
  }

  /** Refuses entries that name tokens which are not there. */
  static void check(PredictionRows wanted, int vocabulary) {
    for (int i = 0; i < wanted.size(); i++) {
      int present = wanted.presentToken(i);
      if (present != PredictionRows.NO_TOKEN && (present < 0 || present >= vocabulary)) {
        throw new IllegalArgumentException(
            "predict: present token " + present + " is outside the vocabulary of " + vocabulary);
      }
      for (int token : wanted.sampling(i).suppressed()) {
        if (token < 0 || token >= vocabulary) {
          throw new IllegalArgumentException(
              "predict: suppressed token " + token + " is outside the vocabulary of " + vocabulary);
        }
      }
    }
  }

  /** All logits of the rows to the host, a tile at a time. */
  void logits(MemorySegment hidden, int rows, CudaLinear head, MemorySegment out) {
    int capacity = tileRows(head);
    long rowBytes = head.type().bytes(head.in());
    reserve(capacity * rowBytes, 4L * capacity * head.out());
    long tile = 4L * capacity * head.out();
    if (logitsHere.byteSize() < tile) {
      logitsHere = memory.pinned(tile);
    }
    for (int row = 0; row < rows; row += capacity) {
      int n = Math.min(capacity, rows - row);
      matmul.run(
          Matmul.Epilogue.STORE,
          MemorySegment.ofAddress(hidden.address() + row * rowBytes),
          n,
          head,
          MemorySegment.NULL,
          logits.memory());
      long bytes = 4L * n * head.out();
      context.download(logits.address(), logitsHere, 0, bytes);
      context.synchronize("computing the logits of " + n + " rows");
      MemorySegment.copy(logitsHere, 0, out, 4L * row * head.out(), bytes);
    }
  }

  private void reserve(long inputBytes, long logitBytes) {
    if (foundHere.byteSize() == 0) {
      found = memory.allocate((long) MOST_ROWS * Sample.FOUND_BYTES);
      foundHere = memory.pinned((long) MOST_ROWS * Sample.FOUND_BYTES);
    }
    inputs.reserve(inputBytes);
    logits.reserve(logitBytes);
  }
}
