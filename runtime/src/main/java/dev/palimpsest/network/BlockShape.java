/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.network;

import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Rope;

/**
 * Sizes of a transformer block.
 *
 * @param hidden width of the residual stream
 * @param ffn inner width of the gated SiLU network
 */
record BlockShape(int hidden, int ffn, HeadShape heads, Rope rope, float normEpsilon) {}
