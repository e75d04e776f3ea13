/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.palimpsest.kernels.ConditioningCases;
import dev.palimpsest.kernels.cuda.CudaOptions.ComputeType;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What conditions rows on time, against float64. */
class CudaConditioningTest {
  private static final int[][] SEQUENCES = {{1}, {3, 1, 2}, {9, 1, 4}};

  @ParameterizedTest
  @EnumSource
  void adaptiveNorms(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      for (int width : new int[] {1, 33, 300}) {
        ConditioningCases.adaptiveNorms(f, 5, width);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void convolutionInputs(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      for (int[] lengths : SEQUENCES) {
        for (int[] shape : new int[][] {{24, 8}, {51, 3}, {280, 10}}) {
          ConditioningCases.convolutionInputs(f, lengths, shape[0], shape[1]);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void gatesTimesAndTables(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      ConditioningCases.gates(f);
      ConditioningCases.timeFeatures(f);
      ConditioningCases.tableRows(f);
    }
  }

  /** A sequence's rows alone and among others. */
  @ParameterizedTest
  @EnumSource
  void aSequenceHasTheSameBitsInAnyBatch(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      float[] first = null;
      for (int[] others : new int[][] {{}, {1}, {13, 7}}) {
        float[] found = ConditioningCases.among(f, 7, others);
        first = first == null ? found : first;
        assertArrayEquals(first, found, Arrays.toString(others));
      }
    }
  }
}
