/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.palimpsest.kernels.BlockBatch;
import dev.palimpsest.kernels.MaskedBlock;
import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Sampling;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * All that a loop is brought, as one block of ints in device memory: it travels in one copy, and
 * lies at the same addresses for all batches of a shape. What comes back lies in front.
 */
final class LoopInput {
  /** Sections begin at 16 bytes. */
  private static final int ALIGN = 4;

  private final CudaContext context;
  private final DeviceMemory memory;
  private final GrowingBlock device;
  private MemorySegment host = MemorySegment.NULL;
  private int[] ints = new int[1024];
  private int size;

  private int progress;
  private int tokens;
  private int outputInts;
  private int canvases;
  private int entries;
  private int positions;
  private int slots;
  private int entropySlots;
  private int texts;
  private int roles;
  private int ends;
  private int suppressed;
  private boolean anyEntropy;

  LoopInput(CudaContext context, DeviceMemory memory) {
    this.context = context;
    this.memory = memory;
    device = new GrowingBlock(memory);
  }

  /**
   * Lays a batch out and brings it to the device.
   *
   * @param count canvases, those of the padding included: they are done
   */
  void bring(BlockBatch blocks, int count, int[] rowTokens, int rows, PredictionRows wanted) {
    size = 0;
    progress = section(count * Commit.PROGRESS_INTS);
    tokens = section(rows);
    outputInts = size;
    canvases = section(count * Commit.CANVAS_INTS);
    entries = section(wanted.size() * WantedEntries.INTS);
    positions = section(wanted.size());
    slots = section(wanted.size() * Head.SLOT_INTS);
    entropySlots = section(wanted.size() * Head.SLOT_INTS);
    texts = section(count * Loops.TEXT_INTS);
    roles = section(rows);
    ends = section(LoopShape.rows(countEnds(blocks)));
    suppressed = section(LoopShape.rows(countSuppressed(wanted)));
    Arrays.fill(ints, 0, size, 0);
    System.arraycopy(rowTokens, 0, ints, tokens, rows);
    writeBlocks(blocks, wanted);
    for (int i = blocks.size(); i < count; i++) {
      ints[progress + i * Commit.PROGRESS_INTS + Commit.DONE] = 1;
    }
    writeEntries(wanted);
    device.reserve(4L * size);
    if (host.byteSize() < 4L * size) {
      host = memory.pinned(2 * 4L * size);
    }
    MemorySegment.copy(ints, 0, host, JAVA_INT, 0, size);
    context.upload(host, 0, device.address(), 4L * size);
  }

  private int section(int length) {
    int at = size;
    size = at + (length + ALIGN - 1) / ALIGN * ALIGN;
    if (size > ints.length) {
      ints = Arrays.copyOf(ints, Math.max(size, 2 * ints.length));
    }
    return at;
  }

  private static int countEnds(BlockBatch blocks) {
    int count = 0;
    for (int i = 0; i < blocks.size(); i++) {
      count += blocks.get(i).block().endTokens().length;
    }
    return count;
  }

  /** Neighbours of one sampling share what it suppresses. */
  private static int countSuppressed(PredictionRows wanted) {
    int count = 0;
    for (int i = 0; i < wanted.size(); i++) {
      boolean shares = i > 0 && wanted.sampling(i) == wanted.sampling(i - 1);
      count += shares ? 0 : wanted.sampling(i).suppressed().length;
    }
    return count;
  }

  private void writeBlocks(BlockBatch blocks, PredictionRows wanted) {
    int endsUsed = 0;
    for (int i = 0; i < blocks.size(); i++) {
      BlockBatch.Placed placed = blocks.get(i);
      MaskedBlock block = placed.block();
      canvas(placed).write(ints, canvases + i * Commit.CANVAS_INTS);
      int at = progress + i * Commit.PROGRESS_INTS;
      ints[at + Commit.STEP] = block.step();
      ints[at + Commit.BLOCK_STEP] = block.blockStep();
      ints[at + Commit.SCHEDULED] = block.scheduled();
      int[] endTokens = block.endTokens();
      at = texts + i * Loops.TEXT_INTS;
      ints[at] = placed.firstRow();
      ints[at + 1] = placed.rows();
      ints[at + 2] = endsUsed;
      ints[at + 3] = endTokens.length;
      System.arraycopy(endTokens, 0, ints, ends + endsUsed, endTokens.length);
      endsUsed += endTokens.length;
      for (int r = 0; r < placed.rows(); r++) {
        int p = placed.firstPosition() + r;
        ints[roles + placed.firstRow() + r] =
            block.given().get(p) ? Loops.GIVEN : p >= block.tail() ? Loops.IN_TAIL : Loops.WRITTEN;
      }
      for (int e = placed.firstEntry(); e < placed.firstEntry() + placed.entries(); e++) {
        ints[positions + e] = wanted.position(e);
      }
    }
  }

  private static Commit.Canvas canvas(BlockBatch.Placed placed) {
    MaskedBlock block = placed.block();
    return new Commit.Canvas(
        block.seed(),
        block.rule(),
        block.bound(),
        block.low(),
        block.schedule(),
        block.tokensPerStep(),
        Commit.Correction.KEEP,
        0,
        block.maskToken(),
        placed.firstEntry(),
        placed.entries(),
        block.leftover(),
        placed.firstRow() - placed.firstPosition(),
        block.blockSteps());
  }

  private void writeEntries(PredictionRows wanted) {
    int used = 0;
    int at = 0;
    anyEntropy = false;
    for (int i = 0; i < wanted.size(); i++) {
      Sampling sampling = wanted.sampling(i);
      if (i == 0 || sampling != wanted.sampling(i - 1)) {
        int[] none = sampling.suppressed();
        at = used;
        System.arraycopy(none, 0, ints, suppressed + at, none.length);
        used += none.length;
      }
      WantedEntries.write(wanted, i, i, -1, at, ints, entries + i * WantedEntries.INTS);
      Head.writeSlot(i, true, ints, slots + i * Head.SLOT_INTS);
      Head.writeSlot(i, wanted.entropy(i), ints, entropySlots + i * Head.SLOT_INTS);
      anyEntropy |= wanted.entropy(i);
    }
  }

  private long address(int section) {
    return device.address() + 4L * section;
  }

  long progress() {
    return address(progress);
  }

  long tokens() {
    return address(tokens);
  }

  long canvases() {
    return address(canvases);
  }

  long entries() {
    return address(entries);
  }

  long positions() {
    return address(positions);
  }

  long texts() {
    return address(texts);
  }

  long roles() {
    return address(roles);
  }

  long ends() {
    return address(ends);
  }

  /** The entries as the head wants them. */
  Prediction.Resident resident(int count, long found) {
    return new Prediction.Resident(
        count,
        address(slots),
        anyEntropy ? address(entropySlots) : 0,
        address(entries),
        address(suppressed),
        found);
  }

  /** Fetches what canvases have come to, and their tokens. */
  void fetch() {
    context.download(device.address(), host, 0, 4L * outputInts);
    context.synchronize("fetching what a loop has written");
  }

  /** A field of what a canvas has come to, as of {@link #fetch}. */
  int progress(int canvas, int field) {
    return host.getAtIndex(JAVA_INT, progress + (long) canvas * Commit.PROGRESS_INTS + field);
  }

  /** The token of a row, as of {@link #fetch}. */
  int token(int row) {
    return host.getAtIndex(JAVA_INT, tokens + (long) row);
  }
}
