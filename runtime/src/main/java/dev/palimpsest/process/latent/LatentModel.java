/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process.latent;

import java.util.List;

/**
 * What a process must know of its model.
 *
 * @param path from noise to latents
 * @param groups codes of a latent
 * @param window positions it can see at a time
 * @param maskToken id of MASK
 * @param endTokens ids that end a text; the first one fills what follows
 */
public record LatentModel(
    NoisePath path,
    int groups,
    int window,
    LatentDefaults defaults,
    int maskToken,
    List<Integer> endTokens) {
  public LatentModel {
    endTokens = List.copyOf(endTokens);
  }
}
