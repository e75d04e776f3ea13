/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.network.TransformerWeights;
import dev.palimpsest.text.ChatFormat;
import java.util.Optional;

/**
 * A checkpoint understood: what the model is and which tensor plays which role.
 *
 * @param chatFormat how the checkpoint's template writes a conversation; empty for a base model
 *     without a template
 */
public record ModelDescription(
    ModelConfig config, TransformerWeights weights, Optional<ChatFormat> chatFormat) {}
