/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import java.util.Objects;

/**
 * How a CUDA device computes.
 *
 * @param ordinal which of the machine's devices, counted as the driver counts
 * @param computeType what matrix products read; sums are always f32
 * @param checked waits for each kernel, so that an error names the one that failed; slow
 * @param loop who repeats the steps of a block
 */
public record CudaOptions(int ordinal, ComputeType computeType, boolean checked, Loop loop) {
  /** What matrix products read. */
  public enum ComputeType {
    F32,
    BF16
  }

  /** Who repeats the steps of a block of masked diffusion. */
  public enum Loop {
    /** {@link #GRAPH} where the driver can do that, else {@link #LAGGED}. */
    AUTO,
    /** Nobody: a step at a time. */
    NONE,
    /** The host, one step behind the device. */
    LAGGED,
    /** The device: a graph with a conditional node, which drivers have from CUDA 12.4 on. */
    GRAPH
  }

  /** System property: {@code true} makes {@link #checked} the default. */
  public static final String CHECKED_PROPERTY = "palimpsest.cuda.checked";

  public static final CudaOptions DEFAULT =
      new CudaOptions(0, ComputeType.BF16, Boolean.getBoolean(CHECKED_PROPERTY), Loop.AUTO);

  public CudaOptions {
    Objects.requireNonNull(computeType, "computeType");
    Objects.requireNonNull(loop, "loop");
    if (ordinal < 0) {
      throw new IllegalArgumentException("device ordinal must be >= 0; found " + ordinal);
    }
  }

  public CudaOptions withComputeType(ComputeType value) {
    return new CudaOptions(ordinal, value, checked, loop);
  }

  public CudaOptions withChecked(boolean value) {
    return new CudaOptions(ordinal, computeType, value, loop);
  }

  public CudaOptions withLoop(Loop value) {
    return new CudaOptions(ordinal, computeType, checked, value);
  }
}
