/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

/** Launches of {@code loop.cu}: what ends a step that the device repeats by itself. */
final class Loops {
  /** Ints of {@code LoopState}; the first is the flag. */
  static final int STATE_INTS = 4;

  /** Ints of {@code Text}. */
  static final int TEXT_INTS = 4;

  /** Roles of rows. */
  static final int GIVEN = 0;

  static final int WRITTEN = 1;
  static final int IN_TAIL = 2;

  private static final int THREADS = 256;

  /** {@code LoopShared}. */
  private static final int SHARED = 2 * 8 * 4;

  private final Kernel keep;
  private final Kernel count;

  Loops(Modules modules) {
    keep =
        modules.kernel(
            "loop",
            "loop_keep",
            THREADS,
            SHARED,
            "canvases*",
            "progresses*",
            "found*",
            "log*",
            "entries",
            "state*",
            "texts*",
            "tokens*",
            "roles*",
            "ends*");
    count =
        modules.kernel("loop", "loop_count", THREADS, SHARED, "progresses*", "canvases", "state*");
  }

  /**
   * Keeps what a step found, ends canvases whose text has ended, and counts the step.
   *
   * @param entries of each step in the log
   */
  void run(
      int canvases,
      long canvasesAt,
      long progresses,
      long found,
      long log,
      int entries,
      long state,
      long texts,
      long tokens,
      long roles,
      long ends) {
    keep.set(0, canvasesAt)
        .set(1, progresses)
        .set(2, found)
        .set(3, log)
        .set(4, entries)
        .set(5, state)
        .set(6, texts)
        .set(7, tokens)
        .set(8, roles)
        .set(9, ends)
        .launch(canvases);
    count.set(0, progresses).set(1, canvases).set(2, state).launch(1);
  }
}
