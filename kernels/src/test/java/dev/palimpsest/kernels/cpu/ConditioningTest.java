/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.ConditioningCases;
import dev.palimpsest.kernels.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Conditioning, convolutions and resolutions against float64, with and without the Vector API. */
class ConditioningTest {
  private static final int[][] SEQUENCES = {{1}, {2}, {3, 1, 2}, {37, 1, 8}};

  static List<CpuOptions> devices() {
    return Fixture.everyDevice().toList();
  }

  @ParameterizedTest
  @MethodSource("devices")
  void adaptiveNorms(CpuOptions options) {
    try (CpuBed bed = new CpuBed(options)) {
      for (int width : new int[] {1, 15, 16, 33, 192}) {
        for (int rows : new int[] {1, 5, 61}) {
          ConditioningCases.adaptiveNorms(bed, rows, width);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void convolutionInputs(CpuOptions options) {
    try (CpuBed bed = new CpuBed(options)) {
      for (int[] lengths : SEQUENCES) {
        for (int[] shape : new int[][] {{1, 1}, {24, 8}, {51, 3}, {192, 8}}) {
          ConditioningCases.convolutionInputs(bed, lengths, shape[0], shape[1]);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void gates(CpuOptions options) {
    try (CpuBed bed = new CpuBed(options)) {
      ConditioningCases.gates(bed);
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void halfResolutionAndBack(CpuOptions options) {
    try (CpuBed bed = new CpuBed(options)) {
      for (int[] lengths : SEQUENCES) {
        for (int width : new int[] {1, 17, 192}) {
          ConditioningCases.halfResolutionAndBack(bed, lengths, width);
        }
      }
      ConditioningCases.halvesThatDoNotFit(bed);
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void rowsGatheredAndAdded(CpuOptions options) {
    try (CpuBed bed = new CpuBed(options)) {
      ConditioningCases.gatheredRows(bed);
      ConditioningCases.tableRows(bed);
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void timeFeatures(CpuOptions options) {
    try (CpuBed bed = new CpuBed(options)) {
      ConditioningCases.timeFeatures(bed);
    }
  }

  /** A sequence's rows alone and among others, with one thread and with more. */
  @ParameterizedTest
  @MethodSource("devices")
  void aSequenceHasTheSameBitsInAnyBatchAndTeam(CpuOptions options) {
    float[] first = null;
    for (int threads : new int[] {1, 3}) {
      try (CpuBed bed = new CpuBed(options.withThreads(threads))) {
        for (int[] others : new int[][] {{}, {1}, {130, 77}}) {
          float[] found = ConditioningCases.among(bed, 75, others);
          first = first == null ? found : first;
          assertArrayEquals(first, found, options + Arrays.toString(others));
        }
      }
    }
  }

  /** The interpreter and the compiler must add up in the same order. */
  @Test
  void compiledLoopsGiveTheBitsOfInterpretedOnes() {
    int n = 203;
    float[] x = Fixture.gaussian(1, n);
    float[] m = Fixture.gaussian(2, 2 * n);
    try (Arena arena = Arena.ofConfined()) {
      var in = arena.allocateFrom(JAVA_FLOAT, x);
      var by = arena.allocateFrom(JAVA_FLOAT, m);
      var out = arena.allocate(4 * n, 64);
      for (LatentKernels kernels :
          new LatentKernels[] {new PlainLatentKernels(), new VectorLatentKernels()}) {
        float[] first = null;
        for (int call = 0; call < 20_000; call++) {
          float[] y = new float[2 * n];
          kernels.normalise(in, 0, n, 1e-5f, y, 0);
          kernels.film(y, n, by, 0, 4 * n);
          kernels.adaNorm(in, 0, n, 1e-5f, by, 0, 4 * n, out, 0, DType.F32);
          MemorySegment.copy(out, JAVA_FLOAT, 0, y, n, n);
          first = first == null ? y : first;
          assertTrue(Arrays.equals(first, y), kernels.getClass() + ", call " + call);
        }
      }
    }
  }
}
