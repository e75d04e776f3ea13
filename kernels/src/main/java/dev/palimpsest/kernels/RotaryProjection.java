/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

import java.util.Optional;

/**
 * How normalised rows become the queries, keys and values of {@link Device#rotaryAttention}.
 *
 * @param weights {@code [shape.fusedWidth()][in]}: queries, keys, values side by side
 * @param bias one f32 row, added to what the weights give
 * @param norms of query and key heads, before they turn
 */
public record RotaryProjection(
    PackedLinear weights,
    Optional<Tensor> bias,
    HeadShape shape,
    Optional<HeadNorms> norms,
    Rope rope) {
  /**
   * RMS norms of heads (qk-norm, as in Qwen3).
   *
   * @param query one f32 row of {@code headDim}
   * @param key the same for keys
   */
  public record HeadNorms(Tensor query, Tensor key, float eps) {}
}
