/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.jmh;

import dev.palimpsest.bench.RandomWeights;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.Tensor;
import java.lang.foreign.Arena;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** {@code Device.gatedSilu}: both projections and the gate; {@code hidden x ffn}. */
public class GatedSiluBenchmark extends OpBenchmark {
  @Param({"32", "256"})
  public int rows;

  @Param({"1024x3072", "4096x12288"})
  public String shape;

  private PackedLinear weights;
  private Tensor x;
  private Tensor out;

  @Setup(Level.Trial)
  public void open() {
    int by = shape.indexOf('x');
    int hidden = Integer.parseInt(shape.substring(0, by));
    int ffn = Integer.parseInt(shape.substring(by + 1));
    try (Arena arena = Arena.ofShared()) {
      weights =
          device()
              .packGated(
                  RandomWeights.matrix(arena, "gate", ffn, hidden, 3),
                  RandomWeights.matrix(arena, "up", ffn, hidden, 4));
    }
    x = filled(device().computeType(), rows, hidden);
    out = device().allocate(device().computeType(), rows, ffn);
    WorkRate.perCall(4.0 * rows * hidden * ffn, bytes(x) + weights.bytes() + bytes(out));
  }

  @Benchmark
  public void gatedSilu() {
    device().gatedSilu(x, rows, weights, out);
  }
}
