/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.ConditioningCases;
import dev.palimpsest.kernels.cuda.CudaOptions.ComputeType;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Half resolution and back, and gathered rows, against float64. */
class CudaResamplingTest {
  @ParameterizedTest
  @EnumSource
  void halfResolutionAndBack(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      for (int[] lengths : new int[][] {{1}, {2}, {3, 1, 2}, {11, 1, 8}}) {
        for (int width : new int[] {1, 17, 300}) {
          ConditioningCases.halfResolutionAndBack(f, lengths, width);
        }
      }
      ConditioningCases.halvesThatDoNotFit(f);
    }
  }

  @ParameterizedTest
  @EnumSource
  void rowsAreGatheredAndZerosPutWhereThereIsNone(ComputeType compute) {
    try (CudaFixture f = new CudaFixture(compute)) {
      ConditioningCases.gatheredRows(f);
    }
  }
}
