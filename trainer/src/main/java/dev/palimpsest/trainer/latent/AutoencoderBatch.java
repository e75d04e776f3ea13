/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import dev.palimpsest.trainer.RowSource;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * One batch of the VQ-VAE's training: a function of the corpus, the settings and the step.
 *
 * @param ids [rows · length]
 * @param known 1 where the encoder's neighbours may see a position
 * @param kept 1 where the decoder gets a latent
 * @param noise normal noise times the deviation of its row, [rows · length · latent]
 * @param wrong a group's code to be put in place of the right one, or -1, [rows · length · groups]
 * @param weights of the token losses; positions of weight 0 need no logits
 */
record AutoencoderBatch(
    int rows, int[] ids, float[] known, float[] kept, float[] noise, int[] wrong, float[] weights) {
  /** A token whose latent is not there can only be guessed, which is not the decoder's trade. */
  private static final float GUESSED = 0.1f;

  static AutoencoderBatch draw(AutoencoderSettings settings, RowSource source, long step) {
    AutoencoderShape shape = settings.shape();
    int length = settings.length();
    int n = settings.batch() * length;
    int[] ids = new int[n];
    float[] known = new float[n];
    float[] kept = new float[n];
    float[] weights = new float[n];
    float[] noise = new float[n * shape.latent()];
    int[] wrong = new int[n * shape.groups()];
    Arrays.fill(wrong, -1);
    SplittableRandom random = RowSource.random(settings.seed(), step);
    for (int r = 0; r < settings.batch(); r++) {
      source.crop(random, ids, r * length, length);
      boolean masked = random.nextBoolean();
      boolean spans = random.nextBoolean();
      boolean[] holes = spans ? Holes.draw(random, length) : new boolean[length];
      double dropout = 2 * settings.latentDropout() * random.nextDouble();
      double sigma = settings.noise() * random.nextDouble();
      for (int i = 0; i < length; i++) {
        int at = r * length + i;
        boolean hole = spans ? holes[i] : random.nextDouble() < 2 * settings.inputMasking();
        known[at] = settings.inputMasking() > 0 && masked && hole ? 0 : 1;
        // What was unknown when the codes were made is often unknown to the decoder as well.
        boolean there =
            (known[at] == 1 || random.nextInt(4) == 0) && random.nextDouble() >= dropout;
        kept[at] = there ? 1 : 0;
        // Half of the positions pay for the wide product of the head.
        weights[at] = random.nextBoolean() ? 0 : there ? 1 : GUESSED;
        if (random.nextDouble() < settings.replaced()) {
          wrong[at * shape.groups() + random.nextInt(shape.groups())] =
              random.nextInt(shape.codes());
        }
        for (int d = 0; d < shape.latent(); d++) {
          noise[at * shape.latent() + d] = (float) (sigma * random.nextGaussian());
        }
      }
    }
    return new AutoencoderBatch(settings.batch(), ids, known, kept, noise, wrong, weights);
  }

  /** Rows {@code from .. to - 1} as a batch of their own. */
  AutoencoderBatch part(int from, int to) {
    return new AutoencoderBatch(
        to - from,
        Arrays.copyOfRange(ids, per(ids.length) * from, per(ids.length) * to),
        Arrays.copyOfRange(known, per(known.length) * from, per(known.length) * to),
        Arrays.copyOfRange(kept, per(kept.length) * from, per(kept.length) * to),
        Arrays.copyOfRange(noise, per(noise.length) * from, per(noise.length) * to),
        Arrays.copyOfRange(wrong, per(wrong.length) * from, per(wrong.length) * to),
        Arrays.copyOfRange(weights, per(weights.length) * from, per(weights.length) * to));
  }

  private int per(int total) {
    return total / rows;
  }
}
