/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Sampling;

/**
 * Turns one row of logits into a token and what is known about it. Holds one worker's scratch.
 *
 * <p>Filters follow Dream's order: temperature, top-p (the smallest prefix of descending
 * probabilities whose sum exceeds p, the first always), top-k (ties of the k-th stay). Sampling is
 * Gumbel-max, computed as {@code argmin E / w} for {@code E = −ln U} and {@code w = exp(l / T)},
 * which is the same argmax without a logarithm for elements that cannot win.
 */
final class Sampler {
  private final RowKernels kernels;
  private final Philox philox = new Philox();
  private final float[] two = new float[2];
  private final double[] sums = new double[2];
  private float[] logits = new float[0];
  private float[] unconditional = new float[0];
  private float[] weights = new float[0];
  private float[] filtered = new float[0];

  Sampler(RowKernels kernels) {
    this.kernels = kernels;
  }

  /** The row to fill before {@link #predict}. */
  float[] logits(int n) {
    if (logits.length < n) {
      logits = new float[n];
      weights = new float[n];
    }
    return logits;
  }

  /** The row of the forward without prompt, to fill before {@link #guide}. */
  float[] unconditional(int n) {
    if (unconditional.length < n) {
      unconditional = new float[n];
    }
    return unconditional;
  }

  /** Classifier-free guidance: {@code l = u + (guidance + 1)·(c − u)}. */
  void guide(int n, float guidance) {
    kernels.guide(logits, unconditional, n, guidance + 1);
  }

  /** Predicts entry {@code i} from the first {@code n} elements of {@link #logits}. */
  void predict(int n, PredictionRows wanted, int i, Predictions out) {
    Sampling sampling = wanted.sampling(i);
    suppress(sampling, n);
    kernels.topTwo(logits, n, two);
    float max = two[0];
    float second = two[1];
    if (max == Float.NEGATIVE_INFINITY) {
      throw new IllegalStateException(
          "predict: position " + wanted.position(i) + " has no token left: every logit is −∞");
    }
    kernels.exponentials(logits, n, max, 1f, weights, sums);
    double sum = sums[0];
    if (!(sum < Double.POSITIVE_INFINITY)) {
      throw new IllegalStateException(
          "predict: the logits of position "
              + wanted.position(i)
              + " hold NaN or infinity; the weights or activations are broken");
    }
    int present = wanted.presentToken(i);
    if (present != PredictionRows.NO_TOKEN) {
      if (present < 0 || present >= n) {
        throw new IllegalArgumentException(
            "predict: present token " + present + " is outside the vocabulary of " + n);
      }
      out.setPresentProbability(i, weights[present] / sum);
    }
    int largest = indexOf(max, n);

    float temperature = sampling.temperature();
    boolean raw = sampling.confidenceOn() == Sampling.Distribution.RAW;
    boolean filters = sampling.topK() > 0 && sampling.topK() < n || sampling.topP() < 1;
    if (temperature == 0 && (raw || !filters)) {
      out.set(i, largest, 1 / sum, (1 - gap(max, second, 1)) / sum, negativeEntropy(n, sum));
      return;
    }

    // Confidences of the raw distribution, before its weights give way to the filtered ones.
    double rawEntropy = raw ? negativeEntropy(n, sum) : 0;
    double rawMargin = (1 - gap(max, second, 1)) / sum;

    float[] w = weights;
    if (temperature > 0 && temperature != 1) {
      if (filtered.length < n) {
        filtered = new float[n];
      }
      w = filtered;
      kernels.exponentials(logits, n, max, inverse(temperature), w, sums);
    }
    double keptSum = sums[0];
    double keptWeighted = sums[1];
    float keptSecond = gap(max, second, temperature > 0 ? temperature : 1);
    if (filters) {
      if (w == weights && raw) {
        // the raw weights are still needed for the confidence
        if (filtered.length < n) {
          filtered = new float[n];
        }
        System.arraycopy(weights, 0, filtered, 0, n);
        w = filtered;
      }
      filter(w, n, keptSum, sampling);
      float inverse = temperature > 0 ? inverse(temperature) : 1;
      keptSum = 0;
      keptWeighted = 0;
      keptSecond = 0;
      for (int j = 0; j < n; j++) {
        float v = w[j];
        if (v > 0) {
          keptSum += v;
          keptWeighted += (double) v * ((logits[j] - max) * inverse);
          keptSecond = j != largest && v > keptSecond ? v : keptSecond;
        }
      }
    }
    int token = temperature > 0 ? sample(w, n, largest, wanted, i) : largest;
    if (raw) {
      out.set(i, token, weights[token] / sum, rawMargin, rawEntropy);
    } else {
      double entropy =
          keptWeighted / keptSum - Math.log(keptSum) + kernels.entropyFloor(w, n, 1 / keptSum);
      out.set(i, token, w[token] / keptSum, (1 - keptSecond) / keptSum, entropy);
    }
  }

  private void suppress(Sampling sampling, int n) {
    int[] suppressed = sampling.suppressed();
    for (int token : suppressed) {
      if (token < 0 || token >= n) {
        throw new IllegalArgumentException(
            "predict: suppressed token " + token + " is outside the vocabulary of " + n);
      }
      logits[token] = Float.NEGATIVE_INFINITY;
    }
  }

  /** Finite even for the smallest temperatures: 0 times infinity would be NaN. */
  private static float inverse(float temperature) {
    return Math.min(1 / temperature, Float.MAX_VALUE);
  }

  private static float gap(float max, float second, float temperature) {
    return (float) Math.exp((second - max) / temperature);
  }

  /** {@code Σ p·ln(p + 1e-10)} from the sums of {@link RowKernels#exponentials}. */
  private double negativeEntropy(int n, double sum) {
    return sums[1] / sum - Math.log(sum) + kernels.entropyFloor(weights, n, 1 / sum);
  }

  private int indexOf(float value, int n) {
    for (int j = 0; j < n; j++) {
      if (logits[j] == value) {
        return j;
      }
    }
    throw new IllegalStateException("predict: the largest logit vanished");
  }

  /** Sets the weights of elements that top-p or top-k leave out to 0. */
  private void filter(float[] w, int n, double sum, Sampling sampling) {
    float threshold = Float.NEGATIVE_INFINITY;
    int lastTie = n;
    if (sampling.topP() < 1) {
      double budget = sampling.topP() * sum;
      // The largest value t with mass(l > t) <= budget: elements above t stay, and of those equal
      // to t as many (lowest index first) as begin within the budget.
      threshold = lowest(w, n, budget, -1);
      double mass = kernels.sumAbove(logits, w, n, threshold);
      lastTie = -1;
      for (int j = 0; j < n && mass <= budget; j++) {
        if (logits[j] == threshold) {
          mass += w[j];
          lastTie = j;
        }
      }
    }
    float kth = Float.NEGATIVE_INFINITY;
    if (sampling.topK() > 0 && sampling.topK() < n) {
      kth = lowest(w, n, 0, sampling.topK());
    }
    for (int j = 0; j < n; j++) {
      float l = logits[j];
      if (l < threshold || (l == threshold && j > lastTie) || l < kth) {
        w[j] = 0;
      }
    }
  }

  /**
   * The smallest logit value t that still has at most {@code budget} mass, or fewer than {@code
   * count} elements, above it: by halving the range of floats, in at most 32 passes.
   */
  private float lowest(float[] w, int n, double budget, int count) {
    int low = ordered(Float.NEGATIVE_INFINITY);
    int high = ordered(two[0]);
    while (low < high) {
      int middle = (int) (((long) low + high) >> 1);
      float t = unordered(middle);
      boolean fits =
          count < 0
              ? kernels.sumAbove(logits, w, n, t) <= budget
              : kernels.countAbove(logits, n, t) < count;
      if (fits) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return unordered(low);
  }

  /** Maps floats to ints of the same order. */
  private static int ordered(float x) {
    int bits = Float.floatToRawIntBits(x);
    return bits ^ ((bits >> 31) & 0x7FFFFFFF);
  }

  private static float unordered(int order) {
    return Float.intBitsToFloat(order ^ ((order >> 31) & 0x7FFFFFFF));
  }

  private int sample(float[] w, int n, int largest, PredictionRows wanted, int i) {
    long seed = wanted.seed(i);
    int step = wanted.step(i);
    int position = wanted.position(i);
    double best = Double.POSITIVE_INFINITY;
    int token = largest;
    // The largest element's group first: it sets a bar that lets most others be passed over.
    for (int group = -1; group < (n + 3) / 4; group++) {
      int from = 4 * (group < 0 ? largest / 4 : group);
      int to = Math.min(n, from + 4);
      float heaviest = 0;
      for (int j = from; j < to; j++) {
        heaviest = Math.max(heaviest, w[j]);
      }
      if (!(0x1p-33 < best * heaviest)) {
        continue; // −ln U > 1 − U >= 2^−33: no noise lets this group win
      }
      philox.noise(seed, step, position, from / 4);
      for (int j = from; j < to; j++) {
        if (philox.complement(j - from) < best * w[j]) {
          double ratio = -Math.log(philox.uniform(j - from)) / w[j];
          if (ratio < best || (ratio == best && j < token)) {
            best = ratio;
            token = j;
          }
        }
      }
    }
    return token;
  }
}
