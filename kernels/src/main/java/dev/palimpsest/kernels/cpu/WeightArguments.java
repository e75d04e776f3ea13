/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.kernels.WeightView;

/**
 * What devices ask of the weights they are given: the same on each, in the same words. All methods
 * throw {@link IllegalArgumentException} that names the op, the tensor and what was found.
 */
public final class WeightArguments {
  private WeightArguments() {}

  /** A matrix of a dtype that can be read, with dimensions that fit an int. */
  public static void matrix(String op, WeightView view) {
    if (view.shape().size() != 2 || view.elements() == 0) {
      throw new IllegalArgumentException(
          op + ": tensor " + view.name() + " must be a matrix; found shape " + view.shape());
    }
    if (view.shape().get(0) > Integer.MAX_VALUE || view.shape().get(1) > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          op + ": tensor " + view.name() + " is too large: " + view.shape());
    }
    Dequantizer.check(op, view, view.dimension(1));
  }

  /** Projections of the same inputs, at least one, to be packed side by side. */
  public static void projections(WeightView... parts) {
    if (parts.length == 0) {
      throw new IllegalArgumentException("pack: wants at least one projection");
    }
    long out = 0;
    for (WeightView part : parts) {
      matrix("pack", part);
      out += part.dimension(0);
      if (part.dimension(1) != parts[0].dimension(1)) {
        throw unequal("pack", parts[0], part);
      }
    }
    if (out > Integer.MAX_VALUE) {
      throw new IllegalArgumentException("pack: " + out + " outputs are too many for one map");
    }
  }

  /** A gate and an up projection of the same shape. */
  public static void gated(WeightView gate, WeightView up) {
    matrix("packGated", gate);
    matrix("packGated", up);
    if (!gate.shape().equals(up.shape())) {
      throw unequal("packGated", gate, up);
    }
  }

  /** How many elements the parts of a vector have together. */
  public static int vectorWidth(WeightView... parts) {
    long width = 0;
    for (WeightView part : parts) {
      if (part.elements() > Integer.MAX_VALUE || part.elements() == 0) {
        throw new IllegalArgumentException(
            "vector: tensor " + part.name() + " has shape " + part.shape());
      }
      Dequantizer.check("vector", part, (int) part.elements());
      width += part.elements();
    }
    if (width == 0 || width > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "vector: wants between one and 2^31 - 1 elements; found " + width);
    }
    return (int) width;
  }

  /** Codes of a product quantiser, as many for each group. */
  public static void codebook(WeightView codes, int groups) {
    matrix("codebook", codes);
    if (groups <= 0 || codes.dimension(0) % groups != 0) {
      throw new IllegalArgumentException(
          "codebook: %s has %d codes, which are not %d groups of equal size"
              .formatted(codes.name(), codes.dimension(0), groups));
    }
  }

  private static IllegalArgumentException unequal(String op, WeightView a, WeightView b) {
    return new IllegalArgumentException(
        "%s: shapes do not fit together: %s%s and %s%s"
            .formatted(op, a.name(), a.shape(), b.name(), b.shape()));
  }
}
