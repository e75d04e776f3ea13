/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

/**
 * What decides the course of a VQ-VAE's training.
 *
 * @param length tokens of a row
 * @param batch rows of a step
 * @param rate peak learning rate
 * @param warmup steps of linear warm-up
 * @param averageDecay decay of the weight average
 * @param continuous share of the run before there are codes
 * @param commitment weight of the distance between encoded positions and their codes
 * @param balance weight of the entropy of the codes' mean use, which spreads them
 * @param codebookDecay decay of the codebook's running means
 * @param inputMasking share of positions that are unknown to the encoder, in half of the rows
 * @param latentDropout mean share of latents that the decoder does not get
 * @param noise largest deviation of the noise on the decoder's input
 * @param replaced share of positions one of whose codes is replaced by any other
 * @param bf16 multiply in bfloat16
 */
record AutoencoderSettings(
    AutoencoderShape shape,
    int length,
    int batch,
    long seed,
    double rate,
    int warmup,
    double averageDecay,
    double continuous,
    double commitment,
    double balance,
    double codebookDecay,
    double inputMasking,
    double latentDropout,
    double noise,
    double replaced,
    boolean bf16) {
  static final double FINAL_FRACTION = 0.02;
  static final double WEIGHT_DECAY = 0.01;
  static final double CLIP = 1;

  /** Settings of a run whose options are left as they are, but for these. */
  static AutoencoderSettings usual(
      AutoencoderShape shape,
      int length,
      int batch,
      long seed,
      double rate,
      int warmup,
      boolean bf16) {
    return new AutoencoderSettings(
        shape, length, batch, seed, rate, warmup, 0.99, 0.35, 0.25, 0.2, 0.99, 0.15, 0.15, 0.8,
        0.075, bf16);
  }
}
