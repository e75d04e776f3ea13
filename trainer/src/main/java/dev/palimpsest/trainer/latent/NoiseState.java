/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

/** What a position is to the denoiser; the ordinal is its row of the state table. */
enum NoiseState {
  /** Being written. */
  NOISE,
  /** Given: its latent is that of its codes, its time is 1. */
  GIVEN,
  /** Given, but not shown, as in guidance's unconditional pass: its latent is zero. */
  HIDDEN,
  /** Written before and perhaps wrong: its latent is that of its codes, its time is 1. */
  WRITTEN
}
