/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import java.lang.foreign.Arena;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code bench profile}: the time of a forward, op by op. */
@Command(
    name = "profile",
    description = "Show where the time of a forward goes, op by op and shape by shape.")
final class ProfileCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private ModelOptions options;
  @Mixin private RunOptions runs;

  @Mixin private OutputOptions output;

  @Override
  public Integer call() {
    int length = runs.length();
    Progress progress = new Progress(spec.commandLine().getErr());
    OpTimes times = new OpTimes();
    try (Arena arena = Arena.ofConfined();
        LoadedModel model =
            LoadedModel.open(options, progress, device -> new TimedDevice(device, times))) {
      ForwardWork work = new ForwardWork(model.transformer(), length, runs.logits(), arena);
      int total = runs.warmup() + runs.repeat();
      if (runs.warmup() > 0) {
        Timings.measure(0, runs.warmup(), work, done -> progress.show("forward", done, total));
      }
      times.clear();
      Timings timings =
          Timings.measure(
              0,
              runs.repeat(),
              work,
              done -> progress.show("forward", runs.warmup() + done, total));
      progress.done();
      ProfileReport report =
          report(times, timings, ForwardReport.of(options, runs, model, timings));
      output.print(report, table(report));
    }
    return 0;
  }

  private ProfileReport report(OpTimes times, Timings timings, ForwardReport forward) {
    double runs = forward.repeat();
    double forwardMs = timings.meanMs();
    List<ProfileReport.Share> shares =
        times.sums().stream()
            .map(
                sum ->
                    new ProfileReport.Share(
                        sum.op().name(),
                        sum.op().shape(),
                        sum.calls() / runs,
                        sum.nanos() / runs / 1e6,
                        sum.nanos() / runs / 1e6 / forwardMs,
                        sum.gflops(),
                        sum.gigabytesPerSecond()))
            .toList();
    double opsMs = shares.stream().mapToDouble(ProfileReport.Share::ms).sum();
    return new ProfileReport(forwardMs, opsMs, shares, forward);
  }

  private static String table(ProfileReport report) {
    TextTable table =
        new TextTable("op", "shape", "calls", "ms", "share", "GFLOP/s", "GB/s").leftColumns(2);
    for (ProfileReport.Share op : report.ops()) {
      table.row(
          op.op(),
          op.shape(),
          String.format(Locale.ROOT, "%.0f", op.calls()),
          String.format(Locale.ROOT, "%.2f", op.ms()),
          percent(op.share()),
          op.gflops() == 0 ? "" : String.format(Locale.ROOT, "%.0f", op.gflops()),
          String.format(Locale.ROOT, "%.1f", op.gigabytesPerSecond()));
    }
    double rest = report.forwardMs() - report.opsMs();
    table.row(
        "sum of ops",
        "",
        "",
        String.format(Locale.ROOT, "%.2f", report.opsMs()),
        percent(report.opsMs() / report.forwardMs()),
        "",
        "");
    table.row(
        "between ops",
        "",
        "",
        String.format(Locale.ROOT, "%.2f", rest),
        percent(rest / report.forwardMs()),
        "",
        "");
    table.row(
        "whole forward",
        "mean of " + report.forward().repeat(),
        "",
        String.format(Locale.ROOT, "%.2f", report.forwardMs()),
        percent(1),
        "",
        "");
    return table + "\n" + report.forward().table();
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.1f %%", 100 * share);
  }
}
