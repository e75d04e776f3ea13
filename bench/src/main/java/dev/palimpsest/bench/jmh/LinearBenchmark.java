/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.jmh;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * {@code Device.linear} and {@code linearAdd} at the shapes of real models: {@code in x out} of a
 * 283M model (hidden 1024, FFN 3072) and of LLaDA-8B (hidden 4096, FFN 12288).
 */
public class LinearBenchmark extends OpBenchmark {
  @Param({"32", "256"})
  public int rows;

  @Param({"1024x3072", "1024x1024", "3072x1024", "4096x12288", "4096x4096", "12288x4096"})
  public String shape;

  private PackedLinear weights;
  private Tensor x;
  private Tensor out;

  @Setup(Level.Trial)
  public void open() {
    int by = shape.indexOf('x');
    int in = Integer.parseInt(shape.substring(0, by));
    int outWidth = Integer.parseInt(shape.substring(by + 1));
    weights = packed(outWidth, in);
    x = filled(device().computeType(), rows, in);
    out = device().allocate(DType.F32, rows, outWidth);
    WorkRate.perCall(2.0 * rows * in * outWidth, bytes(x) + weights.bytes() + bytes(out));
  }

  @Benchmark
  public void linear() {
    device().linear(x, rows, weights, out);
  }

  @Benchmark
  public void linearAdd() {
    device().linearAdd(x, rows, weights, out);
  }
}
