/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.jmh;

import dev.palimpsest.bench.RandomModel;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.network.StepBatch;
import dev.palimpsest.network.Transformer;
import java.lang.foreign.Arena;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/**
 * A whole forward of a small random model (6 layers, hidden 256, FFN 768, vocabulary 4096), half of
 * its positions predicted: how much of a step is not matrix products.
 */
public class ForwardBenchmark extends OpBenchmark {
  private static final int LAYERS = 6;
  private static final int HIDDEN = 256;
  private static final int FFN = 768;
  private static final int VOCABULARY = 4096;

  @Param({"64", "256"})
  public int length;

  private final StepBatch batch = new StepBatch();
  private final Predictions predictions = new Predictions();
  private Arena arena;
  private Transformer transformer;

  @Setup(Level.Trial)
  public void open() {
    arena = Arena.ofShared();
    RandomModel model = RandomModel.of(arena, LAYERS, HIDDEN, 4, FFN, VOCABULARY);
    transformer = new Transformer(device(), model.config(), model.weights(), done -> {});
    batch.addSequence(length);
    for (int i = 0; i < length; i++) {
      batch.tokens()[i] = i * 37 % VOCABULARY;
      if (i % 2 == 0) {
        batch.wanted().add(i, Sampling.GREEDY, 0, 0, i);
      }
    }
    double perToken = LAYERS * (4.0 * HIDDEN * HIDDEN + 3.0 * HIDDEN * FFN + 2.0 * length * HIDDEN);
    WorkRate.perCall(2 * (length * perToken + length / 2.0 * HIDDEN * VOCABULARY), 0);
  }

  /** After the device: the embedding table lies in this arena. */
  @TearDown(Level.Trial)
  public void free() {
    close();
    arena.close();
  }

  @Benchmark
  public Predictions forward() {
    transformer.forward(batch, predictions);
    return predictions;
  }
}
