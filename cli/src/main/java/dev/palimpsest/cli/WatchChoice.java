/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Options that say how a text being written is shown. */
final class WatchChoice {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = {"-w", "--watch"},
      description =
          "Redraw the text at every step: masked, new, changed and settled tokens told apart"
              + " (default: only the finished text).")
  private boolean watch;

  @Option(
      names = "--watch-delay",
      paramLabel = "MS",
      defaultValue = "150",
      description = "Time a step stays on the screen, at least (default: ${DEFAULT-VALUE} ms).")
  private int watchDelay;

  @Option(
      names = "--record",
      paramLabel = "FILE.svg",
      description = "Also record the steps as an animated SVG (default: none).")
  private Path record;

  @Option(
      names = "--json",
      description = "Print one JSON document and nothing else on stdout (default: text).")
  private boolean json;

  @Option(names = "--stats", description = "Tell more about the run on stderr (default: one line).")
  private boolean stats;

  void check() {
    if (watch && json) {
      throw new ParameterException(
          spec.commandLine(), "--watch and --json both want stdout: choose one");
    }
    if (watchDelay < 0) {
      throw new ParameterException(
          spec.commandLine(), "--watch-delay must be 0 or more milliseconds; found " + watchDelay);
    }
  }

  /** Whether anybody sees the text before it is finished. */
  boolean watched() {
    return watch || record != null;
  }

  /** The viewers asked for; none when only the result matters. */
  List<Viewer> viewers(Terminal terminal) {
    List<Viewer> viewers = new ArrayList<>();
    Duration delay = Duration.ofMillis(watchDelay);
    var out = spec.commandLine().getOut();
    if (watch) {
      viewers.add(
          terminal.interactive()
              ? new ScreenViewer(out, terminal.colours(), terminal::size, delay)
              : new PlainViewer(out, Terminal.Size.USUAL.columns()));
    }
    if (record != null) {
      viewers.add(new RecordingViewer(record, Duration.ofMillis(Math.max(100, watchDelay * 3L))));
    }
    return viewers;
  }

  /** Prints a finished text: {@code shown} on stdout and how it went on stderr, or all as JSON. */
  void print(Report report, String shown) {
    var out = spec.commandLine().getOut();
    var err = spec.commandLine().getErr();
    if (json) {
      out.println(report.json());
    } else {
      out.print(shown);
      if (!shown.endsWith("\n")) {
        out.println();
      }
    }
    out.flush();
    if (stats) {
      report.printStats(err);
    } else if (!json) {
      err.println(report.summary());
    }
    err.flush();
  }
}
