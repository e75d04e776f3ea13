/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

/**
 * How one row of logits becomes a token and its confidence.
 *
 * @param temperature 0 takes the largest logit (ties: lowest index); otherwise Gumbel-max on {@code
 *     logits / temperature}
 * @param topK keep only the k largest logits; 0 keeps all
 * @param topP keep the smallest set of tokens whose probability reaches this; 1 keeps all
 * @param confidenceOn which distribution confidence, margin and entropy are read from
 * @param suppressed token ids that are never sampled (their logits count as −∞ everywhere)
 */
public record Sampling(
    float temperature, int topK, float topP, Distribution confidenceOn, int... suppressed) {
  /** Where confidences come from. */
  public enum Distribution {
    /** softmax of the logits as the model gave them: LLaDA's reference. */
    RAW,
    /** softmax after temperature, top-p and top-k: Dream's reference. */
    FILTERED
  }

  /** Largest logit, confidence from the raw logits. */
  public static final Sampling GREEDY = new Sampling(0f, 0, 1f, Distribution.RAW);

  public Sampling {
    if (!(temperature >= 0) || temperature == Float.POSITIVE_INFINITY) {
      throw new IllegalArgumentException(
          "temperature must be >= 0 and finite; found " + temperature);
    }
    if (topK < 0) {
      throw new IllegalArgumentException("top-k must be >= 0 (0 keeps all); found " + topK);
    }
    if (!(topP > 0 && topP <= 1)) {
      throw new IllegalArgumentException("top-p must be in (0, 1]; found " + topP);
    }
    suppressed = suppressed.clone();
  }
}
