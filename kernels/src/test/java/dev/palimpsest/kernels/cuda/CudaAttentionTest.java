/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static dev.palimpsest.kernels.cuda.CudaFixture.anySchedule;
import static dev.palimpsest.kernels.cuda.CudaFixture.near;
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
import dev.palimpsest.kernels.cpu.Fixture;
import dev.palimpsest.kernels.cpu.Reference;
import dev.palimpsest.kernels.cuda.CudaOptions.ComputeType;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Attention against float64; keys and values in pages give the bits of keys and values in rows. */
class CudaAttentionTest {
  private static final List<HeadShape> SHAPES =
      List.of(
          new HeadShape(2, 2, 16),
          new HeadShape(4, 1, 64),
          new HeadShape(7, 1, 24),
          new HeadShape(2, 1, 96),
          new HeadShape(2, 2, 128),
          new HeadShape(1, 1, 256),
          new HeadShape(2, 1, 7));

  private static RowSpans spans(int... lengths) {
    RowSpans spans = new RowSpans();
    for (int n : lengths) {
      spans.add(n);
    }
    return spans;
  }

  @ParameterizedTest
  @EnumSource
  void raggedBatchesEqualTheReference(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      for (HeadShape shape : SHAPES) {
        for (AttentionMask mask :
            List.of(AttentionMask.FULL, new AttentionMask(32), new AttentionMask(1))) {
          RowSpans spans = spans(1, 65, 7);
          int rows = spans.rows();
          // Queries and keys as bf16 would have them: only the sums may err.
          float[] x = f.gaussian(shape.headDim(), rows * shape.fusedWidth());
          double[] expected = new double[rows * shape.queryWidth()];
          for (int s = 0; s < spans.sequences(); s++) {
            Reference.attention(x, spans.start(s), spans.length(s), shape, mask, expected);
          }
          String what = compute + " " + shape + " " + mask;
          Tensor fused = f.tensor(DType.F32, x, shape.fusedWidth());
          float[] found =
              anySchedule(
                  what,
                  () -> {
                    Tensor out = f.empty(f.type, rows, shape.queryWidth());
                    f.device.attention(fused, shape, spans, mask, out);
                    return f.read(out, rows);
                  });
          near(what, found, expected, f.type == DType.BF16 ? 6e-3 : 2e-6);
        }
      }
    }
  }

  /** One sequence's rows, alone and between others. */
  @ParameterizedTest
  @EnumSource
  void aSequenceHasTheSameBitsInAnyBatch(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      HeadShape shape = new HeadShape(4, 2, 64);
      float[] mine = f.gaussian(1, 70 * shape.fusedWidth());
      float[] alone = null;
      for (int before : new int[] {0, 1, 33, 64}) {
        RowSpans spans = before == 0 ? spans(70) : spans(before, 70, 5);
        int at = before;
        float[] x = f.gaussian(2, spans.rows() * shape.fusedWidth());
        System.arraycopy(mine, 0, x, at * shape.fusedWidth(), mine.length);
        Tensor out = f.empty(f.type, spans.rows(), shape.queryWidth());
        f.device.attention(
            f.tensor(DType.F32, x, shape.fusedWidth()), shape, spans, AttentionMask.FULL, out);
        float[] found =
            Arrays.copyOfRange(
                f.read(out, spans.rows()), at * shape.queryWidth(), (at + 70) * shape.queryWidth());
        alone = alone == null ? found : alone;
        assertArrayEquals(alone, found, compute + " behind " + before);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void pagesGiveTheBitsOfRows(ComputeType compute) {
    // In bf16 more than one split of 256 keys.
    int length = compute == ComputeType.BF16 ? 270 : 70;
    int[] pages = {5, 0, 3, 6, 2, 1};
    List<HeadShape> shapes =
        compute == ComputeType.BF16
            ? List.of(new HeadShape(4, 2, 32), new HeadShape(3, 1, 64))
            : List.of(new HeadShape(2, 1, 24));
    try (CudaFixture f = new CudaFixture(compute)) {
      for (HeadShape shape : shapes) {
        int width = shape.fusedWidth();
        int n = shape.queryWidth();
        float[] before = Fixture.gaussian(1, length * width);
        float[] after = Fixture.gaussian(2, length * width);
        KvStore store = f.device.keyValues(2, shape, 1 << 22);
        store.grow(7);
        for (AttentionMask mask : List.of(AttentionMask.FULL, new AttentionMask(32))) {
          if (shape.heads() == 3 && mask.blockLength() > 0) {
            continue;
          }
          int[] all = IntStream.range(0, length).toArray();
          float[] expected = rows(f, shape, mask, before);
          // The other layer holds something else.
          paged(f, shape, mask, store, 0, after, all, pages);
          assertArrayEquals(expected, paged(f, shape, mask, store, 1, before, all, pages));
          for (int[] fed :
              List.of(
                  new int[] {0},
                  IntStream.range(40, 65).toArray(),
                  new int[] {3, 63, 64, length - 1})) {
            paged(f, shape, mask, store, 1, before, all, pages);
            float[] mixed = before.clone();
            for (int p : fed) {
              System.arraycopy(after, p * width, mixed, p * width, width);
            }
            float[] whole = rows(f, shape, mask, mixed);
            float[] some = paged(f, shape, mask, store, 1, mixed, fed, pages);
            for (int i = 0; i < fed.length; i++) {
              assertArrayEquals(
                  Arrays.copyOfRange(whole, fed[i] * n, (fed[i] + 1) * n),
                  Arrays.copyOfRange(some, i * n, (i + 1) * n),
                  compute + " " + shape + " " + mask + " position " + fed[i]);
            }
          }
        }
        store.close();
      }
    }
  }

  private static float[] rows(CudaFixture f, HeadShape shape, AttentionMask mask, float[] x) {
    int rows = x.length / shape.fusedWidth();
    Tensor fused = f.tensor(DType.F32, x, shape.fusedWidth());
    Tensor out = f.empty(f.type, rows, shape.queryWidth());
    f.device.attention(fused, shape, spans(rows), mask, out);
    float[] found = f.read(out, rows);
    f.device.free(fused);
    f.device.free(out);
    return found;
  }

  /** Feeds some positions of a sequence in pages, behind a sequence of five rows without. */
  private static float[] paged(
      CudaFixture f,
      HeadShape shape,
      AttentionMask mask,
      KvStore store,
      int layer,
      float[] x,
      int[] fed,
      int[] pages) {
    int width = shape.fusedWidth();
    RowSpans spans = spans(5);
    int at = spans.add(fed.length, x.length / width, pages);
    float[] batch = Fixture.gaussian(9, spans.rows() * width);
    int[] positions = new int[spans.rows()];
    for (int i = 0; i < fed.length; i++) {
      System.arraycopy(x, fed[i] * width, batch, (at + i) * width, width);
      positions[at + i] = fed[i];
    }
    Tensor fused = f.tensor(DType.F32, batch, width);
    Tensor out = f.empty(f.type, spans.rows(), shape.queryWidth());
    f.device.attention(fused, shape, spans, positions, mask, store, layer, out);
    float[] found =
        Arrays.copyOfRange(
            f.read(out, spans.rows()), at * shape.queryWidth(), spans.rows() * shape.queryWidth());
    f.device.free(fused);
    f.device.free(out);
    return found;
  }

  @ParameterizedTest
  @EnumSource
  void memoryGrowsByNeedUpToTheBudgetAndIsGivenBack(ComputeType compute) {
    HeadShape wide = new HeadShape(32, 8, 128);
    try (CudaFixture f = new CudaFixture(compute)) {
      long bytes = f.type.blockBytes();
      KvStore store = f.device.keyValues(28, wide, 12 * 28 * 64 * 2 * 1024 * bytes + 5);
      assertEquals(28L * 64 * 2 * 1024 * bytes, store.pageBytes());
      assertEquals(12, store.maxPages());
      long used = Emulator.memoryUsed();
      store.grow(1);
      assertTrue(store.pages() >= 1 && store.pages() < 12, "pages " + store.pages());
      store.grow(12);
      assertEquals(12, store.pages());
      assertThrows(IllegalArgumentException.class, () -> store.grow(13));
      store.clear(11);
      assertThrows(IllegalArgumentException.class, () -> store.clear(store.pages()));
      store.close();
      store.close();
      assertEquals(used, Emulator.memoryUsed());
      assertThrows(IllegalStateException.class, () -> store.grow(1));
    }
  }
}
