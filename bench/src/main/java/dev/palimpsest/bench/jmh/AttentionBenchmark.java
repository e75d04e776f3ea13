/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.jmh;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** {@code Device.attention} over one sequence that sees all of itself. */
public class AttentionBenchmark extends OpBenchmark {
  @Param({"64", "256", "1024"})
  public int rows;

  @Param({"8", "16"})
  public int heads;

  @Param("64")
  public int headDim;

  private HeadShape shape;
  private RowSpans spans;
  private Tensor fused;
  private Tensor out;

  @Setup(Level.Trial)
  public void open() {
    shape = new HeadShape(heads, heads, headDim);
    spans = new RowSpans();
    spans.add(rows);
    fused = filled(DType.F32, rows, shape.fusedWidth());
    out = device().allocate(device().computeType(), rows, shape.queryWidth());
    WorkRate.perCall(4.0 * rows * rows * shape.queryWidth(), bytes(fused) + bytes(out));
  }

  @Benchmark
  public void attention() {
    device().attention(fused, shape, spans, AttentionMask.FULL, out);
  }
}
