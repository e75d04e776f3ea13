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
 */
public record CpuOptions(int threads, ComputeType computeType, Gemm gemm, Vector vector) {
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

  public static final CpuOptions DEFAULT =
      new CpuOptions(0, ComputeType.AUTO, Gemm.AUTO, Vector.AUTO);

  public CpuOptions {
    if (threads < 0 || threads > 1024) {
      throw new IllegalArgumentException(
          "threads must be between 0 (all processors) and 1024; found " + threads);
    }
    Objects.requireNonNull(computeType, "computeType");
    Objects.requireNonNull(gemm, "gemm");
    Objects.requireNonNull(vector, "vector");
    if (gemm == Gemm.VECTOR && vector == Vector.OFF) {
      throw new IllegalArgumentException(
          "gemm VECTOR needs the Vector API, which vector OFF turns off; choose gemm PLAIN");
    }
  }

  public CpuOptions withThreads(int value) {
    return new CpuOptions(value, computeType, gemm, vector);
  }

  public CpuOptions withComputeType(ComputeType value) {
    return new CpuOptions(threads, value, gemm, vector);
  }

  public CpuOptions withGemm(Gemm value) {
    return new CpuOptions(threads, computeType, value, vector);
  }

  public CpuOptions withVector(Vector value) {
    return new CpuOptions(threads, computeType, gemm, value);
  }
}
