/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.KvStore;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Attention over more than a tile of keys: few queries, shared out tiles, heads that share keys.
 */
class LongAttentionTest {
  private static final int LENGTH = 1040;
  private static final int PAGES = KvStore.pagesFor(LENGTH);
  private static final List<AttentionMask> MASKS =
      List.of(AttentionMask.FULL, new AttentionMask(48));

  static List<CpuOptions> devices() {
    return Fixture.everyDevice().toList();
  }

  private static int[] pages(int step) {
    // 0, 1, 2 … for step 1; all over the place for others, prime to their number
    return IntStream.range(0, PAGES).map(i -> i * step % PAGES).toArray();
  }

  /** Rows of the output of one sequence of all positions. */
  private static float[] whole(CpuDevice device, float[] x, HeadShape shape, AttentionMask mask) {
    RowSpans spans = new RowSpans();
    int rows = spans.add(x.length / shape.fusedWidth()) + x.length / shape.fusedWidth();
    Tensor fused = Fixture.tensor(device, DType.F32, x, shape.fusedWidth(), 1);
    Tensor out = Fixture.empty(device, device.computeType(), rows, shape.queryWidth(), 1);
    device.attention(fused, shape, spans, mask, out);
    assertTrue(Fixture.guarded(out, rows));
    return taken(device, fused, out, rows);
  }

  private static float[] taken(CpuDevice device, Tensor fused, Tensor out, int rows) {
    float[] found = Fixture.read(out, rows);
    device.free(fused);
    device.free(out);
    return found;
  }

  /** The positions {@code fed} of a sequence whose positions are all stored; {@code others} too. */
  private static float[] few(
      CpuDevice device,
      float[] x,
      HeadShape shape,
      AttentionMask mask,
      KvStore store,
      int[] table,
      int[] fed,
      int others) {
    int width = shape.fusedWidth();
    RowSpans spans = new RowSpans();
    spans.add(fed.length, LENGTH, table);
    for (int i = 0; i < others; i++) {
      spans.add(130);
    }
    int rows = spans.rows();
    float[] batch = Fixture.gaussian(7, rows * width);
    int[] positions = new int[rows];
    for (int i = 0; i < fed.length; i++) {
      System.arraycopy(x, fed[i] * width, batch, i * width, width);
      positions[i] = fed[i];
    }
    for (int i = fed.length; i < rows; i++) {
      positions[i] = (i - fed.length) % 130;
    }
    Tensor fused = Fixture.tensor(device, DType.F32, batch, width, 1);
    Tensor out = Fixture.empty(device, device.computeType(), rows, shape.queryWidth(), 1);
    device.attention(fused, shape, spans, positions, mask, store, 0, out);
    assertTrue(Fixture.guarded(out, rows));
    return Arrays.copyOf(taken(device, fused, out, rows), fed.length * shape.queryWidth());
  }

  private static float[] rows(float[] out, int[] which, int width) {
    float[] some = new float[which.length * width];
    for (int i = 0; i < which.length; i++) {
      System.arraycopy(out, which[i] * width, some, i * width, width);
    }
    return some;
  }

  @ParameterizedTest
  @MethodSource("devices")
  void fewQueriesHaveTheBitsOfAllWhoeverComputesTheirTiles(CpuOptions options) {
    for (HeadShape shape : List.of(new HeadShape(2, 2, 16), new HeadShape(6, 2, 24))) {
      float[] x = Fixture.gaussian(1, LENGTH * shape.fusedWidth());
      List<float[]> expected = new ArrayList<>();
      for (int threads : new int[] {1, 3}) {
        try (CpuDevice device = CpuDevice.open(options.withThreads(threads))) {
          for (int step : new int[] {1, 3}) {
            KvStore store = device.keyValues(1, shape, 1 << 26);
            store.grow(PAGES);
            int[] every = IntStream.range(0, LENGTH).toArray();
            few(device, x, shape, new AttentionMask(1), store, pages(step), every, 0);
            for (AttentionMask mask : MASKS) {
              if (expected.size() < MASKS.size()) {
                expected.add(whole(device, x, shape, mask));
              }
              float[] all = expected.get(MASKS.indexOf(mask));
              for (int[] fed : List.of(new int[] {777}, new int[] {0, 5, 600, 1039})) {
                for (int others : new int[] {0, 6}) {
                  assertArrayEquals(
                      rows(all, fed, shape.queryWidth()),
                      few(device, x, shape, mask, store, pages(step), fed, others),
                      options + " " + shape + " " + mask + " threads " + threads + " step " + step);
                }
              }
            }
            store.close();
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void severalTilesGiveTheSoftmaxOfAll(CpuOptions options) {
    HeadShape shape = new HeadShape(3, 1, 64);
    int length = 520;
    float[] x;
    try (CpuDevice device = CpuDevice.open(options)) {
      x = Fixture.gaussian(2, length * shape.fusedWidth(), device.computeType());
      // Scores that grow, so that every tile changes the maximum.
      for (int i = 0; i < length; i++) {
        for (int j = shape.queryWidth(); j < shape.queryWidth() + shape.keyWidth(); j++) {
          x[i * shape.fusedWidth() + j] *= i < 300 ? 0.25f : 2;
        }
      }
      for (AttentionMask mask : MASKS) {
        double[] expected = new double[length * shape.queryWidth()];
        Reference.attention(x, 0, length, shape, mask, expected);
        double error = Reference.relativeError(whole(device, x, shape, mask), expected);
        double tolerance = device.computeType() == DType.BF16 ? 4e-3 : 2e-6;
        assertTrue(error < tolerance, options + " " + mask + ": " + error);
      }
    }
  }

  /** What follows the blocks that a row sees does not change its bits, however much it is. */
  @ParameterizedTest
  @MethodSource("devices")
  void unseenPositionsChangeNothing(CpuOptions options) {
    HeadShape shape = new HeadShape(4, 2, 32);
    float[] x = Fixture.gaussian(3, LENGTH * shape.fusedWidth());
    AttentionMask mask = new AttentionMask(100);
    try (CpuDevice device = CpuDevice.open(options)) {
      float[] all = whole(device, x, shape, mask);
      for (int seen : new int[] {100, 900}) {
        float[] start = whole(device, Arrays.copyOf(x, seen * shape.fusedWidth()), shape, mask);
        assertArrayEquals(Arrays.copyOf(all, start.length), start, options + " " + seen);
      }
    }
  }

  /** What another sequence left where nothing is stored yet may not be a number. */
  @ParameterizedTest
  @MethodSource("devices")
  void whatWasLeftBehindCountsForNothing(CpuOptions options) {
    HeadShape shape = new HeadShape(2, 1, 24);
    int width = shape.fusedWidth();
    float[] broken = new float[LENGTH * width];
    Arrays.fill(broken, Float.NaN);
    AttentionMask mask = new AttentionMask(10);
    int[] first = IntStream.range(0, 10).toArray();
    float[] x = Fixture.gaussian(4, LENGTH * width);
    try (CpuDevice device = CpuDevice.open(options)) {
      float[] expected = whole(device, Arrays.copyOf(x, 10 * width), shape, mask);
      // In scratch memory.
      assertTrue(Float.isNaN(whole(device, broken, shape, mask)[5]));
      for (int length : new int[] {10, 9}) {
        float[] start = Arrays.copyOf(x, length * width);
        float[] found = whole(device, start, shape, AttentionMask.FULL);
        for (float v : found) {
          assertTrue(Float.isFinite(v), options + " length " + length);
        }
      }
      // In pages.
      KvStore store = device.keyValues(1, shape, 1 << 26);
      store.grow(PAGES);
      int[] every = IntStream.range(0, LENGTH).toArray();
      few(device, broken, shape, mask, store, pages(1), every, 0);
      for (int page : pages(1)) {
        store.clear(page);
      }
      assertArrayEquals(
          expected, few(device, x, shape, mask, store, pages(1), first, 0), options.toString());
    }
  }
}
