/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.jmh;

import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.process.MaskedDiffusion;
import dev.palimpsest.process.MaskedOptions;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import dev.palimpsest.process.Positions;
import java.util.Arrays;
import java.util.BitSet;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * A block of 32 masks written in eight steps, without the network below the head: the head and the
 * sampler on the masks that are left, and the rule that commits some of them.
 */
public class CommitBenchmark extends OpBenchmark {
  private static final int BLOCK = 32;
  private static final int STEPS = 8;
  private static final int MASK = 1;

  @Param({"32000", "152064"})
  public int vocabulary;

  @Param("1024")
  public int hidden;

  @Param({"LOW_CONFIDENCE", "ENTROPY"})
  public Algorithm algorithm;

  private final PredictionRows rows = new PredictionRows();
  private final Predictions predictions = new Predictions();
  private final int[] masks = new int[BLOCK];
  private MaskedOptions options;
  private PackedLinear head;
  private Tensor x;

  @Setup(Level.Trial)
  public void open() {
    head = packed(vocabulary, hidden);
    x = filled(device().computeType(), BLOCK, hidden);
    options = MaskedOptions.greedy(algorithm, STEPS);
    Arrays.fill(masks, MASK);
    WorkRate.perCall(0, (double) STEPS * head.bytes());
  }

  @Benchmark
  public MaskedDiffusion block() {
    MaskedDiffusion process = MaskedDiffusion.of(masks, new BitSet(), options, MASK);
    while (!process.finished()) {
      Positions wanted = process.wanted();
      rows.clear();
      for (int i = 0; i < wanted.size(); i++) {
        rows.add(wanted.at(i), process.sampling(), 0, process.step(), wanted.at(i));
      }
      device().predict(x, BLOCK, head, rows, predictions);
      process.advance(predictions, 0);
    }
    return process;
  }
}
