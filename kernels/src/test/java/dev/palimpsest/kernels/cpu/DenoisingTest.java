/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.kernels.DenoisingCases;
import dev.palimpsest.kernels.LatentNoise;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Codes, noise and the denoising step against float64, with and without the Vector API. */
class DenoisingTest {
  /** {groups, codes, width of a group} */
  private static final int[][] BOOKS = {{1, 5, 3}, {2, 33, 16}, {3, 17, 35}, {2, 512, 32}};

  static List<CpuOptions> devices() {
    return Fixture.everyDevice().toList();
  }

  @ParameterizedTest
  @MethodSource("devices")
  void theNearestCodeIsFoundAndTheLowestOfEquals(CpuOptions options) {
    try (CpuBed bed = new CpuBed(options)) {
      for (int[] shape : BOOKS) {
        DenoisingCases.nearestCodes(bed, shape);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void theDenoisingStep(CpuOptions options) {
    try (CpuBed bed = new CpuBed(options)) {
      for (int[] shape : BOOKS) {
        DenoisingCases.denoisingStep(bed, shape);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void noiseAnew(CpuOptions options) {
    try (CpuBed bed = new CpuBed(options)) {
      DenoisingCases.noiseAnew(bed);
    }
  }

  @Test
  void theNoiseIsGaussian() {
    Gaussian gaussian = new Gaussian();
    float[] out = new float[64];
    double[] moments = new double[5];
    int n = 0;
    for (int position = 0; position < 2000; position++) {
      gaussian.fill(9, 1, position, LatentNoise.START, 64, out);
      for (float v : out) {
        for (int m = 1; m <= 4; m++) {
          moments[m] += Math.pow(v, m);
        }
        n++;
      }
    }
    assertEquals(0, moments[1] / n, 0.01);
    assertEquals(1, moments[2] / n, 0.02);
    assertEquals(0, moments[3] / n, 0.04);
    assertEquals(3, moments[4] / n, 0.1);
  }

  /** An entry's bits, alone and among others, with one thread and with more. */
  @ParameterizedTest
  @MethodSource("devices")
  void anEntryHasTheSameBitsInAnyBatchAndTeam(CpuOptions options) {
    float[] first = null;
    for (int threads : new int[] {1, 3}) {
      try (CpuBed bed = new CpuBed(options.withThreads(threads))) {
        for (int others : new int[] {0, 1, 30}) {
          float[] found = DenoisingCases.among(bed, others);
          first = first == null ? found : first;
          assertArrayEquals(first, found, options + " among " + others);
        }
      }
    }
  }

  @Test
  void whatDoesNotFitIsRefused() {
    try (CpuBed bed = new CpuBed(CpuOptions.DEFAULT);
        CpuBed other = new CpuBed(CpuOptions.DEFAULT)) {
      DenoisingCases.refusals(bed, other);
    }
  }
}
