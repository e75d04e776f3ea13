/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.jmh;

import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.kernels.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * What sampling costs: {@code Device.predict} behind a head so narrow that its product hardly
 * counts. The traffic shown is that of the logits, read once.
 */
public class SamplerBenchmark extends OpBenchmark {
  private static final int HIDDEN = 32;

  /** How a row of logits becomes a token. */
  public enum Rule {
    GREEDY(Sampling.GREEDY),
    GUMBEL(new Sampling(1f, 0, 1f, Sampling.Distribution.RAW)),
    TOP_K(new Sampling(1f, 50, 1f, Sampling.Distribution.FILTERED)),
    TOP_P(new Sampling(1f, 0, 0.9f, Sampling.Distribution.FILTERED));

    private final Sampling sampling;

    Rule(Sampling sampling) {
      this.sampling = sampling;
    }
  }

  @Param({"32"})
  public int rows;

  @Param({"4096", "32000", "126464", "152064"})
  public int vocabulary;

  @Param public Rule rule;

  private final PredictionRows wanted = new PredictionRows();
  private final Predictions predictions = new Predictions();
  private PackedLinear head;
  private Tensor x;

  @Setup(Level.Trial)
  public void open() {
    head = packed(vocabulary, HIDDEN);
    x = filled(device().computeType(), rows, HIDDEN);
    for (int i = 0; i < rows; i++) {
      wanted.add(i, rule.sampling, 42, 0, i);
    }
    WorkRate.perCall(0, 4.0 * rows * vocabulary);
  }

  @Benchmark
  public Predictions predict() {
    device().predict(x, rows, head, wanted, predictions);
    return predictions;
  }
}
