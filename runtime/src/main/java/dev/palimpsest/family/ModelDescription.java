/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.network.TransformerWeights;

/**
 * A checkpoint understood: what the model is and which tensor plays which role.
 *
 * @param chatFormat name of the chat format that the checkpoint's template follows ({@code
 *     "llada"}, {@code "chatml"}), {@code "unknown"} for a template of another kind, or empty for a
 *     base model without one
 */
public record ModelDescription(ModelConfig config, TransformerWeights weights, String chatFormat) {}
