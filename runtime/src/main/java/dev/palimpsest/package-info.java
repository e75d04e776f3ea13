/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The public API: an {@link dev.palimpsest.Engine} holds a model, a {@link
 * dev.palimpsest.GenerationRequest} says what to write, a {@link dev.palimpsest.Generation} is that
 * on its way.
 *
 * <p>No parameter may be null; one that is is refused with a {@link java.lang.NullPointerException}
 * that names it. All types are safe for use by several threads, except {@link
 * dev.palimpsest.GenerationRequest.Builder}.
 */
package dev.palimpsest;
