/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

import java.util.ArrayList;
import java.util.List;

/**
 * The blocks that a {@link BlockLoop} writes together, and where their canvases lie: one row after
 * the other, as many positions as a step feeds, and an entry of the {@link PredictionRows} for each
 * of their masks.
 */
public final class BlockBatch {
  /**
   * A block in its place.
   *
   * @param firstRow of its canvas
   * @param rows of its canvas
   * @param firstPosition of its canvas that is among them
   * @param firstEntry of its masks, which ascend by position
   * @param entries how many there are
   */
  public record Placed(
      MaskedBlock block, int firstRow, int rows, int firstPosition, int firstEntry, int entries) {}

  private final List<Placed> blocks = new ArrayList<>();

  /** Forgets all blocks. */
  public void clear() {
    blocks.clear();
  }

  /** Adds a block; its number is how many there were before. */
  public void add(Placed block) {
    blocks.add(block);
  }

  public int size() {
    return blocks.size();
  }

  /** Block number {@code i}. */
  public Placed get(int i) {
    return blocks.get(i);
  }
}
