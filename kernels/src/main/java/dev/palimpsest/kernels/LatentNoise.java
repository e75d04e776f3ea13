/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

/**
 * The Gaussian noise of latents: a pure function of (seed, step, position, dimension), the same in
 * any batch and on any thread.
 *
 * <p>Dimensions {@code 4j ‥ 4j + 3} come from the four words of Philox4x32-10 with counter {@code
 * (j, position, step, stream)} and the seed as key (low word first): each word w is {@code u = (w +
 * ½)·2⁻³²}, and two of them make two numbers (Box and Muller, 1958), {@code √(−2 ln u0)·cos(2π u1)}
 * and {@code √(−2 ln u0)·sin(2π u1)}, computed in double precision and rounded to float.
 */
public final class LatentNoise {
  /** The stream that {@link LatentOps#denoise} adds. */
  public static final int STEP = 1;

  /** The stream that {@link LatentOps#renoise} starts from. */
  public static final int START = 2;

  private LatentNoise() {}
}
