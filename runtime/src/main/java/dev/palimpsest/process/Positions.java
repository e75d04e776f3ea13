/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.Arrays;
import java.util.Objects;

/**
 * Positions of a canvas in ascending order. Reused from step to step; grows, never shrinks, so that
 * a warm step allocates nothing.
 */
public final class Positions {
  private int[] positions = new int[64];
  private int size;

  /** These positions, which must ascend. */
  public static Positions of(int... positions) {
    Positions of = new Positions();
    for (int position : positions) {
      of.add(position);
    }
    return of;
  }

  public int size() {
    return size;
  }

  /** The i-th position, counted from 0. */
  public int at(int i) {
    return positions[Objects.checkIndex(i, size)];
  }

  /** A copy. */
  public int[] toArray() {
    return Arrays.copyOf(positions, size);
  }

  /** Forgets all. */
  public void clear() {
    size = 0;
  }

  /**
   * Adds a position.
   *
   * @throws IllegalArgumentException if it does not come after the last one
   */
  public void add(int position) {
    if (size > 0 && position <= positions[size - 1]) {
      throw new IllegalArgumentException(
          "positions must ascend; found %d after %d".formatted(position, positions[size - 1]));
    }
    if (size == positions.length) {
      positions = Arrays.copyOf(positions, size * 2);
    }
    positions[size++] = position;
  }

  /**
   * Adds all of {@code others}, in their order.
   *
   * @throws IllegalArgumentException if they do not come after the last one
   */
  public void addAll(Positions others) {
    for (int i = 0; i < others.size; i++) {
      add(others.positions[i]);
    }
  }
}
