/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code bench forward}: how fast one network call is. */
@Command(
    name = "forward",
    description = {
      "Time one forward over N tokens; tokens per second come from the median.",
      "Of a hybrid latent model it is a call of the denoiser, where the --logits positions are"
          + " written and those before them given; calls of the encoder and the decoder are timed"
          + " beside it."
    })
final class ForwardCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private ModelOptions options;
  @Mixin private RunOptions runs;
  @Mixin private BatchOptions batch;

  @Mixin private OutputOptions output;

  @Override
  public Integer call() {
    // Bad numbers are refused before a model is loaded.
    runs.length();
    int sequences = batch.sequences();
    int warmup = runs.warmup();
    int repeat = runs.repeat();
    Progress progress = new Progress(spec.commandLine().getErr());
    try (Arena arena = Arena.ofConfined();
        LoadedModel model = LoadedModel.open(options, progress)) {
      List<CallTimes> times = new ArrayList<>();
      for (NetworkCall call : model.calls(runs, sequences, arena)) {
        Timings timings =
            Timings.measure(
                warmup,
                repeat,
                call.work(),
                done -> progress.show(call.name(), done, warmup + repeat));
        times.add(CallTimes.of(call.name(), call.tokens(), timings));
      }
      progress.done();
      ForwardReport report = ForwardReport.of(options, runs, sequences, model, times);
      output.print(report, report.table());
    }
    return 0;
  }
}
