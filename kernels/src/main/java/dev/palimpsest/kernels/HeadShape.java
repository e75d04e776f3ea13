/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

/**
 * How a fused projection row {@code [q heads | k heads | v heads]} divides into attention heads.
 *
 * @param heads query heads
 * @param kvHeads key and value heads; divides {@code heads}
 * @param headDim elements of a head
 */
public record HeadShape(int heads, int kvHeads, int headDim) {
  public HeadShape {
    if (heads <= 0 || kvHeads <= 0 || headDim <= 0 || heads % kvHeads != 0) {
      throw new IllegalArgumentException(
          "attention wants heads divisible by kvHeads, all positive; found heads="
              + heads
              + " kvHeads="
              + kvHeads
              + " headDim="
              + headDim);
    }
  }

  /** Elements of all query heads. */
  public int queryWidth() {
    return heads * headDim;
  }

  /** Elements of all key (or value) heads. */
  public int keyWidth() {
    return kvHeads * headDim;
  }

  /** Elements of a fused row. */
  public int fusedWidth() {
    return queryWidth() + 2 * keyWidth();
  }
}
