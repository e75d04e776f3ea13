/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.Engine;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.ToLongFunction;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code bench decode}: tokens per second and latencies of whole generations. */
@Command(
    name = "decode",
    description =
        "Time whole generations over fixed prompts: one, several at once, or arriving at a rate.")
final class DecodeCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private ModelOptions options;
  @Mixin private DecodeOptions decoding;
  @Mixin private OutputOptions output;

  @Option(
      names = "--requests",
      defaultValue = "1",
      paramLabel = "R",
      description = "Requests of a round (default: ${DEFAULT-VALUE}).")
  private int requests;

  @ArgGroup private Arrival arrival = new Arrival();

  /** How requests come. */
  private static final class Arrival {
    @Option(
        names = "--concurrency",
        paramLabel = "C",
        description =
            "Most requests at a time: the next comes when one is done (default: all at once).")
    private Integer concurrency;

    @Option(
        names = "--rate",
        paramLabel = "R",
        description =
            "Requests arrive by chance (Poisson), so many a second on average, done or not; latencies"
                + " count from the arrival (default: as --concurrency lets them).")
    private Double rate;
  }

  @Option(
      names = "--seed",
      defaultValue = "7",
      paramLabel = "N",
      description = "Seed of the arrivals (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--max-queued",
      paramLabel = "N",
      description = "Most requests taking part, and as many waiting (default: the engine's).")
  private Integer maxQueued;

  @Option(
      names = "--price-per-hour",
      paramLabel = "P",
      description =
          "Price of this machine for an hour, to tell what a million tokens cost (default: none).")
  private Double price;

  @Option(
      names = "--repeat",
      defaultValue = "3",
      paramLabel = "R",
      description = "Timed rounds (default: ${DEFAULT-VALUE}).")
  private int repeat;

  @Option(
      names = "--warmup",
      defaultValue = "1",
      paramLabel = "W",
      description = "Untimed rounds before them (default: ${DEFAULT-VALUE}).")
  private int warmup;

  @Override
  public Integer call() {
    // Bad numbers are refused before a model is loaded.
    decoding.shape();
    options.atLeast("--requests", requests, 1);
    options.atLeast("--repeat", repeat, 1);
    options.atLeast("--warmup", warmup, 0);
    options.atLeast("--max-queued", maxQueued == null ? 1 : maxQueued, 1);
    positive("--rate", arrival.rate);
    positive("--price-per-hour", price);
    int atOnce = arrival.concurrency == null ? requests : arrival.concurrency;
    options.atLeast("--concurrency", atOnce, 1);
    Load load = new Load(requests, atOnce, arrival.rate == null ? 0 : arrival.rate);
    Progress progress = new Progress(spec.commandLine().getErr());
    try (Engine engine =
        Engine.open(
            options.model(),
            maxQueued == null
                ? options.engineOptions()
                : options.engineOptions().withMaxQueued(maxQueued),
            (done, total) -> progress.show("packing layer", done, total))) {
      DecodeShape shape = decoding.shape(engine.config(), engine.latent().isPresent());
      for (int i = 0; i < warmup; i++) {
        progress.show("round", i + 1, warmup + repeat);
        load.run(engine, shape, seed - 1 - i);
      }
      List<Load.Outcome> rounds = new ArrayList<>();
      StepTimes steps =
          StepTimes.during(
              () -> {
                for (int i = 0; i < repeat; i++) {
                  progress.show("round", warmup + i + 1, warmup + repeat);
                  rounds.add(load.run(engine, shape, seed + i));
                }
              });
      progress.done();
      DecodeReport report = report(engine, shape, load, rounds, steps);
      output.print(report, report.table(shape));
    }
    return 0;
  }

  private void positive(String option, Double value) {
    if (value != null && !(value > 0 && value < Double.POSITIVE_INFINITY)) {
      throw new ParameterException(
          spec.commandLine(), option + " must be more than 0; found " + value);
    }
  }

  private DecodeReport report(
      Engine engine, DecodeShape shape, Load load, List<Load.Outcome> rounds, StepTimes steps) {
    List<Served> served = rounds.stream().flatMap(round -> round.served().stream()).toList();
    if (served.isEmpty()) {
      throw new IllegalStateException(
          "no request was served: all were rejected, raise --max-queued or lower --rate");
    }
    double tokensPerSecond =
        Timings.median(rounds.stream().mapToDouble(Load.Outcome::tokensPerSecond).toArray());
    long calls = served.stream().mapToLong(Served::networkCalls).sum();
    long written = served.stream().mapToLong(Served::newTokens).sum();
    Timings latencies = timings(served, Served::latencyNanos);
    return new DecodeReport(
        tokensPerSecond,
        calls / repeat,
        (double) written / calls,
        steps.count() / repeat,
        new Timings(rounds.stream().mapToLong(Load.Outcome::wallNanos).toArray()).medianMs(),
        timings(served, Served::firstTokenNanos).medianMs(),
        latencies.medianMs(),
        latencies.quantileMs(0.95),
        latencies.quantileMs(0.99),
        steps.blockSteps().map(Percentiles::of).orElse(null),
        steps.refreshes().map(Percentiles::of).orElse(null),
        steps.between().map(Timings::medianMs).orElse(null),
        rounds.stream().mapToInt(Load.Outcome::rejected).sum(),
        price == null ? null : price / 3600 / tokensPerSecond * 1e6,
        options.model().toString(),
        engine.config().family(),
        shape.promptLength(),
        shape.newTokens(),
        shape.blockLength(),
        shape.pace(),
        shape.threshold(),
        shape.algorithmSpelled(),
        DecodeShape.spell(shape.cache()),
        shape.cacheRefresh(),
        shape.steps(),
        requests,
        load.rate() > 0 ? null : load.concurrency(),
        arrival.rate,
        load.rate() > 0 ? seed : null,
        price,
        options.dtype().name().toLowerCase(Locale.ROOT),
        options.threads(),
        engine.device(),
        warmup,
        repeat,
        Conditions.here());
  }

  private static Timings timings(List<Served> served, ToLongFunction<Served> time) {
    return new Timings(served.stream().mapToLong(time).toArray());
  }
}
