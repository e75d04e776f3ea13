/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import java.lang.foreign.Arena;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code bench forward}: how fast one network call is. */
@Command(
    name = "forward",
    description = "Time one forward over N tokens; tokens per second come from the median.")
final class ForwardCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private ModelOptions options;
  @Mixin private RunOptions runs;

  @Mixin private OutputOptions output;

  @Override
  public Integer call() {
    int length = runs.length();
    Progress progress = new Progress(spec.commandLine().getErr());
    try (Arena arena = Arena.ofConfined();
        LoadedModel model = LoadedModel.open(options, progress)) {
      ForwardWork work = new ForwardWork(model.transformer(), length, runs.logits(), arena);
      int warmup = runs.warmup();
      int repeat = runs.repeat();
      Timings timings =
          Timings.measure(
              warmup, repeat, work, done -> progress.show("forward", done, warmup + repeat));
      progress.done();
      ForwardReport report = ForwardReport.of(options, runs, model, timings);
      output.print(report, report.table());
    }
    return 0;
  }
}
