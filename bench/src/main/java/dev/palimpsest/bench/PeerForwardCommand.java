/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.bench.llamacpp.Backends;
import dev.palimpsest.bench.llamacpp.LlamaCpp;
import dev.palimpsest.bench.llamacpp.Setup;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code bench peer-forward}: the same forward by llama.cpp and by us, turn by turn. */
@Command(
    name = "peer-forward",
    description =
        "Time one forward by llama.cpp and by us, turn by turn, with the same tokens and threads.")
final class PeerForwardCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private ModelOptions options;
  @Mixin private RunOptions runs;
  @Mixin private PeerOptions peers;
  @Mixin private OutputOptions output;

  @Option(
      names = "--peer-model",
      paramLabel = "GGUF",
      description = "Checkpoint for llama.cpp (default: --model).")
  private Path peerModel;

  @Override
  public Integer call() {
    int length = runs.length();
    int warmup = runs.warmup();
    int repeat = runs.repeat();
    Path gguf = peerModel == null ? options.model() : peerModel;
    Progress progress = new Progress(spec.commandLine().getErr());
    Setup setup = peers.setup(gguf, options.threads(), length, false);
    int[] positions = IntStream.range(length - runs.logits().count(length), length).toArray();
    Backends.Choice backend =
        peers.choose(setup, peer -> peer.predict(new int[length], positions).nanos());
    try (Arena arena = Arena.ofConfined();
        LoadedModel model = LoadedModel.open(options, progress);
        LlamaCpp peer = LlamaCpp.start(setup.withBackend(backend.backend()))) {
      int vocabulary = model.config().vocabulary();
      int[] tokens =
          IntStream.range(0, length).map(i -> ForwardWork.token(i, vocabulary)).toArray();
      ForwardWork work = new ForwardWork(model.transformer(), 1, length, runs.logits(), arena);
      Turns turns = new Turns(peer);
      long[] ours = new long[repeat];
      long[] theirs = new long[repeat];
      for (int i = -warmup; i < repeat; i++) {
        long our = turns.ours(() -> nanos(work));
        long their = turns.theirs(() -> peer.predict(tokens, positions).nanos());
        if (i >= 0) {
          ours[i] = our;
          theirs[i] = their;
        }
        progress.show("forward", i + warmup + 1, warmup + repeat);
      }
      progress.done();
      Double error =
          runs.logits().all() ? relativeError(work.logits(), peer, length, vocabulary) : null;
      Timings peerTimings = new Timings(theirs);
      ForwardReport forward =
          ForwardReport.of(
              options, runs, 1, model, List.of(CallTimes.of("forward", length, new Timings(ours))));
      PeerReport report =
          new PeerReport(
              peerTimings.medianMs() / forward.medianMs(),
              error,
              "llama.cpp",
              gguf.toString(),
              backend.backend(),
              backend.trials(),
              setup.threads(),
              peerTimings.medianMs(),
              peerTimings.bestMs(),
              length / peerTimings.medianMs() * 1e3,
              turns.disturbance(),
              forward);
      output.print(report, report.table(backend));
    }
    return 0;
  }

  private static long nanos(Runnable work) {
    long start = System.nanoTime();
    work.run();
    return System.nanoTime() - start;
  }

  private static double relativeError(
      MemorySegment ours, LlamaCpp peer, int length, int vocabulary) {
    double distance = 0;
    double norm = 0;
    for (int row = 0; row < length; row++) {
      float[] theirs = peer.logits(row);
      for (int i = 0; i < vocabulary; i++) {
        double a = ours.getAtIndex(ValueLayout.JAVA_FLOAT, (long) row * vocabulary + i);
        double b = theirs[i];
        distance += (a - b) * (a - b);
        norm += b * b;
      }
    }
    return Math.sqrt(distance / norm);
  }
}
