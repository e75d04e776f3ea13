/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.Engine;
import dev.palimpsest.Generation;
import dev.palimpsest.bench.llamacpp.Backends;
import dev.palimpsest.bench.llamacpp.LlamaCpp;
import dev.palimpsest.bench.llamacpp.Predicted;
import dev.palimpsest.bench.llamacpp.Setup;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import dev.palimpsest.process.Revision;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code bench peer-decode}: the same generation by llama.cpp and by us, turn by turn. */
@Command(
    name = "peer-decode",
    description = {
      "Time one generation by llama.cpp and by us, turn by turn, on the same schedule and threads,"
          + " beside llama.cpp's autoregressive decode of a causal model of the same size.",
      "At each step llama.cpp gets the canvas that we had before it and computes all of it, for it"
          + " keeps nothing between the steps of a diffusion model."
    })
final class PeerDecodeCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private ModelOptions options;
  @Mixin private DecodeOptions decoding;
  @Mixin private PeerOptions peers;
  @Mixin private OutputOptions output;

  @Option(
      names = "--peer-model",
      paramLabel = "GGUF",
      description = "Checkpoint for llama.cpp (default: --model).")
  private Path peerModel;

  @Option(
      names = "--peer-steps",
      defaultValue = "8",
      paramLabel = "N",
      description =
          "Steps that llama.cpp takes each time, evenly spread over the generation, whose time is"
              + " reckoned from them; 0 takes all (default: ${DEFAULT-VALUE}).")
  private int peerSteps;

  @Option(
      names = "--causal-model",
      paramLabel = "GGUF",
      description =
          "Checkpoint for its autoregressive decode (default: the tensors of its checkpoint as a"
              + " causal model, in a temporary file of the same size).")
  private Path causalModel;

  @Option(
      names = "--repeat",
      defaultValue = "5",
      paramLabel = "R",
      description = "Timed rounds (default: ${DEFAULT-VALUE}).")
  private int repeat;

  @Option(
      names = "--warmup",
      defaultValue = "1",
      paramLabel = "W",
      description = "Untimed rounds before them (default: ${DEFAULT-VALUE}).")
  private int warmup;

  /** One generation of ours. */
  private record Ours(long nanos, List<Revision> revisions) {}

  @Override
  public Integer call() {
    DecodeShape shape = decoding.shape();
    options.atLeast("--prompt-length", shape.promptLength(), 1);
    options.atLeast("--peer-steps", peerSteps, 0);
    options.atLeast("--repeat", repeat, 1);
    options.atLeast("--warmup", warmup, 0);
    if (shape.algorithm() != Algorithm.LOW_CONFIDENCE && shape.algorithm() != Algorithm.THRESHOLD) {
      throw new ParameterException(
          spec.commandLine(),
          "--algorithm must be low-confidence here, or take --threshold; found "
              + shape.algorithm().spelling());
    }
    Path gguf = peerModel == null ? options.model() : peerModel;
    Progress progress = new Progress(spec.commandLine().getErr());
    Setup setup = peers.setup(gguf, options.threads(), shape.length(), false);
    int[] all = IntStream.range(0, shape.length()).toArray();
    int[] block =
        IntStream.range(shape.promptLength(), shape.promptLength() + shape.block()).toArray();
    Backends.Choice backend =
        peers.choose(setup, peer -> peer.predict(new int[all.length], block).nanos());
    try (Engine engine =
            Engine.open(
                options.model(),
                options.engineOptions(),
                (done, total) -> progress.show("packing layer", done, total));
        LlamaCpp peer = LlamaCpp.start(setup.withBackend(backend.backend()));
        Autoregressive causal = causal(gguf, engine.config(), shape)) {
      measure(engine, peer, causal, shape, backend, progress);
    }
    return 0;
  }

  private Autoregressive causal(Path gguf, ModelConfig config, DecodeShape shape) {
    int[] prompt = shape.prompt(config, 0);
    return causalModel == null
        ? Autoregressive.twin(gguf, peers, options.threads(), prompt, shape.newTokens())
        : Autoregressive.open(
            causalModel.toString(),
            causalModel,
            peers,
            options.threads(),
            prompt,
            shape.newTokens());
  }

  private void measure(
      Engine engine,
      LlamaCpp peer,
      Autoregressive causal,
      DecodeShape shape,
      Backends.Choice backend,
      Progress progress) {
    ModelConfig config = engine.config();
    Turns turns = new Turns(peer, causal.llama());
    long[] ours = new long[repeat];
    double[] theirs = new double[repeat];
    List<Long> peerTimes = new ArrayList<>();
    Agreement agreement = Agreement.NONE;
    int steps = 0;
    int taken = 0;
    for (int round = -warmup; round < repeat; round++) {
      Ours our = turns.ours(() -> generate(engine, shape));
      List<TracedStep> traced = TracedStep.of(our.revisions(), shape, config.maskToken());
      steps = traced.size();
      List<TracedStep> chosen = spread(traced, round < 0 ? 1 : peerSteps);
      List<Predicted> predicted =
          turns.theirs(() -> chosen.stream().map(step -> predict(peer, step, config)).toList());
      turns.theirs(
          () -> {
            causal.run();
            return true;
          });
      if (round < 0) {
        causal.forget();
      } else {
        ours[round] = our.nanos();
        taken = chosen.size();
        double sum = predicted.stream().mapToLong(Predicted::nanos).sum();
        theirs[round] = shape.newTokens() / (sum / taken * steps / 1e9);
        predicted.forEach(p -> peerTimes.add(p.nanos()));
        if (round == 0) {
          for (int i = 0; i < taken; i++) {
            agreement = agreement.and(chosen.get(i), predicted.get(i), config.maskToken());
          }
        }
      }
      progress.show("round", round + warmup + 1, warmup + repeat);
    }
    progress.done();
    Autoregressive.Report causalReport = causal.report();
    Timings times = new Timings(ours);
    double tokensPerSecond = shape.newTokens() / times.medianMs() * 1e3;
    PeerDecodeReport report =
        new PeerDecodeReport(
            tokensPerSecond / Timings.median(theirs),
            tokensPerSecond / causalReport.tokensPerSecond(),
            tokensPerSecond,
            times.medianMs(),
            steps,
            "llama.cpp",
            peer.setup().model().toString(),
            backend.backend(),
            backend.trials(),
            peer.setup().threads(),
            Timings.median(theirs),
            new Timings(peerTimes.stream().mapToLong(Long::longValue).toArray()).medianMs(),
            taken,
            agreement,
            causalReport,
            turns.disturbance(),
            options.model().toString(),
            config.family(),
            shape.promptLength(),
            shape.newTokens(),
            shape.blockLength(),
            shape.pace(),
            shape.threshold(),
            DecodeShape.spell(shape.cache()),
            shape.cacheRefresh(),
            options.dtype().name().toLowerCase(Locale.ROOT),
            options.threads(),
            engine.device(),
            warmup,
            repeat,
            Conditions.here());
    output.print(report, report.table(shape, backend, causal.backend()));
  }

  private static Ours generate(Engine engine, DecodeShape shape) {
    long start = System.nanoTime();
    Generation generation = engine.submit(shape.request(engine.config(), 0));
    generation.result().join();
    long nanos = System.nanoTime() - start;
    return new Ours(nanos, generation.revisions().toList());
  }

  private static Predicted predict(LlamaCpp peer, TracedStep step, ModelConfig config) {
    return peer.predict(
        step.canvas(),
        config.shiftedLogits()
            ? IntStream.of(step.masked()).map(p -> Math.max(p - 1, 0)).toArray()
            : step.masked());
  }

  /** {@code count} of the steps, evenly spread from the middle of their stretches; 0 takes all. */
  static <T> List<T> spread(List<T> steps, int count) {
    int n = steps.size();
    return count == 0 || count >= n
        ? steps
        : IntStream.range(0, count)
            .mapToObj(i -> steps.get((2 * i + 1) * n / (2 * count)))
            .toList();
  }
}
