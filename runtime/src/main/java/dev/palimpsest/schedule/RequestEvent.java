/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;

/** One request from submission to its end, for Java Flight Recorder. */
@Name("dev.palimpsest.Request")
@Label("Generation Request")
@Category("Palimpsest")
@StackTrace(false)
final class RequestEvent extends Event {
  @Label("Canvas Length")
  int length;

  @Label("Network Calls")
  int steps;

  @Label("Time In Queue")
  @Timespan(Timespan.NANOSECONDS)
  long queued;

  @Label("Outcome")
  String outcome = "";
}
