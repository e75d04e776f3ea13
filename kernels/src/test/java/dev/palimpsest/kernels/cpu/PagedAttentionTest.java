/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.KvStore;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Keys and values in pages give the bits of keys and values in rows. */
class PagedAttentionTest {
  private static final HeadShape SHAPE = new HeadShape(6, 2, 24);
  private static final int LENGTH = 141;
  private static final int WIDTH = SHAPE.fusedWidth();
  private static final int[] PAGES = {5, 0, 3};

  static Stream<CpuOptions> devices() {
    return Fixture.everyDevice();
  }

  /** A batch around a probe: others without pages before and after it. */
  private record Batch(RowSpans spans, int[] positions, int at, float[] x) {
    static Batch of(float[] sequence, int[] fed, boolean paged, int... others) {
      RowSpans spans = new RowSpans();
      for (int n : others) {
        spans.add(n);
      }
      int at = paged ? spans.add(fed.length, LENGTH, PAGES) : spans.add(fed.length);
      spans.add(70);
      float[] x = Fixture.gaussian(99, spans.rows() * WIDTH);
      for (int i = 0; i < fed.length; i++) {
        System.arraycopy(sequence, fed[i] * WIDTH, x, (at + i) * WIDTH, WIDTH);
      }
      int[] positions = new int[spans.rows()];
      for (int s = 0; s < spans.sequences(); s++) {
        for (int i = 0; i < spans.length(s); i++) {
          positions[spans.start(s) + i] = spans.start(s) == at ? fed[i] : i;
        }
      }
      return new Batch(spans, positions, at, x);
    }

    /** All of the batch's output. */
    float[] attend(CpuDevice device, AttentionMask mask, KvStore store, int layer) {
      Tensor fused = Fixture.tensor(device, DType.F32, x, WIDTH, 1);
      Tensor out = Fixture.empty(device, device.computeType(), spans.rows(), SHAPE.queryWidth(), 1);
      if (spans.paged()) {
        device.attention(fused, SHAPE, spans, positions, mask, store, layer, out);
      } else {
        device.attention(fused, SHAPE, spans, mask, out);
      }
      assertTrue(Fixture.guarded(out, spans.rows()));
      float[] found = Fixture.read(out, spans.rows());
      device.free(fused);
      device.free(out);
      return found;
    }

    float[] probe(float[] out) {
      int n = SHAPE.queryWidth();
      return Arrays.copyOfRange(out, at * n, (at + spans.length(sequence())) * n);
    }

    private int sequence() {
      return spans.sequenceOf(at);
    }
  }

  private static int[] range(int from, int to) {
    return IntStream.range(from, to).toArray();
  }

  @ParameterizedTest
  @MethodSource("devices")
  void pagesGiveTheBitsOfRows(CpuOptions options) {
    float[] before = Fixture.gaussian(1, LENGTH * WIDTH);
    float[] after = Fixture.gaussian(2, LENGTH * WIDTH);
    for (int threads : new int[] {1, 3}) {
      try (CpuDevice device = CpuDevice.open(options.withThreads(threads))) {
        KvStore store = device.keyValues(3, SHAPE, 1 << 20);
        store.grow(6);
        for (AttentionMask mask : List.of(AttentionMask.FULL, new AttentionMask(32))) {
          for (int[] others : new int[][] {{}, {1, 130}}) {
            String what = options + " threads " + threads + " " + mask + Arrays.toString(others);
            // Everything fed: as rows.
            Batch rows = Batch.of(before, range(0, LENGTH), false, others);
            Batch all = Batch.of(before, range(0, LENGTH), true, others);
            for (int layer = 0; layer < 3; layer++) {
              // The other layers hold something else.
              Batch.of(after, range(0, LENGTH), true).attend(device, mask, store, layer);
            }
            float[] expected = rows.attend(device, mask, store, 1);
            assertArrayEquals(expected, all.attend(device, mask, store, 1), what);

            for (int[] fed :
                List.of(range(0, 1), range(40, 77), range(64, 141), new int[] {3, 63, 64, 140})) {
              // Some positions fed anew: as rows of which those have changed.
              all.attend(device, mask, store, 1);
              float[] mixed = before.clone();
              for (int p : fed) {
                System.arraycopy(after, p * WIDTH, mixed, p * WIDTH, WIDTH);
              }
              Batch whole = Batch.of(mixed, range(0, LENGTH), false, others);
              float[] wholeOut = whole.probe(whole.attend(device, mask, store, 1));
              Batch some = Batch.of(mixed, fed, true, others);
              float[] someOut = some.probe(some.attend(device, mask, store, 1));
              int n = SHAPE.queryWidth();
              for (int i = 0; i < fed.length; i++) {
                assertArrayEquals(
                    Arrays.copyOfRange(wholeOut, fed[i] * n, (fed[i] + 1) * n),
                    Arrays.copyOfRange(someOut, i * n, (i + 1) * n),
                    what + " position " + fed[i]);
              }
            }
          }
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = CpuOptions.ComputeType.class,
      names = {"AUTO", "F32"})
  void memoryGrowsByNeedUpToTheBudgetAndIsGivenBack(CpuOptions.ComputeType type) {
    HeadShape wide = new HeadShape(32, 8, 128);
    CpuOptions options = CpuOptions.DEFAULT.withThreads(1).withComputeType(type);
    try (CpuDevice device = CpuDevice.open(options)) {
      KvStore store = device.keyValues(4, wide, 100L << 20);
      int bytes = device.computeType().blockBytes();
      int most = bytes == 2 ? 100 : 50;
      assertEquals(4L * 64 * 2 * 1024 * bytes, store.pageBytes());
      assertEquals(most, store.maxPages());
      assertEquals(0, store.pages());
      store.grow(1);
      assertTrue(store.pages() >= 1 && store.pages() < most);
      store.grow(most);
      assertEquals(most, store.pages());
      assertThrows(IllegalArgumentException.class, () -> store.grow(most + 1));
      store.clear(most - 1);
      assertThrows(IllegalArgumentException.class, () -> store.clear(most));
      assertThrows(IllegalArgumentException.class, () -> store.clear(-1));
      store.close();
      store.close();
      assertEquals(0, store.pages());
      assertThrows(IllegalStateException.class, () -> store.grow(1));
      assertEquals(0, device.keyValues(1, wide, 10).maxPages());
      assertThrows(IllegalArgumentException.class, () -> device.keyValues(0, wide, 10));
    }
  }

  @Test
  void whatDoesNotFitIsRefusedByName() {
    try (CpuDevice device = CpuDevice.open(CpuOptions.DEFAULT.withThreads(1));
        CpuDevice other = CpuDevice.open(CpuOptions.DEFAULT.withThreads(1))) {
      KvStore store = device.keyValues(2, SHAPE, 1 << 20);
      store.grow(4);
      KvStore foreign = other.keyValues(2, SHAPE, 1 << 20);
      foreign.grow(4);
      Tensor fused = device.allocate(DType.F32, 200, WIDTH);
      Tensor out = device.allocate(DType.F32, 200, SHAPE.queryWidth());
      RowSpans spans = new RowSpans();
      spans.add(3, 100, new int[] {1, 2});
      int[] good = {4, 5, 99};
      device.attention(fused, SHAPE, spans, good, AttentionMask.FULL, store, 0, out);
      Refusals refusals =
          (named, s, positions, from, layer) -> {
            IllegalArgumentException e =
                assertThrows(
                    IllegalArgumentException.class,
                    () ->
                        device.attention(
                            fused, SHAPE, s, positions, AttentionMask.FULL, from, layer, out));
            assertTrue(e.getMessage().contains(named), e.getMessage());
          };
      refusals.refused("another device", spans, good, foreign, 0);
      refusals.refused("layer 2", spans, good, store, 2);
      refusals.refused("layer -1", spans, good, store, -1);
      refusals.refused("ascend", spans, new int[] {4, 4, 99}, store, 0);
      refusals.refused("below 100", spans, new int[] {4, 5, 100}, store, 0);
      refusals.refused("ascend", spans, new int[] {-1, 5, 9}, store, 0);
      refusals.refused("3 rows", spans, new int[] {4, 5}, store, 0);
      RowSpans far = new RowSpans();
      far.add(3, 100, new int[] {1, 4000});
      refusals.refused("page 4000", far, good, store, 0);
      assertTrue(
          assertThrows(
                  IllegalArgumentException.class,
                  () -> device.attention(fused, SHAPE, spans, AttentionMask.FULL, out))
              .getMessage()
              .contains("pages"));
      assertThrows(IllegalArgumentException.class, () -> spans.add(3, 129, new int[] {1, 2}));
      assertThrows(IllegalArgumentException.class, () -> spans.add(4, 3, new int[] {1}));
      store.close();
      assertThrows(
          IllegalStateException.class,
          () -> device.attention(fused, SHAPE, spans, good, AttentionMask.FULL, store, 0, out));
    }
  }

  private interface Refusals {
    void refused(String named, RowSpans spans, int[] positions, KvStore store, int layer);
  }
}
