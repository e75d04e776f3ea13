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
import dev.palimpsest.kernels.Device;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.KvStore;
import dev.palimpsest.kernels.OpByOp;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.kernels.RotaryProjection;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.cpu.Fixture;
import dev.palimpsest.kernels.cpu.Reference;
import dev.palimpsest.kernels.cuda.CudaOptions.ComputeType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Ops that do in one kernel what others do one after the other: the bits of those others, which are
 * what {@link Device}'s own methods make of them.
 */
class CudaFusedTest {
  private static final int IN = 40;
  private static final float EPS = 1e-5f;

  private static final List<HeadShape> SHAPES =
      List.of(
          new HeadShape(2, 2, 64),
          new HeadShape(4, 1, 96),
          new HeadShape(7, 1, 128),
          new HeadShape(2, 1, 256),
          new HeadShape(2, 1, 6),
          new HeadShape(3, 1, 7));

  /** How keys and values of a batch are kept. */
  private enum Kept {
    ROWS,
    PAGES
  }

  /** A batch: the second of three sequences feeds some positions of more, where it is paged. */
  private record Batch(RowSpans spans, int[] positions, Optional<KvStore> store) {}

  private static Batch batch(CudaFixture f, HeadShape shape, Kept kept) {
    RowSpans spans = new RowSpans();
    spans.add(1);
    int[] fed = {0, 5, 63, 64, 66};
    if (kept == Kept.ROWS) {
      spans.add(fed.length);
      spans.add(3);
      return new Batch(spans, new int[] {0, 9, 10, 11, 12, 700, 0, 1, 2}, Optional.empty());
    }
    KvStore store = f.device.keyValues(2, shape, 1 << 22);
    store.grow(3);
    for (int page = 0; page < 3; page++) {
      store.clear(page);
    }
    spans.add(fed.length, 67, new int[] {2, 0});
    spans.add(3);
    int[] positions = new int[spans.rows()];
    System.arraycopy(fed, 0, positions, 1, fed.length);
    positions[7] = 1;
    positions[8] = 2;
    return new Batch(spans, positions, Optional.of(store));
  }

  private static Tensor vector(CudaFixture f, int seed, int n) {
    return f.device.vector(
        Fixture.view(f.arena, "v" + seed, DType.F32, Fixture.gaussian(seed, n), n));
  }

  private static PackedLinear map(CudaFixture f, int seed, int out, int in) {
    return f.device.pack(
        Fixture.view(f.arena, "w" + seed, DType.F32, f.gaussian(seed, out * in), out, in));
  }

  /** Every optional part there and not there, every way to turn. */
  private static List<RotaryProjection> projections(CudaFixture f, HeadShape shape) {
    int d = shape.headDim();
    PackedLinear map = map(f, d, shape.fusedWidth(), IN);
    Optional<Tensor> bias = Optional.of(vector(f, 3, shape.fusedWidth()));
    var norms =
        Optional.of(new RotaryProjection.HeadNorms(vector(f, 4, d), vector(f, 5, d), 1e-6f));
    Rope whole = new Rope(1e4, d / 2 * 2, Rope.Pairing.HALF_SPLIT);
    List<RotaryProjection> all = new ArrayList<>();
    all.add(new RotaryProjection(map, bias, shape, norms, whole));
    all.add(new RotaryProjection(map, Optional.empty(), shape, Optional.empty(), whole));
    if (d == 64 || d == 7) {
      Rope part = new Rope(1e4, d / 4 * 2, Rope.Pairing.INTERLEAVED);
      Rope none = new Rope(1e4, 0, Rope.Pairing.HALF_SPLIT);
      all.add(new RotaryProjection(map, Optional.empty(), shape, norms, part));
      all.add(new RotaryProjection(map, bias, shape, Optional.empty(), none));
    }
    return all;
  }

  private static void attend(
      Device by, Tensor x, RotaryProjection p, Tensor fused, Batch b, int layer, Tensor out) {
    if (b.store.isPresent()) {
      by.rotaryAttention(
          x, p, fused, b.spans, b.positions, AttentionMask.FULL, b.store.get(), layer, out);
    } else {
      by.rotaryAttention(x, p, fused, b.spans, b.positions, AttentionMask.FULL, out);
    }
  }

  private static float[] attended(
      CudaFixture f, Device by, RotaryProjection p, float[] rows, Batch b, int layer) {
    int n = b.spans.rows();
    Tensor x = f.tensor(f.type, rows, IN);
    Tensor fused = f.empty(DType.F32, n, p.shape().fusedWidth());
    Tensor out = f.empty(f.type, n, p.shape().queryWidth());
    attend(by, x, p, fused, b, layer, out);
    float[] found = f.read(out, n);
    f.read(fused, n);
    f.device.free(x);
    f.device.free(fused);
    f.device.free(out);
    return found;
  }

  @ParameterizedTest
  @EnumSource
  void rotaryAttentionHasTheBitsOfItsParts(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      for (HeadShape shape : SHAPES) {
        for (RotaryProjection p : projections(f, shape)) {
          for (Kept kept : Kept.values()) {
            Batch b = batch(f, shape, kept);
            float[] x = f.gaussian(shape.heads(), b.spans.rows() * IN);
            String what = compute + " " + kept + " " + p;
            float[] parts = attended(f, OpByOp.of(f.device), p, x, b, 1);
            b.store.ifPresent(
                store -> {
                  for (int page = 0; page < 3; page++) {
                    store.clear(page);
                  }
                });
            float[] found = anySchedule(what, () -> attended(f, f.device, p, x, b, 1));
            assertArrayEquals(parts, found, what);
            b.store.ifPresent(KvStore::close);
          }
        }
      }
    }
  }

  /** What the pages hold afterwards is read back by feeding one row over them. */
  @ParameterizedTest
  @EnumSource
  void keysAndValuesLieInTheirPagesAsIfStoredByThemselves(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      HeadShape shape = new HeadShape(4, 2, 64);
      RotaryProjection p = projections(f, shape).getFirst();
      List<float[]> found = new ArrayList<>();
      for (Device by : List.of(OpByOp.of(f.device), f.device)) {
        Batch b = batch(f, shape, Kept.PAGES);
        float[] x = f.gaussian(1, b.spans.rows() * IN);
        attended(f, by, p, x, b, 0);
        attended(f, by, p, f.gaussian(2, b.spans.rows() * IN), b, 1);
        RowSpans one = new RowSpans();
        one.add(1, 67, new int[] {2, 0});
        for (int layer = 0; layer < 2; layer++) {
          Batch last = new Batch(one, new int[] {6}, b.store);
          found.add(attended(f, OpByOp.of(f.device), p, f.gaussian(3, IN), last, layer));
        }
        b.store.orElseThrow().close();
      }
      assertArrayEquals(found.get(0), found.get(2));
      assertArrayEquals(found.get(1), found.get(3));
      assertTrue(!Arrays.equals(found.get(0), found.get(1)), "the layers hold the same");
    }
  }

  @ParameterizedTest
  @EnumSource
  void rotaryAttentionEqualsTheReference(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      HeadShape shape = new HeadShape(4, 2, 64);
      int d = shape.headDim();
      int width = shape.fusedWidth();
      RotaryProjection p = projections(f, shape).getFirst();
      RowSpans spans = new RowSpans();
      spans.add(9);
      spans.add(4);
      int rows = spans.rows();
      int[] positions = new int[rows];
      for (int i = 0; i < rows; i++) {
        positions[i] = i < 9 ? i : i - 9;
      }
      float[] x = f.gaussian(7, rows * IN);
      float[] bias = Fixture.gaussian(3, width);
      double[] heads = Reference.product(x, f.gaussian(d, width * IN), rows, IN, width);
      for (int r = 0; r < rows; r++) {
        for (int i = 0; i < width; i++) {
          heads[r * width + i] += bias[i];
        }
        for (int h = 0; h < shape.heads() + shape.kvHeads(); h++) {
          float[] weight = Fixture.gaussian(h < shape.heads() ? 4 : 5, d);
          Reference.rmsNorm(heads, r * width + h * d, d, weight, 1e-6f);
        }
      }
      Reference.rotate(heads, rows, shape, p.rope(), positions);
      float[] narrowed = new float[heads.length];
      for (int i = 0; i < heads.length; i++) {
        narrowed[i] = (float) heads[i];
      }
      double[] expected = new double[rows * shape.queryWidth()];
      for (int s = 0; s < spans.sequences(); s++) {
        Reference.attention(
            narrowed, spans.start(s), spans.length(s), shape, AttentionMask.FULL, expected);
      }
      float[] found = attended(f, f.device, p, x, new Batch(spans, positions, Optional.empty()), 0);
      // bf16 rounds queries, keys and values too.
      near("" + compute, found, expected, f.type == DType.BF16 ? 1e-2 : 1e-5);
    }
  }

  /** A sequence alone, and as one of 2, 7 and 33. */
  @ParameterizedTest
  @EnumSource
  void aSequenceHasTheSameBitsInAnyBatch(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      HeadShape shape = new HeadShape(2, 1, 64);
      RotaryProjection p = projections(f, shape).getFirst();
      float[] mine = f.gaussian(1, 5 * IN);
      float[] alone = null;
      for (int batch : new int[] {1, 2, 7, 33}) {
        RowSpans spans = new RowSpans();
        int[] positions = new int[5 + 2 * batch];
        int at = 0;
        for (int s = 0; s < batch; s++) {
          int n = s == batch / 2 ? 5 : 2;
          int first = spans.add(n);
          for (int i = 0; i < n; i++) {
            positions[first + i] = i;
          }
          at = s == batch / 2 ? first : at;
        }
        float[] x = f.gaussian(2, spans.rows() * IN);
        System.arraycopy(mine, 0, x, at * IN, mine.length);
        float[] all = attended(f, f.device, p, x, new Batch(spans, positions, Optional.empty()), 0);
        int n = shape.queryWidth();
        float[] found = Arrays.copyOfRange(all, at * n, (at + 5) * n);
        alone = alone == null ? found : alone;
        assertArrayEquals(alone, found, compute + " in " + batch);
      }
    }
  }

  private static float[][] added(
      CudaFixture f,
      Device by,
      int rows,
      PackedLinear map,
      Optional<Tensor> bias,
      Tensor norm,
      DType type) {
    int width = map.outFeatures();
    Tensor x = f.tensor(f.type, f.gaussian(rows, rows * IN), IN);
    Tensor accumulator = f.tensor(DType.F32, Fixture.gaussian(width, rows * width), width);
    Tensor out = f.empty(type, rows, width);
    by.linearAddNorm(x, rows, map, bias, accumulator, norm, EPS, out);
    float[][] found = {f.read(accumulator, rows), f.read(out, rows)};
    f.device.free(x);
    f.device.free(accumulator);
    f.device.free(out);
    return found;
  }

  @ParameterizedTest
  @EnumSource
  void additionsAndNormsHaveTheBitsOfTheirParts(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      for (int width : new int[] {1, 31, 256, 257}) {
        PackedLinear map = map(f, width, width, IN);
        Tensor norm = vector(f, 2, width);
        for (Optional<Tensor> bias :
            List.of(Optional.of(vector(f, 3, width)), Optional.<Tensor>empty())) {
          // Few rows and more: added by the norm, added by the product.
          for (int rows : width == 31 ? new int[] {1, 17, 128, 129} : new int[] {3}) {
            for (DType type : new DType[] {DType.F32, f.type}) {
              String what = compute + " " + rows + " x " + width + " " + bias.isPresent() + type;
              float[][] parts = added(f, OpByOp.of(f.device), rows, map, bias, norm, type);
              for (int i = 0; i < 2; i++) {
                int part = i;
                assertArrayEquals(
                    parts[i],
                    anySchedule(what, () -> added(f, f.device, rows, map, bias, norm, type)[part]),
                    what);
              }
            }
          }
        }
      }
    }
  }

  /** Rows that are wider than what a block keeps of them. */
  @Test
  void wideRowsAreNormalisedToo() {
    try (CudaFixture f = new CudaFixture(ComputeType.BF16)) {
      int width = 8192 + 300;
      PackedLinear map = map(f, 1, width, 8);
      Tensor norm = vector(f, 2, width);
      Optional<Tensor> bias = Optional.of(vector(f, 3, width));
      List<float[]> found = new ArrayList<>();
      for (Device by : List.of(OpByOp.of(f.device), f.device)) {
        Tensor x = f.tensor(f.type, f.gaussian(4, 2 * 8), 8);
        Tensor accumulator = f.tensor(DType.F32, Fixture.gaussian(5, 2 * width), width);
        Tensor out = f.empty(f.type, 2, width);
        by.linearAddNorm(x, 2, map, bias, accumulator, norm, EPS, out);
        found.add(f.read(out, 2));
        found.add(f.read(accumulator, 2));
      }
      assertArrayEquals(found.get(0), found.get(2));
      assertArrayEquals(found.get(1), found.get(3));
    }
  }

  @ParameterizedTest
  @EnumSource
  void additionsAndNormsEqualTheReference(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      int width = 300;
      int rows = 5;
      float[] x = f.gaussian(rows, rows * IN);
      float[] before = Fixture.gaussian(width, rows * width);
      float[] bias = Fixture.gaussian(3, width);
      double[] expected = Reference.product(x, f.gaussian(width, width * IN), rows, IN, width);
      for (int i = 0; i < expected.length; i++) {
        expected[i] += before[i] + bias[i % width];
      }
      float[][] found =
          added(
              f,
              f.device,
              rows,
              map(f, width, width, IN),
              Optional.of(vector(f, 3, width)),
              vector(f, 2, width),
              f.type);
      near("the residual", found[0], expected, 1e-6 * Math.sqrt(IN));
      for (int r = 0; r < rows; r++) {
        Reference.rmsNorm(expected, r * width, width, Fixture.gaussian(2, width), EPS);
      }
      near("its norm", found[1], expected, f.tolerance(IN));
    }
  }

  /** A step is a graph from its second time on; what changes goes by device memory. */
  @ParameterizedTest
  @EnumSource
  void graphsReplayThem(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute, false)) {
      HeadShape shape = new HeadShape(2, 1, 64);
      RotaryProjection p = projections(f, shape).getFirst();
      PackedLinear output = map(f, 9, IN, shape.queryWidth());
      Tensor norm = vector(f, 2, IN);
      int rows = 6;
      float[] x = f.gaussian(1, rows * IN);
      long replays = Emulator.graphLaunches();
      List<float[]> found = new ArrayList<>();
      Tensor in = f.tensor(f.type, x, IN);
      Tensor fused = f.empty(DType.F32, rows, shape.fusedWidth());
      Tensor attended = f.empty(f.type, rows, shape.queryWidth());
      Tensor before = f.tensor(DType.F32, x, IN);
      Tensor residual = f.tensor(DType.F32, x, IN);
      Tensor out = f.empty(f.type, rows, IN);
      RowSpans spans = new RowSpans();
      spans.add(rows);
      for (int turn = 0; turn < 5; turn++) {
        Device by = turn == 4 ? OpByOp.of(f.device) : f.device;
        // The last row of the last turns turns by more.
        int[] positions = {0, 1, 2, 3, 4, turn < 3 ? 5 : 50};
        by.gather(before, new int[] {0, 1, 2, 3, 4, 5}, rows, residual);
        by.rotaryAttention(in, p, fused, spans, positions, AttentionMask.FULL, attended);
        by.linearAddNorm(attended, rows, output, Optional.empty(), residual, norm, EPS, out);
        f.device.context().launches().flush();
        found.add(f.read(out, rows));
      }
      // All but the first and the last, which makes other launches.
      Emulator.replayed(3, replays);
      assertArrayEquals(found.get(0), found.get(1));
      assertArrayEquals(found.get(0), found.get(2));
      assertArrayEquals(found.get(4), found.get(3));
      assertTrue(!Arrays.equals(found.get(0), found.get(3)), "positions are not read");
    }
  }

  /** Beside the product and attention itself. */
  @Test
  void eachIsOneKernel() {
    Emulator.only();
    try (CudaFixture f = new CudaFixture(ComputeType.F32)) {
      HeadShape shape = new HeadShape(2, 1, 64);
      RotaryProjection p = projections(f, shape).getFirst();
      Batch b = batch(f, shape, Kept.PAGES);
      float[] x = f.gaussian(1, b.spans.rows() * IN);
      long pages = Emulator.launchesOf("rotary_pages_f32");
      long norms = Emulator.launchesOf("residual_norm_f32");
      long before = Emulator.launches();
      attended(f, f.device, p, x, b, 0);
      assertEquals(3, Emulator.launches() - before);
      assertEquals(1, Emulator.launchesOf("rotary_pages_f32") - pages);
      PackedLinear map = map(f, 1, IN, IN);
      Tensor norm = vector(f, 2, IN);
      for (Optional<Tensor> bias : List.of(Optional.of(norm), Optional.<Tensor>empty())) {
        before = Emulator.launches();
        added(f, f.device, 5, map, bias, norm, f.type);
        assertEquals(2, Emulator.launches() - before);
      }
      assertEquals(2, Emulator.launchesOf("residual_norm_f32") - norms);
    }
  }

  @Test
  void whatDoesNotFitIsRefusedByName() {
    try (CudaFixture f = new CudaFixture(ComputeType.F32)) {
      HeadShape shape = new HeadShape(2, 1, 64);
      RotaryProjection p = projections(f, shape).getFirst();
      Tensor x = f.empty(f.type, 4, IN);
      Tensor fused = f.empty(DType.F32, 4, shape.fusedWidth());
      Tensor out = f.empty(f.type, 4, shape.queryWidth());
      RowSpans spans = new RowSpans();
      spans.add(4);
      int[] positions = {0, 1, 2, 3};
      var narrow =
          new RotaryProjection(
              p.weights(), Optional.of(vector(f, 1, 64)), shape, p.norms(), p.rope());
      refused(
          "rotaryAttention: bias",
          () ->
              f.device.rotaryAttention(
                  x, narrow, fused, spans, positions, AttentionMask.FULL, out));
      var wrongNorm =
          new RotaryProjection(
              p.weights(),
              Optional.empty(),
              shape,
              Optional.of(new RotaryProjection.HeadNorms(vector(f, 1, 64), vector(f, 1, 32), EPS)),
              p.rope());
      refused(
          "rotaryAttention: norms.key",
          () ->
              f.device.rotaryAttention(
                  x, wrongNorm, fused, spans, positions, AttentionMask.FULL, out));
      refused(
          "rotaryAttention: 4 rows want",
          () -> f.device.rotaryAttention(x, p, fused, spans, new int[1], AttentionMask.FULL, out));
      spans.add(1, 1, new int[] {0});
      refused(
          "no K/V store",
          () -> f.device.rotaryAttention(x, p, fused, spans, positions, AttentionMask.FULL, out));
      PackedLinear output = map(f, 9, IN, IN);
      Tensor residual = f.empty(DType.F32, 4, IN);
      refused(
          "linearAddNorm: x, accumulator and out",
          () ->
              f.device.linearAddNorm(
                  x, 4, output, Optional.empty(), residual, vector(f, 2, IN), EPS, residual));
      refused(
          "linearAddNorm: norm",
          () ->
              f.device.linearAddNorm(
                  x,
                  4,
                  output,
                  Optional.empty(),
                  residual,
                  vector(f, 2, IN + 1),
                  EPS,
                  f.empty(f.type, 4, IN)));
    }
  }

  private static void refused(String message, Runnable op) {
    IllegalArgumentException e = assertThrows(IllegalArgumentException.class, op::run);
    assertTrue(e.getMessage().contains(message), e.getMessage());
  }
}
