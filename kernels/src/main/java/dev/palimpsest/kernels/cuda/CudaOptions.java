/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import java.util.Objects;

/**
 * How a CUDA device computes.
 *
 * @param ordinal which of the machine's devices, counted as the driver counts
 * @param computeType what matrix products read; sums are always f32
 * @param weights how packed weights are kept
 * @param checked waits for each kernel, so that an error names the one that failed; slow
 * @param loop who repeats the steps of a block
 */
public record CudaOptions(
    int ordinal, ComputeType computeType, Weights weights, boolean checked, Loop loop) {
  /** What matrix products read. */
  public enum ComputeType {
    F32,
    BF16
  }

  /** How packed weights are kept. */
  public enum Weights {
    /** In the compute type. */
    COMPUTE_TYPE,
    /**
     * In eight bits or fewer: ggml's Q8_0 and Q4_0, and bytes with a scale a row, as they are
     * stored; everything else as s8 with a scale for each output. They are multiplied as the
     * numbers they stand for; rows that they meet are not rounded.
     */
    INT8
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
      new CudaOptions(
          0,
          ComputeType.BF16,
          Weights.COMPUTE_TYPE,
          Boolean.getBoolean(CHECKED_PROPERTY),
          Loop.AUTO);

  public CudaOptions {
    Objects.requireNonNull(computeType, "computeType");
    Objects.requireNonNull(weights, "weights");
    Objects.requireNonNull(loop, "loop");
    if (ordinal < 0) {
      throw new IllegalArgumentException("device ordinal must be >= 0; found " + ordinal);
    }
  }

  public CudaOptions withComputeType(ComputeType value) {
    return new CudaOptions(ordinal, value, weights, checked, loop);
  }

  public CudaOptions withOrdinal(int value) {
    return new CudaOptions(value, computeType, weights, checked, loop);
  }

  public CudaOptions withWeights(Weights value) {
    return new CudaOptions(ordinal, computeType, value, checked, loop);
  }

  public CudaOptions withChecked(boolean value) {
    return new CudaOptions(ordinal, computeType, weights, value, loop);
  }

  public CudaOptions withLoop(Loop value) {
    return new CudaOptions(ordinal, computeType, weights, checked, value);
  }
}
