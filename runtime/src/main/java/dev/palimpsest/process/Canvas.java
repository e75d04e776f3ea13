/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.Arrays;
import java.util.BitSet;
import java.util.Objects;

/**
 * The text being written: token ids, some of them MASK, some fixed (prompt, text around holes).
 * Grows and shrinks only through {@link #apply}.
 */
public final class Canvas {
  private final int maskToken;
  private int[] tokens = new int[0];
  private int length;

  /** An empty canvas. */
  public Canvas(int maskToken) {
    this.maskToken = maskToken;
  }

  public int maskToken() {
    return maskToken;
  }

  public int length() {
    return length;
  }

  public int token(int position) {
    return tokens[Objects.checkIndex(position, length)];
  }

  public boolean masked(int position) {
    return token(position) == maskToken;
  }

  /** Positions that hold MASK. */
  public BitSet maskedPositions() {
    BitSet set = new BitSet(length);
    for (int i = 0; i < length; i++) {
      if (tokens[i] == maskToken) {
        set.set(i);
      }
    }
    return set;
  }

  /** A copy of the tokens. */
  public int[] tokens() {
    return Arrays.copyOf(tokens, length);
  }

  /** Copies the tokens to {@code target[offset …]}. */
  public void copyTo(int[] target, int offset) {
    System.arraycopy(tokens, 0, target, offset, length);
  }

  /** Copies the tokens at {@code from .. to - 1} to {@code target[offset …]}. */
  public void copyTo(int from, int to, int[] target, int offset) {
    Objects.checkFromToIndex(from, to, length);
    System.arraycopy(tokens, from, target, offset, to - from);
  }

  /**
   * Applies the changes of a revision in order.
   *
   * @throws IllegalArgumentException if a change does not fit this canvas (e.g. a commit where no
   *     MASK is); the changes before it stay applied
   */
  public void apply(Revision revision) {
    for (Change change : revision.changes()) {
      apply(change);
    }
  }

  /**
   * Applies one change.
   *
   * @throws IllegalArgumentException if it does not fit this canvas
   */
  public void apply(Change change) {
    int p = change.position();
    boolean insert = change instanceof Change.Insert;
    if (p < 0 || p >= length + (insert ? 1 : 0)) {
      throw new IllegalArgumentException(change + " is outside a canvas of " + length + " tokens");
    }
    switch (change) {
      case Change.Commit c -> {
        expect(change, maskToken);
        tokens[p] = c.token();
      }
      case Change.Replace r -> {
        expect(change, r.previous());
        tokens[p] = r.token();
      }
      case Change.Remask r -> {
        expect(change, r.previous());
        tokens[p] = maskToken;
      }
      case Change.Insert i -> {
        if (length == tokens.length) {
          tokens = Arrays.copyOf(tokens, Math.max(64, length * 2));
        }
        System.arraycopy(tokens, p, tokens, p + 1, length - p);
        tokens[p] = i.token();
        length++;
      }
      case Change.Delete d -> {
        System.arraycopy(tokens, p + 1, tokens, p, length - p - 1);
        length--;
      }
    }
  }

  private void expect(Change change, int token) {
    if (tokens[change.position()] != token) {
      throw new IllegalArgumentException(
          change + " expects token " + token + " but finds " + tokens[change.position()]);
    }
  }
}
