/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

/**
 * What decides the course of a denoiser's training.
 *
 * @param batch rows of a step
 * @param rate peak learning rate
 * @param warmup steps of linear warm-up
 * @param finalFraction learning rate at the end, as a fraction of the peak
 * @param weightDecay AdamW's decoupled decay, on matrices
 * @param clip largest norm of the gradient
 * @param averageDecay decay of the weight average
 * @param curriculum share of the run over which the noise rises to its target; 0: none
 * @param selfConditioning share of the batches that get a first prediction
 * @param codeLoss weight of the cross-entropy over codes
 * @param velocityLoss weight of the velocity's squared error
 * @param tokenLoss weight of the cross-entropy over tokens through the frozen decoder
 * @param tokenShare share of the rows that are decoded for it
 * @param qualityLoss weight of the cross-entropy of the quality head
 * @param written share of rows with text of the model's own among what it sees
 * @param wrong largest share of wrong codes in such text
 * @param guidanceDropout share of rows whose given text is hidden
 * @param timeWarp whether the noise levels follow the loss
 * @param adversarial largest weight of the adversarial term, relative to the other losses'
 *     gradient; 0: none
 * @param bf16 multiply in bfloat16
 */
record LatentSettings(
    HybridShape shape,
    int batch,
    long seed,
    double rate,
    int warmup,
    double finalFraction,
    double weightDecay,
    double clip,
    double averageDecay,
    double curriculum,
    double selfConditioning,
    double codeLoss,
    double velocityLoss,
    double tokenLoss,
    double tokenShare,
    double qualityLoss,
    double written,
    double wrong,
    double guidanceDropout,
    boolean timeWarp,
    double adversarial,
    boolean bf16) {
  /** Settings of a batch that is only measured: nothing hidden, nothing wrong. */
  static LatentSettings measuring(HybridShape shape) {
    return new LatentSettings(
        shape, 1, 0, 0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0.05, 0, false, 0, false);
  }

  /** Settings of a run whose options are left as they are, but for these. */
  static LatentSettings usual(
      HybridShape shape,
      int batch,
      long seed,
      double rate,
      int warmup,
      double averageDecay,
      boolean bf16) {
    return new LatentSettings(
        shape,
        batch,
        seed,
        rate,
        warmup,
        0.02,
        0.05,
        1,
        averageDecay,
        0.12,
        0.5,
        1,
        1,
        0.1,
        0.2,
        0.1,
        0.25,
        0.15,
        0.1,
        true,
        0,
        bf16);
  }
}
