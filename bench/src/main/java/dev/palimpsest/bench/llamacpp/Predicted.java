/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.llamacpp;

/**
 * What llama.cpp predicts at some positions.
 *
 * @param nanos that its forward took, without the search for the largest logits
 * @param tokens the largest logit of each position
 * @param confidences its probability
 */
public record Predicted(long nanos, int[] tokens, double[] confidences) {}
