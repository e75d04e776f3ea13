/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/** What diffusion begins with: the canvas as it is given, and which positions of it are written. */
public final class Opening {
  private final int[] written;
  private final int tail;
  private final Revision start;

  /**
   * Lays out a canvas.
   *
   * @param tokens fixed text, MASK where text is to be written, or a draft of it
   * @param fixed positions that never change
   * @param stopAtEnd an end token ends the text, so the model must have one
   * @throws IllegalArgumentException if a fixed position is not there, or no end token to stop at
   */
  public Opening(
      int[] tokens, BitSet fixed, int maskToken, boolean stopAtEnd, boolean hasEndToken) {
    if (fixed.length() > tokens.length) {
      throw new IllegalArgumentException(
          "position %d is fixed but the canvas has %d tokens"
              .formatted(fixed.length() - 1, tokens.length));
    }
    refuseEndless(stopAtEnd, hasEndToken);
    BitSet open = new BitSet(tokens.length);
    open.set(0, tokens.length);
    open.andNot(fixed);
    written = open.stream().toArray();
    tail = written.length - (tokens.length - fixed.length());
    List<Change> inserts = new ArrayList<>(tokens.length);
    int masked = 0;
    for (int p = 0; p < tokens.length; p++) {
      inserts.add(new Change.Insert(p, tokens[p]));
      masked += !fixed.get(p) && tokens[p] == maskToken ? 1 : 0;
    }
    start = new Revision(0, inserts, masked);
  }

  static void refuseEndless(boolean stopAtEnd, boolean hasEndToken) {
    if (stopAtEnd && !hasEndToken) {
      throw new IllegalArgumentException(
          "stopping at the end of text needs an end token and the model names none: switch it off");
    }
  }

  /** Positions that are not fixed, ascending. */
  public int[] written() {
    return written;
  }

  /** The index in {@link #written} from which they run to the end of the canvas without a gap. */
  public int tail() {
    return tail;
  }

  /** The revision that builds the canvas from an empty one. */
  public Revision start() {
    return start;
  }
}
