/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.network.TransformerWeights;

/**
 * A checkpoint understood: what the model is and which tensor plays which role.
 *
 * @param chatFormat name of the family's chat format ({@code "llada"}, {@code "chatml"}), or empty
 *     for a base model
 */
public record ModelDescription(ModelConfig config, TransformerWeights weights, String chatFormat) {}
