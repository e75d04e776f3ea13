/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import java.util.Objects;

/**
 * How the processor computes.
 *
 * @param threads threads that work on one op, the caller's among them; 0 takes all processors
 * @param computeType what matrix products read
 * @param gemm who multiplies matrices
 * @param vector whether the other ops may use the Vector API
 * @param weights how packed weights are kept
 */
public record CpuOptions(
    int threads, ComputeType computeType, Gemm gemm, Vector vector, Weights weights) {
  /** What matrix products read; sums are always f32. */
  public enum ComputeType {
    /** bf16 where the processor multiplies it natively and oneDNN is there, else f32. */
    AUTO,
    F32,
    BF16
  }

  /** Who multiplies matrices. */
  public enum Gemm {
    /** oneDNN if it loads, else the Vector API if it is there, else plain Java. */
    AUTO,
    ONEDNN,
    VECTOR,
    PLAIN
  }

  /** Whether ops other than matrix products may use the Vector API. */
  public enum Vector {
    /** Yes, when the module {@code jdk.incubator.vector} is present. */
    AUTO,
    OFF
  }

  /** How packed weights are kept. */
  public enum Weights {
    /** In the compute type. */
    COMPUTE_TYPE,
    /**
     * s8 with a scale for each output column, whatever dtype they come in. Matrix products round
     * their inputs to u8 row by row and sum integers, exactly; tensors stay in the compute type.
     */
    INT8
  }

  public static final CpuOptions DEFAULT =
      new CpuOptions(0, ComputeType.AUTO, Gemm.AUTO, Vector.AUTO, Weights.COMPUTE_TYPE);

  public CpuOptions {
    if (threads < 0 || threads > 1024) {
      throw new IllegalArgumentException(
          "threads must be between 0 (all processors) and 1024; found " + threads);
    }
    Objects.requireNonNull(computeType, "computeType");
    Objects.requireNonNull(gemm, "gemm");
    Objects.requireNonNull(vector, "vector");
    Objects.requireNonNull(weights, "weights");
    if (gemm == Gemm.VECTOR && vector == Vector.OFF) {
      throw new IllegalArgumentException(
          "gemm VECTOR needs the Vector API, which vector OFF turns off; choose gemm PLAIN");
    }
  }

  public CpuOptions withThreads(int value) {
    return new CpuOptions(value, computeType, gemm, vector, weights);
  }

  public CpuOptions withComputeType(ComputeType value) {
    return new CpuOptions(threads, value, gemm, vector, weights);
  }

  public CpuOptions withGemm(Gemm value) {
    return new CpuOptions(threads, computeType, value, vector, weights);
  }

  public CpuOptions withVector(Vector value) {
    return new CpuOptions(threads, computeType, gemm, value, weights);
  }

  public CpuOptions withWeights(Weights value) {
    return new CpuOptions(threads, computeType, gemm, vector, value);
  }
}
