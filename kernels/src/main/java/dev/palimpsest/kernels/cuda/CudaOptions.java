/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import java.util.Objects;

/**
 * How a CUDA device computes.
 *
 * @param ordinal which of the machine's devices, counted as the driver counts
 * @param computeType what matrix products read; sums are always f32
 * @param checked waits for each kernel, so that an error names the one that failed; slow
 */
public record CudaOptions(int ordinal, ComputeType computeType, boolean checked) {
  /** What matrix products read. */
  public enum ComputeType {
    F32,
    BF16
  }

  /** System property: {@code true} makes {@link #checked} the default. */
  public static final String CHECKED_PROPERTY = "palimpsest.cuda.checked";

  public static final CudaOptions DEFAULT =
      new CudaOptions(0, ComputeType.BF16, Boolean.getBoolean(CHECKED_PROPERTY));

  public CudaOptions {
    Objects.requireNonNull(computeType, "computeType");
    if (ordinal < 0) {
      throw new IllegalArgumentException("device ordinal must be >= 0; found " + ordinal);
    }
  }

  public CudaOptions withComputeType(ComputeType value) {
    return new CudaOptions(ordinal, value, checked);
  }

  public CudaOptions withChecked(boolean value) {
    return new CudaOptions(ordinal, computeType, value);
  }
}
