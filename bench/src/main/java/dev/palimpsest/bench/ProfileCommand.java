/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import java.lang.foreign.Arena;
import java.util.ArrayList;
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
    description = {
      "Show where the time of a forward goes, op by op and shape by shape.",
      "Of a hybrid latent model: of a call of the denoiser, the encoder and the decoder, as forward"
          + " times them."
    })
final class ProfileCommand implements Callable<Integer> {
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
    Progress progress = new Progress(spec.commandLine().getErr());
    OpTimes ops = new OpTimes();
    try (Arena arena = Arena.ofConfined();
        LoadedModel model =
            LoadedModel.open(options, progress, device -> new TimedDevice(device, ops))) {
      List<CallTimes> times = new ArrayList<>();
      List<ProfileReport.Share> shares = new ArrayList<>();
      for (NetworkCall call : model.calls(runs, sequences, arena)) {
        CallTimes timed = CallTimes.of(call.name(), call.tokens(), measure(call, ops, progress));
        times.add(timed);
        ops.sums().forEach(sum -> shares.add(share(timed, sum)));
      }
      progress.done();
      double forwardMs = times.getFirst().meanMs();
      double opsMs = opsMs(times.getFirst(), shares);
      ProfileReport report =
          new ProfileReport(
              forwardMs,
              opsMs,
              List.copyOf(shares),
              ForwardReport.of(options, runs, sequences, model, times));
      output.print(report, table(report, times));
    }
    return 0;
  }

  /** Leaves the ops of the timed runs in {@code ops}. */
  private Timings measure(NetworkCall call, OpTimes ops, Progress progress) {
    int warmup = runs.warmup();
    int total = warmup + runs.repeat();
    if (warmup > 0) {
      Timings.measure(0, warmup, call.work(), done -> progress.show(call.name(), done, total));
    }
    ops.clear();
    return Timings.measure(
        0, runs.repeat(), call.work(), done -> progress.show(call.name(), warmup + done, total));
  }

  private ProfileReport.Share share(CallTimes call, OpTimes.Sum sum) {
    double perCall = runs.repeat();
    double ms = sum.nanos() / perCall / 1e6;
    return new ProfileReport.Share(
        call.call(),
        sum.op().name(),
        sum.op().shape(),
        sum.calls() / perCall,
        ms,
        ms / call.meanMs(),
        sum.gflops(),
        sum.gigabytesPerSecond());
  }

  private static double opsMs(CallTimes call, List<ProfileReport.Share> shares) {
    return shares.stream()
        .filter(share -> share.call().equals(call.call()))
        .mapToDouble(ProfileReport.Share::ms)
        .sum();
  }

  private static String table(ProfileReport report, List<CallTimes> calls) {
    StringBuilder tables = new StringBuilder();
    for (CallTimes call : calls) {
      tables.append(table(report, call)).append('\n');
    }
    return tables + report.forward().table();
  }

  private static TextTable table(ProfileReport report, CallTimes call) {
    TextTable table =
        new TextTable("op", "shape", "calls", "ms", "share", "GFLOP/s", "GB/s").leftColumns(2);
    for (ProfileReport.Share op : report.ops()) {
      if (op.call().equals(call.call())) {
        table.row(
            op.op(),
            op.shape(),
            String.format(Locale.ROOT, "%.0f", op.calls()),
            String.format(Locale.ROOT, "%.3f", op.ms()),
            percent(op.share()),
            op.gflops() == 0 ? "" : String.format(Locale.ROOT, "%.0f", op.gflops()),
            String.format(Locale.ROOT, "%.1f", op.gigabytesPerSecond()));
      }
    }
    double opsMs = opsMs(call, report.ops());
    sum(table, "sum of ops", "", opsMs, call);
    sum(table, "between ops", "", call.meanMs() - opsMs, call);
    sum(table, "whole " + call.call(), "mean of " + report.forward().repeat(), call.meanMs(), call);
    return table;
  }

  private static void sum(TextTable table, String name, String of, double ms, CallTimes call) {
    table.row(
        name, of, "", String.format(Locale.ROOT, "%.3f", ms), percent(ms / call.meanMs()), "", "");
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.1f %%", 100 * share);
  }
}
