/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.CheckpointException;

/** Bounds that every sane model keeps, so that no product of two of them overflows. */
final class Limits {
  static final int LAYERS = 4096;
  static final int HEADS = 1 << 12;
  static final int WIDTH = 1 << 20;
  static final int VOCABULARY = 1 << 24;

  private Limits() {}

  static void divides(Checkpoint checkpoint, String key, int part, String what, int whole) {
    if (whole % part != 0) {
      throw new CheckpointException(
          ConfigFields.file(checkpoint)
              + ": "
              + key
              + " is "
              + part
              + ", which does not divide "
              + what
              + " "
              + whole);
    }
  }

  static void even(Checkpoint checkpoint, String key, int dims) {
    if (dims % 2 != 0) {
      throw new CheckpointException(
          ConfigFields.file(checkpoint)
              + ": "
              + key
              + " is "
              + dims
              + ": rotary embedding turns pairs and wants an even number");
    }
  }
}
