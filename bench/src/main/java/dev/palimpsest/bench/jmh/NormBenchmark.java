/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.jmh;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** {@code Device.rmsNorm}, from the residual stream to a matrix product's input. */
public class NormBenchmark extends OpBenchmark {
  @Param({"32", "256"})
  public int rows;

  @Param({"1024", "4096"})
  public int width;

  private Tensor x;
  private Tensor weight;
  private Tensor out;

  @Setup(Level.Trial)
  public void open() {
    x = filled(DType.F32, rows, width);
    weight = ones(width);
    out = device().allocate(device().computeType(), rows, width);
    WorkRate.perCall(0, bytes(x) + bytes(out));
  }

  @Benchmark
  public void rmsNorm() {
    device().rmsNorm(x, rows, weight, 1e-5f, out);
  }
}
