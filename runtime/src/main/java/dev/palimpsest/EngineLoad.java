/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

/**
 * How busy an engine is; each number is true for itself, they are not of one instant.
 *
 * @param running requests that take part in the batches
 * @param waiting requests that wait to be started, {@link EngineOptions#maxQueued} at most
 * @param cachePages pages that the budget for K/V caches allows; of a latent model, positions whose
 *     latents it allows
 * @param freeCachePages those that no request holds
 * @param cacheBytes memory taken for them so far; kept for later requests
 */
public record EngineLoad(
    int running, int waiting, int cachePages, int freeCachePages, long cacheBytes) {}
