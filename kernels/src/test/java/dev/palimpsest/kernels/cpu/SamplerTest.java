/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.kernels.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The sampler against its definition, by sorting and float64. */
class SamplerTest {
  private static final List<RowKernels> BOTH =
      List.of(new PlainRowKernels(), new VectorRowKernels());

  private static Predictions predict(RowKernels kernels, float[] logits, Sampling s, long seed) {
    return predict(kernels, logits, s, seed, PredictionRows.NO_TOKEN);
  }

  private static Predictions predict(
      RowKernels kernels, float[] logits, Sampling s, long seed, int present) {
    Sampler sampler = new Sampler(kernels);
    System.arraycopy(logits, 0, sampler.logits(logits.length), 0, logits.length);
    PredictionRows rows = new PredictionRows();
    rows.add(0, -1, 0, s, seed, 5, 11, present);
    Predictions out = new Predictions();
    out.resize(1);
    sampler.predict(logits.length, rows, 0, out);
    return out;
  }

  /** What {@link Sampling} promises, written down naively. */
  private static final class Naive {
    private final double[] raw;
    private final double[] filtered;
    private final int[] order;

    Naive(float[] logits, Sampling s) {
      int n = logits.length;
      double[] l = new double[n];
      for (int i = 0; i < n; i++) {
        l[i] = logits[i];
      }
      for (int token : s.suppressed()) {
        l[token] = Double.NEGATIVE_INFINITY;
      }
      raw = softmax(l);
      double[] t = l.clone();
      for (int i = 0; s.temperature() > 0 && i < n; i++) {
        t[i] /= s.temperature();
      }
      order =
          IntStream.range(0, n)
              .boxed()
              .sorted(Comparator.comparingDouble((Integer i) -> -l[i]).thenComparing(i -> i))
              .mapToInt(i -> i)
              .toArray();
      if (s.topP() < 1) {
        double[] p = softmax(t);
        double before = 0;
        for (int i = 0; i < n; i++) {
          if (before > (double) s.topP()) {
            t[order[i]] = Double.NEGATIVE_INFINITY;
          }
          before += p[order[i]];
        }
      }
      if (s.topK() > 0 && s.topK() < n) {
        double kth = l[order[s.topK() - 1]];
        for (int i = 0; i < n; i++) {
          if (l[i] < kth) {
            t[i] = Double.NEGATIVE_INFINITY;
          }
        }
      }
      filtered = softmax(t);
    }

    private static double[] softmax(double[] l) {
      double max = Arrays.stream(l).max().orElseThrow();
      double[] p = new double[l.length];
      double sum = 0;
      for (int i = 0; i < l.length; i++) {
        p[i] = Math.exp(l[i] - max);
        sum += p[i];
      }
      for (int i = 0; i < l.length; i++) {
        p[i] /= sum;
      }
      return p;
    }

    void check(String what, Sampling s, Predictions found) {
      double[] p = s.confidenceOn() == Sampling.Distribution.RAW ? raw : filtered;
      int token = found.token(0);
      if (s.temperature() == 0) {
        assertEquals(order[0], token, what);
      } else {
        assertTrue(filtered[token] > 0, what + ": sampled a token that was filtered out");
      }
      assertEquals(p[token], found.confidence(0), 1e-6 * p[token] + 1e-12, what);
      double[] sorted = Arrays.stream(p).sorted().toArray();
      double margin = sorted[p.length - 1] - (p.length > 1 ? sorted[p.length - 2] : 0);
      assertEquals(margin, found.margin(0), 1e-6, what);
      double entropy = Arrays.stream(p).map(v -> v * Math.log(v + 1e-10)).sum();
      assertEquals(entropy, found.negativeEntropy(0), 2e-6 * Math.abs(entropy) + 2e-9, what);
    }
  }

  @Test
  void everyCombinationOfFiltersEqualsTheDefinition() {
    Random random = new Random(6);
    for (RowKernels kernels : BOTH) {
      for (int n : new int[] {1, 2, 15, 16, 17, 333, 4096}) {
        for (double spread : new double[] {0.1, 2, 12, 60}) {
          float[] logits = new float[n];
          for (int i = 0; i < n; i++) {
            logits[i] = (float) (random.nextGaussian() * spread);
            if (i > 0 && random.nextInt(8) == 0) {
              logits[i] = logits[random.nextInt(i)]; // ties
            }
          }
          int[] suppressed = n > 2 ? new int[] {argmax(logits), n - 1} : new int[0];
          for (Sampling.Distribution on : Sampling.Distribution.values()) {
            for (float temperature : new float[] {0, 0.2f, 1, 1.7f}) {
              for (int topK : new int[] {0, 1, 3, 50}) {
                for (float topP : new float[] {1, 0.95f, 0.5f, 1e-6f}) {
                  for (int[] out : new int[][] {{}, suppressed}) {
                    Sampling s = new Sampling(temperature, topK, topP, on, out);
                    String what =
                        kernels.describe() + " n=" + n + " spread=" + spread + " " + s + out.length;
                    new Naive(logits, s).check(what, s, predict(kernels, logits, s, 9));
                  }
                }
              }
            }
          }
        }
      }
    }
  }

  private static int argmax(float[] x) {
    int best = 0;
    for (int i = 1; i < x.length; i++) {
      best = x[i] > x[best] ? i : best;
    }
    return best;
  }

  @Test
  void tiesGoToTheLowestIndex() {
    for (RowKernels kernels : BOTH) {
      float[] logits = new float[1000];
      Arrays.fill(logits, -1);
      for (int i : new int[] {997, 40, 41, 600}) {
        logits[i] = 3.25f;
      }
      Predictions found = predict(kernels, logits, Sampling.GREEDY, 0);
      assertEquals(40, found.token(0));
      assertEquals(0, found.margin(0));
    }
  }

  @Test
  void aSureRowKeepsTheDigitsOfItsDoubt() {
    for (RowKernels kernels : BOTH) {
      float[] logits = new float[64];
      logits[7] = 25;
      Predictions found = predict(kernels, logits, Sampling.GREEDY, 0);
      double doubt = 63 * Math.exp(-25);
      assertEquals(1, (1 - found.confidence(0)) / (doubt / (1 + doubt)), 1e-4);
      double p = Math.exp(-25) / (1 + doubt);
      double entropy = 63 * p * Math.log(p + 1e-10) + Math.log1p(1e-10 - doubt / (1 + doubt));
      assertEquals(1, found.negativeEntropy(0) / entropy, 1e-3);
    }
  }

  @Test
  void thePresentTokensProbabilityIsThatOfTheRawLogits() {
    float[] logits = Fixture.gaussian(3, 100);
    Sampling s = new Sampling(0.5f, 2, 0.3f, Sampling.Distribution.FILTERED, 4);
    for (RowKernels kernels : BOTH) {
      double[] raw = new Naive(logits, s).raw;
      assertEquals(
          raw[50], predict(kernels, logits, s, 1, 50).presentProbability(0), 1e-6 * raw[50]);
      assertEquals(0, predict(kernels, logits, s, 1, 4).presentProbability(0));
      assertThrows(IllegalArgumentException.class, () -> predict(kernels, logits, s, 1, 100));
    }
  }

  @Test
  void brokenLogitsAreRefusedByPosition() {
    for (RowKernels kernels : BOTH) {
      for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
        for (int at : new int[] {0, 63, 64}) {
          float[] logits = Fixture.gaussian(1, 65);
          logits[at] = bad;
          IllegalStateException e =
              assertThrows(
                  IllegalStateException.class, () -> predict(kernels, logits, Sampling.GREEDY, 0));
          assertTrue(e.getMessage().contains("position 11"), e.getMessage());
        }
      }
      float[] none = new float[65];
      Arrays.fill(none, Float.NEGATIVE_INFINITY);
      assertThrows(IllegalStateException.class, () -> predict(kernels, none, Sampling.GREEDY, 0));
      float[] one = none.clone();
      one[33] = 1;
      Predictions found = predict(kernels, one, Sampling.GREEDY, 0);
      assertEquals(33, found.token(0));
      assertEquals(1.0, found.confidence(0));
      assertEquals(0, found.negativeEntropy(0), 2e-10);
    }
  }

  /** χ² of 20,000 samples with fixed seeds against softmax(l / T). */
  @Test
  void samplesFollowTheDistribution() {
    for (RowKernels kernels : BOTH) {
      for (float temperature : new float[] {0.7f, 1f}) {
        int n = 20;
        float[] logits = Fixture.gaussian(8, n);
        Sampling s = new Sampling(temperature, 0, 1f, Sampling.Distribution.RAW);
        double[] p = new Naive(logits, s).filtered;
        int samples = 20_000;
        int[] counts = new int[n];
        for (int i = 0; i < samples; i++) {
          counts[predict(kernels, logits, s, 1000 + i).token(0)]++;
        }
        double chi = 0;
        for (int i = 0; i < n; i++) {
          double expected = p[i] * samples;
          chi += (counts[i] - expected) * (counts[i] - expected) / expected;
        }
        // 19 degrees of freedom: 43.8 is the 99.9 % point
        assertTrue(chi < 43.8, kernels.describe() + " T=" + temperature + ": chi² = " + chi);
      }
    }
  }

  /** The skipping of elements that cannot win must not change who wins. */
  @Test
  void samplingEqualsGumbelMaxOverAllElements() {
    Philox philox = new Philox();
    for (RowKernels kernels : BOTH) {
      for (int n : new int[] {3, 64, 1001}) {
        float[] logits = Fixture.gaussian(n, n);
        for (long seed = 0; seed < 200; seed++) {
          float temperature = 0.3f + seed % 5;
          int best = -1;
          double bestScore = Double.NEGATIVE_INFINITY;
          for (int i = 0; i < n; i++) {
            philox.noise(seed, 5, 11, i / 4);
            double score = logits[i] / temperature - Math.log(-Math.log(philox.uniform(i % 4)));
            if (score > bestScore) {
              bestScore = score;
              best = i;
            }
          }
          Sampling s = new Sampling(temperature, 0, 1f, Sampling.Distribution.RAW);
          assertEquals(best, predict(kernels, logits, s, seed).token(0), "seed " + seed);
        }
      }
    }
  }

  static List<CpuOptions> devices() {
    return Fixture.everyDevice().toList();
  }

  /** The whole op: rows picked, guidance, tiles of rows, any batch, any team: the same numbers. */
  @ParameterizedTest
  @MethodSource("devices")
  void predictionsDoNotDependOnTheBatch(CpuOptions options) {
    int width = 64;
    int vocabulary = 515;
    int rows = 300;
    Sampling sampled = new Sampling(0.8f, 40, 0.9f, Sampling.Distribution.FILTERED);
    Predictions all = null;
    for (int threads : new int[] {2, 1}) {
      try (CpuDevice device = CpuDevice.open(options.withThreads(threads));
          Arena arena = Arena.ofShared()) {
        DType type = device.computeType();
        PackedLinear head =
            device.pack(
                Fixture.view(
                    arena,
                    "head",
                    DType.BF16,
                    Fixture.gaussian(1, vocabulary * width),
                    vocabulary,
                    width));
        float[] x = Fixture.gaussian(2, rows * width, type);
        for (int i = 0; i < x.length; i++) {
          x[i] *= 0.25f;
        }
        Tensor hidden = Fixture.tensor(device, type, x, width, 1);
        float[] logits = new float[rows * vocabulary];
        device.logits(hidden, rows, head, java.lang.foreign.MemorySegment.ofArray(logits));
        PredictionRows wanted = new PredictionRows();
        for (int i = 0; i < rows; i++) {
          add(wanted, i, rows, sampled);
        }
        Predictions out = new Predictions();
        device.predict(hidden, rows, head, wanted, out);
        assertEquals(rows, out.size());
        if (all == null) {
          all = out;
          for (int i = 0; i < rows; i++) {
            float[] row = Arrays.copyOfRange(logits, i * vocabulary, (i + 1) * vocabulary);
            if (i % 3 == 1) {
              float[] u = Arrays.copyOfRange(logits, (i - 1) * vocabulary, i * vocabulary);
              for (int j = 0; j < vocabulary; j++) {
                row[j] = u[j] + (1.5f + 1) * (row[j] - u[j]);
              }
            }
            if (i % 2 == 0) {
              assertEquals(argmax(row), out.token(i));
            }
          }
        }
        assertSame(all, out, IntStream.range(0, rows).toArray());
        for (int i : new int[] {0, 1, 4, 150, 299}) {
          PredictionRows one = new PredictionRows();
          add(one, i, rows, sampled);
          Predictions alone = new Predictions();
          device.predict(hidden, rows, head, one, alone);
          assertSame(all, alone, i);
        }
        device.predict(hidden, rows, head, new PredictionRows(), out);
        assertEquals(0, out.size());
      }
    }
  }

  private static void add(PredictionRows wanted, int i, int rows, Sampling sampled) {
    Sampling s = i % 2 == 0 ? Sampling.GREEDY : sampled;
    wanted.add(i, i % 3 == 1 ? i - 1 : -1, 1.5f, s, 77, 3, i, 5);
  }

  private static void assertSame(Predictions all, Predictions found, int... entries) {
    for (int i = 0; i < entries.length; i++) {
      int e = entries[i];
      assertEquals(all.token(e), found.token(i));
      assertEquals(all.confidence(e), found.confidence(i));
      assertEquals(all.margin(e), found.margin(i));
      assertEquals(all.negativeEntropy(e), found.negativeEntropy(i));
      assertEquals(all.presentProbability(e), found.presentProbability(i));
    }
  }

  @Test
  void theSmallestTemperatureIsAsGoodAsNone() {
    for (RowKernels kernels : BOTH) {
      for (Sampling.Distribution on : Sampling.Distribution.values()) {
        float[] logits = new float[37];
        logits[9] = 1;
        Sampling s = new Sampling(Float.MIN_VALUE, 0, 1f, on);
        Predictions found = predict(kernels, logits, s, 3);
        assertEquals(9, found.token(0));
        assertTrue(found.confidence(0) > 0, on + ": confidence " + found.confidence(0));
      }
    }
  }
}
