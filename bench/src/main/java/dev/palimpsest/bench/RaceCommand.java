/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.Engine;
import dev.palimpsest.EngineOptions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.IntConsumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * {@code bench race}: models of different kinds (masked, latent, causal) on the same requests, in
 * turns, so that their ratio is of one run.
 */
@Command(
    name = "race",
    description =
        "Time several models on the same requests, in turns, and tell their ratios to the first.")
final class RaceCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private ComputeOptions options;
  @Mixin private OutputOptions output;

  @Parameters(
      arity = "1..*",
      paramLabel = "PATH[,steps=N][,guidance=G]",
      converter = RaceEntry.Converter.class,
      description =
          "Checkpoints; steps and guidance are for the diffusion models among them (default: the model's own).")
  private List<RaceEntry> entries;

  @Option(
      names = "--prompt-length",
      defaultValue = "32",
      paramLabel = "N",
      description = "Tokens of each prompt (default: ${DEFAULT-VALUE}).")
  private int promptLength;

  @Option(
      names = "--new-tokens",
      defaultValue = "64",
      paramLabel = "N",
      description = "Tokens written for each request (default: ${DEFAULT-VALUE}).")
  private int newTokens;

  @Option(
      names = "--requests",
      defaultValue = "1,16",
      split = ",",
      paramLabel = "R",
      description = "Requests at once, a load each (default: ${DEFAULT-VALUE}).")
  private int[] requests;

  @Option(
      names = "--repeat",
      defaultValue = "9",
      paramLabel = "R",
      description = "Timed rounds (default: ${DEFAULT-VALUE}).")
  private int repeat;

  @Option(
      names = "--warmup",
      defaultValue = "9",
      paramLabel = "W",
      description = "Untimed rounds before them (default: ${DEFAULT-VALUE}).")
  private int warmup;

  @Override
  public Integer call() {
    options.atLeast("--prompt-length", promptLength, 0);
    options.atLeast("--new-tokens", newTokens, 1);
    options.atLeast("--repeat", repeat, 1);
    options.atLeast("--warmup", warmup, 0);
    Arrays.stream(requests).forEach(r -> options.atLeast("--requests", r, 1));
    // All take part at once; one that is refused would make a round look quicker.
    int most =
        Math.max(EngineOptions.DEFAULT.maxQueued(), Arrays.stream(requests).max().getAsInt());
    EngineOptions engine = options.engineOptions().withMaxQueued(most);
    Progress progress = new Progress(spec.commandLine().getErr());
    List<Engine> engines = new ArrayList<>();
    try {
      for (RaceEntry entry : entries) {
        progress.show("opening model", engines.size() + 1, entries.size());
        engines.add(Engine.open(entry.model(), engine));
      }
      List<RaceReport.Result> results = new ArrayList<>();
      for (int i = 0; i < requests.length; i++) {
        int load = i;
        results.addAll(
            race(
                engines,
                requests[i],
                round ->
                    progress.show(
                        "round",
                        load * (warmup + repeat) + round,
                        requests.length * (warmup + repeat))));
      }
      progress.done();
      RaceReport report =
          new RaceReport(
              List.copyOf(results),
              promptLength,
              newTokens,
              options.dtype().name().toLowerCase(Locale.ROOT),
              options.threads(),
              warmup,
              repeat,
              Conditions.here());
      output.print(report, report.table());
    } finally {
      engines.forEach(Engine::close);
    }
    return 0;
  }

  private List<RaceReport.Result> race(List<Engine> engines, int atOnce, IntConsumer started) {
    Load load = new Load(atOnce, atOnce, 0);
    List<List<Load.Outcome>> outcomes = new ArrayList<>();
    engines.forEach(engine -> outcomes.add(new ArrayList<>()));
    for (int round = 1; round <= warmup + repeat; round++) {
      started.accept(round);
      for (int e = 0; e < engines.size(); e++) {
        Engine engine = engines.get(e);
        RaceEntry entry = entries.get(e);
        Load.Outcome outcome =
            load.run(
                engine,
                index ->
                    entry.request(
                        DecodeShape.prompt(engine.config(), promptLength, index), newTokens, index),
                0);
        if (round > warmup) {
          outcomes.get(e).add(outcome);
        }
      }
    }
    List<RaceReport.Result> results = new ArrayList<>();
    for (int e = 0; e < engines.size(); e++) {
      results.add(result(e, atOnce, engines.get(e), outcomes));
    }
    return results;
  }

  private RaceReport.Result result(
      int e, int atOnce, Engine engine, List<List<Load.Outcome>> outcomes) {
    double[] speeds = new double[repeat];
    double[] ratios = new double[repeat];
    for (int i = 0; i < repeat; i++) {
      speeds[i] = outcomes.get(e).get(i).tokensPerSecond();
      ratios[i] = speeds[i] / outcomes.getFirst().get(i).tokensPerSecond();
    }
    List<Served> served =
        outcomes.get(e).stream().flatMap(outcome -> outcome.served().stream()).toList();
    return new RaceReport.Result(
        entries.get(e).spelled(),
        engine.config().family(),
        atOnce,
        Timings.median(speeds),
        Timings.median(ratios),
        new Timings(served.stream().mapToLong(Served::latencyNanos).toArray()).medianMs(),
        served.stream().mapToInt(Served::networkCalls).average().orElse(0),
        engine.device());
  }
}
