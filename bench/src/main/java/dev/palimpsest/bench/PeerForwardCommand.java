/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import java.io.PrintWriter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
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

  @Option(
      names = "--llama-cpp",
      required = true,
      paramLabel = "DIR",
      description =
          "Folder with llama.cpp's shared libraries; bench/peers/llama-cpp/install fetches them and"
              + " prints it.")
  private Path folder;

  @Option(
      names = "--peer-model",
      paramLabel = "GGUF",
      description = "Checkpoint for llama.cpp (default: --model).")
  private Path peerModel;

  @Option(names = "--json", description = "Print one JSON document instead of a table.")
  private boolean json;

  @Override
  public Integer call() {
    int length = runs.length();
    int warmup = runs.warmup();
    int repeat = runs.repeat();
    Path gguf = peerModel == null ? options.model() : peerModel;
    PrintWriter out = spec.commandLine().getOut();
    Progress progress = new Progress(spec.commandLine().getErr());
    try (Arena arena = Arena.ofConfined();
        LoadedModel model = LoadedModel.open(options, progress)) {
      int vocabulary = model.config().vocabulary();
      int[] tokens =
          IntStream.range(0, length).map(i -> ForwardWork.token(i, vocabulary)).toArray();
      int rows = runs.logits().count(length);
      try (LlamaCpp peer = new LlamaCpp(folder, gguf, tokens, rows, options.threads())) {
        ForwardWork work = new ForwardWork(model.transformer(), length, runs.logits(), arena);
        long[] ours = new long[repeat];
        long[] theirs = new long[repeat];
        for (int i = -warmup; i < repeat; i++) {
          long start = System.nanoTime();
          work.run();
          long between = System.nanoTime();
          peer.forward();
          long end = System.nanoTime();
          if (i >= 0) {
            ours[i] = between - start;
            theirs[i] = end - between;
          }
          progress.show("forward", i + warmup + 1, warmup + repeat);
        }
        progress.done();
        Double error =
            runs.logits().all() ? relativeError(work.logits(), peer, length, vocabulary) : null;
        Timings peerTimings = new Timings(theirs);
        ForwardReport forward = ForwardReport.of(options, runs, model, new Timings(ours));
        PeerReport report =
            new PeerReport(
                peerTimings.medianMs() / forward.medianMs(),
                error,
                "llama.cpp",
                gguf.toString(),
                peerTimings.medianMs(),
                peerTimings.bestMs(),
                length / peerTimings.medianMs() * 1e3,
                forward);
        out.print(json ? Json.write(report) + "\n" : report.table());
        out.flush();
      }
    }
    return 0;
  }

  private static double relativeError(
      MemorySegment ours, LlamaCpp peer, int length, int vocabulary) {
    double distance = 0;
    double norm = 0;
    for (int row = 0; row < length; row++) {
      MemorySegment theirs = peer.logits(row, vocabulary);
      for (int i = 0; i < vocabulary; i++) {
        double a = ours.getAtIndex(ValueLayout.JAVA_FLOAT, (long) row * vocabulary + i);
        double b = theirs.getAtIndex(ValueLayout.JAVA_FLOAT, i);
        distance += (a - b) * (a - b);
        norm += b * b;
      }
    }
    return Math.sqrt(distance / norm);
  }
}
