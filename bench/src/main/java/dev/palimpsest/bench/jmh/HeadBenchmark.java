/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.jmh;

import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.kernels.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.infra.BenchmarkParams;

/** The vocabulary head: {@code Device.predict}, greedy, and {@code Device.logits}. */
public class HeadBenchmark extends OpBenchmark {
  @Param({"32", "256"})
  public int rows;

  @Param({"4096", "32000", "126464"})
  public int vocabulary;

  @Param("1024")
  public int hidden;

  private final PredictionRows wanted = new PredictionRows();
  private final Predictions predictions = new Predictions();
  private PackedLinear head;
  private Tensor x;
  private Arena arena;
  private MemorySegment logits;

  @Setup(Level.Trial)
  public void open(BenchmarkParams params) {
    head = packed(vocabulary, hidden);
    x = filled(device().computeType(), rows, hidden);
    for (int i = 0; i < rows; i++) {
      wanted.add(i, Sampling.GREEDY, 0, 0, i);
    }
    arena = Arena.ofShared();
    boolean stored = params.getBenchmark().endsWith("logits");
    logits = arena.allocate(ValueLayout.JAVA_FLOAT, stored ? (long) rows * vocabulary : 1);
    WorkRate.perCall(
        2.0 * rows * hidden * vocabulary,
        bytes(x) + head.bytes() + (stored ? logits.byteSize() : 0));
  }

  @TearDown(Level.Trial)
  public void free() {
    arena.close();
  }

  @Benchmark
  public Predictions predict() {
    device().predict(x, rows, head, wanted, predictions);
    return predictions;
  }

  @Benchmark
  public void logits() {
    device().logits(x, rows, head, logits);
  }
}
