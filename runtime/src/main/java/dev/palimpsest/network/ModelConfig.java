/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.network;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Rope;

/**
 * Everything the transformer needs to know, whatever family wrote the checkpoint.
 *
 * @param family e.g. {@code llada}, {@code dream}
 * @param layers transformer blocks
 * @param hidden width of the residual stream
 * @param ffn inner width of the gated SiLU network
 * @param vocabulary rows of the embedding and of the head
 * @param heads heads of attention
 * @param rope rotary embedding
 * @param mask attention mask
 * @param normEpsilon of every RMS norm
 * @param qkNorm queries and keys are normalised per head
 * @param queryKeyValueBias those projections add a bias
 * @param outputBias the attention output projection adds a bias
 * @param tiedHead the head is the embedding table
 * @param shiftedLogits row i of the logits predicts position i + 1 (Dream) instead of position i
 *     (LLaDA)
 * @param maxPositions longest sequence the model was trained for
 * @param maskToken id of MASK, or −1 when the checkpoint names none
 * @param endToken id of end-of-text, or −1 when the checkpoint names none
 * @param padToken id of padding, or −1
 */
public record ModelConfig(
    String family,
    int layers,
    int hidden,
    int ffn,
    int vocabulary,
    HeadShape heads,
    Rope rope,
    AttentionMask mask,
    float normEpsilon,
    boolean qkNorm,
    boolean queryKeyValueBias,
    boolean outputBias,
    boolean tiedHead,
    boolean shiftedLogits,
    int maxPositions,
    int maskToken,
    int endToken,
    int padToken) {
  /**
   * Whether the model writes from left to right: a position sees itself and what precedes it, and
   * its logits predict the next one. Such a model has no MASK.
   */
  public boolean causal() {
    return mask.equals(AttentionMask.CAUSAL) && shiftedLogits;
  }
}
