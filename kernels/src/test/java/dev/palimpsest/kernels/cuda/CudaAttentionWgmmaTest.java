/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static dev.palimpsest.kernels.cuda.CudaFixture.anySchedule;
import static dev.palimpsest.kernels.cuda.CudaFixture.near;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.cpu.Reference;
import dev.palimpsest.kernels.cuda.CudaOptions.ComputeType;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The attention by wgmma against float64, and bit for bit against its twin on other chips. */
class CudaAttentionWgmmaTest {
  private record Scene(HeadShape shape, AttentionMask mask, int... lengths) {}

  static List<Scene> scenes() {
    return List.of(
        // More keys than a split; a tile of four queries; a sequence for the twin.
        new Scene(new HeadShape(1, 1, 64), AttentionMask.FULL, 3, 260),
        new Scene(new HeadShape(4, 1, 64), new AttentionMask(32), 40),
        new Scene(new HeadShape(7, 1, 128), new AttentionMask(1), 19, 4),
        new Scene(new HeadShape(2, 2, 128), AttentionMask.FULL, 128));
  }

  private static float[] attend(
      CudaFixture f, Scene scene, RowSpans spans, float[] x, String what) {
    HeadShape shape = scene.shape;
    Tensor fused = f.tensor(DType.F32, x, shape.fusedWidth());
    return anySchedule(
        what,
        () -> {
          Tensor out = f.empty(f.type, spans.rows(), shape.queryWidth());
          f.device.attention(fused, shape, spans, scene.mask, out);
          return f.read(out, spans.rows());
        });
  }

  @ParameterizedTest
  @MethodSource("scenes")
  void itEqualsTheReferenceAndItsTwin(Scene scene) {
    HeadShape shape = scene.shape;
    RowSpans spans = new RowSpans();
    Arrays.stream(scene.lengths).forEach(spans::add);
    int rows = spans.rows();
    double[] expected = new double[rows * shape.queryWidth()];
    float[] x;
    float[] found;
    try (CudaFixture f = new CudaFixture(ComputeType.BF16)) {
      x = f.gaussian(shape.headDim(), rows * shape.fusedWidth());
      for (int s = 0; s < spans.sequences(); s++) {
        Reference.attention(x, spans.start(s), spans.length(s), shape, scene.mask, expected);
      }
      long before = launches(shape);
      found = attend(f, scene, spans, x, scene.toString());
      assertEquals(Emulator.chip() ? 0 : CudaFixture.SEEDS, launches(shape) - before);
      near(scene.toString(), found, expected, 6e-3);
    }
    if (Emulator.chip()) {
      // A chip is of one capability, and has its own order within a product.
      return;
    }
    try (CudaFixture f = new CudaFixture(ComputeType.BF16, 80)) {
      float[] twin = attend(f, scene, spans, x, scene + " twin");
      assertArrayEquals(twin, found, "wgmma and mma.sync add up alike");
    }
  }

  /** A knob leaves it out, on whatever chip. */
  @Test
  void itCanBeSwitchedOff() {
    Scene scene = scenes().getLast();
    RowSpans spans = new RowSpans();
    Arrays.stream(scene.lengths).forEach(spans::add);
    System.setProperty(Attention.WGMMA_PROPERTY, "false");
    try (CudaFixture f = new CudaFixture(ComputeType.BF16)) {
      float[] x = f.gaussian(scene.shape.headDim(), spans.rows() * scene.shape.fusedWidth());
      double[] expected = new double[spans.rows() * scene.shape.queryWidth()];
      Reference.attention(x, 0, spans.rows(), scene.shape, scene.mask, expected);
      long before = launches(scene.shape);
      near("" + scene, attend(f, scene, spans, x, "" + scene), expected, 6e-3);
      assertEquals(0, launches(scene.shape) - before);
    } finally {
      System.clearProperty(Attention.WGMMA_PROPERTY);
    }
  }

  /** Blocks that are set up while the kernel before them still runs wait for what it writes. */
  @ParameterizedTest
  @MethodSource("scenes")
  void itMayBeginBeforeTheKernelAheadHasEnded(Scene scene) {
    RowSpans spans = new RowSpans();
    Arrays.stream(scene.lengths).forEach(spans::add);
    float[][] found = new float[2][];
    for (int overlap = 0; overlap < 2; overlap++) {
      System.setProperty(Attention.OVERLAP_PROPERTY, Boolean.toString(overlap == 1));
      try (CudaFixture f = new CudaFixture(ComputeType.BF16)) {
        float[] x = f.gaussian(1, spans.rows() * scene.shape.fusedWidth());
        long before = Emulator.chip() ? 0 : Emulator.overlapping();
        found[overlap] = attend(f, scene, spans, x, scene.toString());
        if (!Emulator.chip()) {
          assertEquals(overlap * CudaFixture.SEEDS, Emulator.overlapping() - before);
        }
      } finally {
        System.clearProperty(Attention.OVERLAP_PROPERTY);
      }
    }
    assertArrayEquals(found[0], found[1]);
  }

  private static long launches(HeadShape shape) {
    return Emulator.chip() ? 0 : Emulator.launchesOf("attention_wgmma_" + shape.headDim());
  }
}
