/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

/**
 * One change to a canvas. Positions count from 0 on the canvas as it is when the change is applied,
 * changes of a revision being applied in order.
 */
public sealed interface Change {
  int position();

  /**
   * A masked position got a token. {@code confidence} is the model's probability for it, or 1 where
   * a rule decided and not the model (what follows an end token).
   */
  record Commit(int position, int token, double confidence) implements Change {}

  /** A token gave way to another; {@code confidence} as in {@link Commit}. */
  record Replace(int position, int previous, int token, double confidence) implements Change {}

  /**
   * A committed token went back to MASK because its confidence had dropped to {@code confidence}.
   */
  record Remask(int position, int previous, double confidence) implements Change {}

  /** A token (or MASK) was put in before {@code position}; what stood there moves right. */
  record Insert(int position, int token) implements Change {}

  /** The token at {@code position} was taken out; what followed moves left. */
  record Delete(int position) implements Change {}
}
