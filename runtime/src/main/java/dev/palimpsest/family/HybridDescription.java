/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import dev.palimpsest.network.HybridConfig;
import dev.palimpsest.network.HybridWeights;

/** A hybrid checkpoint understood: what the model is and which tensor plays which role. */
public record HybridDescription(HybridConfig config, HybridWeights weights) {}
