/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cache;

import java.util.Arrays;
import java.util.Objects;

/**
 * What a request feeds the network in one step: positions of its sequence in ascending order. Their
 * keys and values are stored; those of the other positions are taken as they are stored. Reused
 * from step to step; grows, never shrinks.
 */
public final class Feed {
  private int[] positions = new int[64];
  private int size;
  private int context;
  private boolean predicts;

  Feed() {}

  /**
   * Forgets all positions.
   *
   * @param context positions of the sequence that there are for attention to see; none of those fed
   *     may see one beyond them
   * @param predicts whether the step predicts; one that does not only stores
   */
  void begin(int context, boolean predicts) {
    size = 0;
    this.context = context;
    this.predicts = predicts;
  }

  /** Adds a position beyond those that are there. */
  void add(int position) {
    if (size == positions.length) {
      positions = Arrays.copyOf(positions, 2 * size);
    }
    positions[size++] = position;
  }

  /** Adds {@code from .. to - 1}. */
  void addRange(int from, int to) {
    for (int p = from; p < to; p++) {
      add(p);
    }
  }

  /** How many positions are fed. */
  public int size() {
    return size;
  }

  /** The {@code i}-th of them. */
  public int position(int i) {
    return positions[Objects.checkIndex(i, size)];
  }

  /** All of them, valid up to {@link #size} and until the next step is chosen. */
  public int[] positions() {
    return positions;
  }

  /** Positions of the sequence that attention may see in this step: 0 to this − 1. */
  public int context() {
    return context;
  }

  /** Whether the step predicts anything; otherwise it only stores keys and values. */
  public boolean predicts() {
    return predicts;
  }
}
