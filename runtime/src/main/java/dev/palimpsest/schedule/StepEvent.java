/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** One network call of the scheduler, for Java Flight Recorder. */
@Name("dev.palimpsest.Step")
@Label("Denoising Step")
@Category("Palimpsest")
@StackTrace(false)
final class StepEvent extends Event {
  @Label("Sequences")
  int sequences;

  @Label("Token Rows")
  int rows;

  /** Sequences that were fed whole to refresh their cache, or a prompt to fill it. */
  @Label("Cache Refreshes")
  int refreshes;

  @Label("Predicted Positions")
  int predictions;

  @Label("Requests Waiting")
  int waiting;
}
