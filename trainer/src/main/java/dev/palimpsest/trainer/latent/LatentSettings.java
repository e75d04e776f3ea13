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
    boolean bf16) {}
