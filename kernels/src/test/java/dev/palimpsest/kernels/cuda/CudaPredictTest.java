/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.cpu.CpuDevice;
import dev.palimpsest.kernels.cpu.CpuOptions;
import dev.palimpsest.kernels.cpu.Fixture;
import dev.palimpsest.kernels.cuda.CudaOptions.ComputeType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The head and the sampler: on one row of logits, the processor's token and numbers. */
class CudaPredictTest {
  private static final int VOCABULARY = 333;

  /** Row i of the hidden states is the i-th unit vector, so that logits are columns of the head. */
  private static float[] unit(int rows) {
    float[] x = new float[rows * rows];
    for (int i = 0; i < rows; i++) {
      x[i * rows + i] = 1;
    }
    return x;
  }

  /** Rows of logits with different spreads, with ties. */
  private static float[] head(int rows) {
    float[] w = Fixture.gaussian(5, VOCABULARY * rows, DType.BF16);
    float[] spreads = {0.25f, 2, 16, 64};
    for (int i = 0; i < w.length; i++) {
      w[i] *= spreads[i % rows % spreads.length];
    }
    for (int j = 40; j < 80; j++) {
      for (int r = 0; r < rows; r++) {
        w[j * rows + r] = w[(j + 100) * rows + r];
      }
    }
    return w;
  }

  private static List<Sampling> samplings() {
    List<Sampling> all = new ArrayList<>();
    for (Sampling.Distribution on : Sampling.Distribution.values()) {
      for (float temperature : new float[] {0, 0.2f, 1, 1.7f, Float.MIN_VALUE}) {
        for (int topK : new int[] {0, 3, 50}) {
          for (float topP : new float[] {1, 0.95f, 1e-6f}) {
            all.add(new Sampling(temperature, topK, topP, on, 7, 299));
          }
        }
      }
    }
    return all;
  }

  @Test
  void everyCombinationOfFiltersGivesWhatTheProcessorGives() {
    int rows = 8;
    PredictionRows wanted = new PredictionRows();
    int step = 0;
    for (Sampling s : samplings()) {
      int row = step % rows;
      boolean guided = step % 3 == 1;
      wanted.add(row, guided ? (row + 4) % rows : -1, 1.5f, s, 77 + step, step, 3 * step, 5);
      step++;
    }
    try (CudaFixture f = new CudaFixture(ComputeType.F32);
        CpuDevice cpu =
            CpuDevice.open(
                CpuOptions.DEFAULT
                    .withThreads(1)
                    .withComputeType(CpuOptions.ComputeType.F32)
                    .withGemm(CpuOptions.Gemm.PLAIN)
                    .withVector(CpuOptions.Vector.OFF))) {
      var view = Fixture.view(f.arena, "head", DType.F32, head(rows), VOCABULARY, rows);
      Predictions expected = new Predictions();
      Tensor here = cpu.allocate(DType.F32, rows, rows);
      MemorySegment.copy(MemorySegment.ofArray(unit(rows)), 0, here.memory(), 0, 4L * rows * rows);
      cpu.predict(here, rows, cpu.pack(view), wanted, expected);

      Predictions found = new Predictions();
      Tensor hidden = f.tensor(DType.F32, unit(rows), rows);
      PackedLinear map = f.device.pack(view);
      f.device.predict(hidden, rows, map, wanted, found);
      for (int i = 0; i < wanted.size(); i++) {
        String what = i + ": " + wanted.sampling(i);
        assertEquals(expected.token(i), found.token(i), what);
        near(expected.confidence(i), found.confidence(i), what);
        near(expected.margin(i), found.margin(i), what);
        near(expected.negativeEntropy(i), found.negativeEntropy(i), what);
        near(expected.presentProbability(i), found.presentProbability(i), what);
      }
      // Alone, in another schedule: the same bits.
      for (int i : new int[] {0, 1, 40, wanted.size() - 1}) {
        PredictionRows one = new PredictionRows();
        one.add(
            wanted.row(i),
            wanted.unconditionalRow(i),
            wanted.guidance(i),
            wanted.sampling(i),
            wanted.seed(i),
            wanted.step(i),
            wanted.position(i),
            wanted.presentToken(i));
        Emulator.seed(i + 1);
        Predictions alone = new Predictions();
        f.device.predict(hidden, rows, map, one, alone);
        assertEquals(found.token(i), alone.token(0));
        assertEquals(found.confidence(i), alone.confidence(0));
        assertEquals(found.margin(i), alone.margin(0));
        assertEquals(found.negativeEntropy(i), alone.negativeEntropy(0));
      }
    }
  }

  private static void near(double expected, double found, String what) {
    assertEquals(expected, found, 1e-6 * Math.abs(expected) + 1e-12, what);
  }

  @Test
  void brokenLogitsAreRefusedByPosition() {
    try (CudaFixture f = new CudaFixture(ComputeType.F32)) {
      for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
        float[] w = new float[VOCABULARY];
        java.util.Arrays.fill(w, bad == Float.NEGATIVE_INFINITY ? bad : 1);
        w[200] = bad;
        PackedLinear map =
            f.device.pack(Fixture.view(f.arena, "head", DType.F32, w, VOCABULARY, 1));
        PredictionRows wanted = new PredictionRows();
        wanted.add(0, Sampling.GREEDY, 1, 2, 11);
        Tensor hidden = f.tensor(DType.F32, new float[] {1}, 1);
        IllegalStateException e =
            assertThrows(
                IllegalStateException.class,
                () -> f.device.predict(hidden, 1, map, wanted, new Predictions()));
        assertTrue(e.getMessage().contains("position 11"), e.getMessage());
      }
    }
  }

  @Test
  void logitsGoToAnyMemoryATileAtATime() {
    try (CudaFixture f = new CudaFixture(ComputeType.BF16);
        Arena mine = Arena.ofConfined()) {
      PackedLinear map =
          f.device.pack(Fixture.view(f.arena, "w", DType.F32, f.gaussian(1, 40 * 8), 40, 8));
      Tensor x = f.tensor(f.type, f.gaussian(2, 600 * 8), 8);
      MemorySegment there = mine.allocate(4L * 600 * 40, 4);
      f.device.logits(x, 600, map, there);
      Tensor rows = f.empty(DType.F32, 600, 40);
      f.device.linear(x, 600, map, rows);
      assertEquals(-1, there.mismatch(MemorySegment.ofArray(f.read(rows, 600))));
    }
  }
}
