/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

/** One request's way to its text, whatever its steps are: the canvas, and how far it is. */
public interface WritingProcess {
  /** The canvas, as of the last revision. */
  Canvas canvas();

  /** The revision that builds the initial canvas from an empty one (step 0). */
  Revision start();

  /** Nothing is left to do; the canvas is the result. */
  boolean finished();

  /** Network calls so far. */
  int step();

  /**
   * Asks for an end within so many more steps, between two steps; may be asked again, for more or
   * fewer. A process that would take longer then changes more at a time, at the cost of quality. By
   * default nothing is changed.
   *
   * @param stepsLeft at least 1
   */
  default void hurry(int stepsLeft) {}
}
