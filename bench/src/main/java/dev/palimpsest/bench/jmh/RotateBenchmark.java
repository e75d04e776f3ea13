/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.jmh;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.kernels.Tensor;
import java.util.stream.IntStream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** {@code Device.rotate}: rotary embedding of fused query and key heads, in place. */
public class RotateBenchmark extends OpBenchmark {
  @Param({"32", "256"})
  public int rows;

  @Param({"16", "32"})
  public int heads;

  @Param({"HALF_SPLIT", "INTERLEAVED"})
  public Rope.Pairing pairing;

  private HeadShape shape;
  private Rope rope;
  private Tensor fused;
  private int[] positions;

  @Setup(Level.Trial)
  public void open() {
    shape = new HeadShape(heads, heads, 64);
    rope = new Rope(500_000, shape.headDim(), pairing);
    fused = filled(DType.F32, rows, shape.fusedWidth());
    positions = IntStream.range(0, rows).toArray();
    WorkRate.perCall(0, 8.0 * rows * (shape.queryWidth() + shape.keyWidth()));
  }

  @Benchmark
  public void rotate() {
    device().rotate(fused, rows, shape, rope, positions);
  }
}
