/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.bindings.CudaLibrary;
import dev.palimpsest.kernels.BlockBatch;
import dev.palimpsest.kernels.BlockLoop;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.EmbeddingTable;
import dev.palimpsest.kernels.MaskedBlock;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.kernels.cpu.Fixture;
import dev.palimpsest.kernels.cuda.CudaOptions.ComputeType;
import java.util.Arrays;
import java.util.BitSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Which batches share a graph, and which graphs are kept; of a network of an embedding, a norm and
 * a head, whose tokens are those of the same ops called one by one.
 */
class CudaBlockLoopTest {
  private static final int WIDTH = 16;
  private static final int VOCABULARY = 40;
  private static final int MASK = 39;

  /** Graphs kept. */
  private static final int MOST = 32;

  private static final int MOST_ROWS = 128;
  private static final float EPS = 1e-5f;
  private static final Sampling SAMPLED = new Sampling(1, 0, 1, Sampling.Distribution.RAW, MASK);

  private CudaFixture f;
  private BlockLoop loop;
  private EmbeddingTable table;
  private Tensor norm;
  private PackedLinear head;
  private Tensor residual;
  private Tensor hidden;

  @BeforeEach
  void open() {
    f = new CudaFixture(ComputeType.F32);
    Assumptions.assumeTrue(
        LoopWay.best(CudaLibrary.find().orThrow()) == LoopWay.DEVICE,
        "this driver has no conditional nodes");
    table = f.device.table(matrix("table", 1));
    head = f.device.pack(matrix("head", 2));
    norm = f.device.vector(Fixture.view(f.arena, "norm", DType.F32, ones(), WIDTH));
    residual = f.device.allocate(DType.F32, MOST_ROWS, WIDTH);
    hidden = f.device.allocate(f.type, MOST_ROWS, WIDTH);
    loop = f.device.blockLoop().orElseThrow();
    assertEquals("graph", loop.describe());
  }

  @AfterEach
  void close() {
    f.close();
  }

  private WeightView matrix(String name, long seed) {
    return Fixture.view(
        f.arena, name, DType.F32, f.gaussian(seed, VOCABULARY * WIDTH), VOCABULARY, WIDTH);
  }

  private static float[] ones() {
    float[] ones = new float[WIDTH];
    Arrays.fill(ones, 1);
    return ones;
  }

  /** {@link #write} of a batch that is padded as the loop wants it. */
  private void writePadded(int canvases, int rows, int entries) {
    write(canvases, loop.paddedRows(rows), loop.paddedEntries(entries));
  }

  /** Canvases of one mask each, which stand in the first rows and entries. */
  private void write(int canvases, int rows, int entries) {
    int[] tokens = new int[rows];
    Arrays.fill(tokens, 0, canvases, MASK);
    BlockBatch blocks = new BlockBatch();
    PredictionRows wanted = new PredictionRows();
    for (int i = 0; i < canvases; i++) {
      blocks.add(new BlockBatch.Placed(block(i), i, 1, 0, i, 1));
      wanted.add(i, SAMPLED, i, 0, 0);
    }
    Predictions expected = new Predictions();
    f.device.embed(table, tokens, canvases, residual);
    f.device.rmsNorm(residual, canvases, norm, EPS, hidden);
    f.device.predict(hidden, canvases, head, wanted, expected);
    while (wanted.size() < entries) {
      wanted.add(0, Sampling.GREEDY, 0, 0, 0);
    }
    int[] rowOf = new int[entries];
    for (int i = 0; i < entries; i++) {
      rowOf[i] = wanted.row(i);
    }
    loop.run(
        blocks,
        tokens,
        rows,
        wanted,
        8,
        () -> {
          loop.embed(table, rows, residual);
          f.device.rmsNormRows(residual, rowOf, entries, norm, EPS, hidden);
          loop.predict(hidden, entries, head);
        });
    Predictions found = new Predictions();
    found.resize(canvases);
    for (int i = 0; i < canvases; i++) {
      assertEquals(1, loop.steps(i));
      loop.read(i, 0, 0, i, found);
      assertEquals(expected.token(i), found.token(i));
      assertEquals(expected.confidence(i), found.confidence(i));
      assertEquals(expected.token(i), loop.token(i));
    }
  }

  private static MaskedBlock block(long seed) {
    return new MaskedBlock(
        seed,
        MaskedBlock.Rule.CONFIDENCE,
        0,
        0,
        MaskedBlock.Schedule.FIXED_COUNT,
        1,
        MASK,
        0,
        0,
        0,
        Integer.MAX_VALUE,
        1,
        new BitSet(),
        1,
        new int[0]);
  }

  /** Memory that will not move any more: a graph is known by its addresses too. */
  private void grow() {
    writePadded(24, MOST_ROWS, 64);
  }

  /** Graphs that batches of {@code {canvases, rows, entries}} add to those that are kept. */
  private int graphsFor(int[]... shapes) {
    int before = f.device.loopGraphs();
    for (int[] shape : shapes) {
      writePadded(shape[0], shape[1], shape[2]);
    }
    return f.device.loopGraphs() - before;
  }

  @Test
  void nearbyShapesShareAGraph() {
    grow();
    assertEquals(
        1, graphsFor(new int[] {1, 1, 1}, new int[] {1, 32, 1}, new int[] {1, 7, 32}), "a tile");
    assertEquals(1, graphsFor(new int[] {1, 33, 1}, new int[] {1, 64, 30}), "more rows");
    assertEquals(1, graphsFor(new int[] {1, 5, 33}, new int[] {1, 9, 64}), "more entries");
    assertEquals(1, graphsFor(new int[] {2, 5, 2}, new int[] {2, 30, 30}), "two canvases");
    // Of many canvases up to a quarter more.
    assertEquals(1, graphsFor(new int[] {17, 20, 17}, new int[] {20, 32, 20}), "up to 20");
    assertEquals(1, graphsFor(new int[] {21, 21, 21}, new int[] {24, 32, 24}), "up to 24");
    assertEquals(0, graphsFor(new int[] {1, 3, 3}, new int[] {2, 3, 3}), "as before");
  }

  /** A larger batch takes other memory, and what a graph was made for lies there no more. */
  @Test
  void aGraphWhoseMemoryIsGoneIsNotUsed() {
    writePadded(1, 5, 1);
    grow();
    writePadded(1, 5, 1);
  }

  /** Shape {@code i} of many: not padded, so that each is another one. */
  private void shape(int i) {
    write(1, 1 + i, 1);
  }

  @Test
  void theOneThatWasNotUsedForTheLongestTimeGoes() {
    Emulator.only();
    grow();
    // The one of the largest batch is among those that are kept.
    long others = Emulator.graphsHeld() - f.device.loopGraphs();
    for (int i = 0; i < MOST - 1; i++) {
      shape(i);
    }
    assertEquals(MOST, f.device.loopGraphs());
    shape(0);
    shape(MOST - 1);
    shape(MOST);
    assertEquals(MOST, f.device.loopGraphs());
    assertEquals(MOST, Emulator.graphsHeld() - others, "a graph that went was not destroyed");
    long made = Emulator.graphsMade();
    shape(0);
    shape(2);
    assertEquals(0, Emulator.graphsMade() - made, "graphs that were used later are gone");
    shape(1);
    assertEquals(1, Emulator.graphsMade() - made, "the oldest one was kept");
    f.device.close();
    assertEquals(others, Emulator.graphsHeld(), "graphs are left behind");
  }
}
