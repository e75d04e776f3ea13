/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.Engine;
import dev.palimpsest.EngineLoad;
import dev.palimpsest.EngineOptions;
import dev.palimpsest.family.Families;
import dev.palimpsest.family.HybridFamily;
import dev.palimpsest.network.HybridConfig;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.Checkpoints;
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code bench soak}: mixed load for some time; nothing may be lost, wrong or left behind. */
@Command(
    name = "soak",
    description =
        "Put mixed load on an engine for some time: all lengths, algorithms, caches and priorities,"
            + " some cancelled, some late, some wrong, with too little memory for K/V caches. Exits"
            + " with 1 if a request is lost, answered wrongly or hurts another, or if memory, pages"
            + " or threads are left behind.")
final class SoakCommand implements Callable<Integer> {
  private static final int MOST_QUEUED = 16;
  private static final int LONGEST = 512;
  private static final int PAGE = 64;

  @Spec private CommandSpec spec;
  @Mixin private ModelOptions options;
  @Mixin private OutputOptions output;

  @Option(
      names = "--minutes",
      defaultValue = "10",
      paramLabel = "M",
      description = "How long, e.g. 0.5 (default: ${DEFAULT-VALUE}).")
  private double minutes;

  @Option(
      names = "--budget",
      defaultValue = "0",
      paramLabel = "MIB",
      description =
          "Memory for K/V caches; 0 is room for one and a half of the longest canvases (default:"
              + " ${DEFAULT-VALUE}).")
  private double budget;

  @Option(
      names = "--clients",
      defaultValue = "48",
      paramLabel = "C",
      description =
          "Clients, each with one request at a time; more than 32 fill the queue (default:"
              + " ${DEFAULT-VALUE}).")
  private int clients;

  @Option(
      names = "--max-growth",
      defaultValue = "32",
      paramLabel = "MIB",
      description =
          "What resident memory may grow in the last two thirds (default: ${DEFAULT-VALUE}).")
  private double maxGrowth;

  @Option(
      names = "--seed",
      defaultValue = "1",
      paramLabel = "S",
      description = "Seed of the requests (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Override
  public Integer call() throws InterruptedException {
    if (!(minutes > 0) || !(budget >= 0) || !(maxGrowth >= 0)) {
      throw new ParameterException(
          spec.commandLine(),
          "--minutes must be positive, --budget and --max-growth at least 0; found %s, %s, %s"
              .formatted(minutes, budget, maxGrowth));
    }
    options.atLeast("--clients", clients, 1);
    Progress progress = new Progress(spec.commandLine().getErr());
    long budgetBytes = budgetBytes();
    // Small batches and a short queue, so that there is something to wait for.
    EngineOptions small =
        options
            .engineOptions()
            .withMaxBatchTokens(LONGEST)
            .withMaxQueued(MOST_QUEUED)
            .withKvCacheBytes(budgetBytes);
    SoakReport report;
    try (Engine engine = Engine.open(options.model(), small)) {
      report = soak(engine, budgetBytes, progress);
    }
    output.print(report, report.table());
    return report.wrong().isEmpty() ? 0 : 1;
  }

  private long budgetBytes() {
    if (budget > 0) {
      return (long) (budget * (1 << 20));
    }
    try (Checkpoint checkpoint = Checkpoints.open(options.model())) {
      if (HybridFamily.is(checkpoint)) {
        HybridConfig config = HybridFamily.describe(checkpoint).config();
        int longest = Math.min(LONGEST, config.maxPositions());
        return 8L * config.width() * Math.ceilDiv(3 * longest, 2);
      }
      ModelConfig config = Families.describe(checkpoint).config();
      long row = 4L * 2 * config.layers() * config.heads().keyWidth();
      return row * PAGE * Math.ceilDiv(3 * longest(config), 2 * PAGE);
    }
  }

  private static int longest(ModelConfig config) {
    return Math.min(LONGEST, config.maxPositions());
  }

  private SoakReport soak(Engine engine, long budgetBytes, Progress progress)
      throws InterruptedException {
    int pages = engine.load().cachePages();
    Soak soak =
        new Soak(
            engine,
            new SoakRequests(
                engine.config(), engine.latent(), longest(engine.config()), pages, seed));
    Duration duration = Duration.ofNanos((long) (minutes * 60e9));
    soak.run(clients, duration, progress);
    EngineLoad load = soak.settle();
    int compared = soak.compareWithAlone(duration.dividedBy(5));
    soak.closeAtWork();
    double growth = soak.memory.growthSince(minutes * 60 / 3);
    if (growth > maxGrowth) {
      soak.complain(
          "resident memory grew by %.1f MiB; at most %.1f were allowed (--max-growth)"
              .formatted(growth, maxGrowth));
    }
    if (soak.answered.get() != soak.submitted.get()) {
      soak.complain(
          soak.submitted.get() - soak.answered.get() + " requests were not answered as expected");
    }
    return new SoakReport(
        soak.wrong(),
        minutes,
        soak.submitted.get(),
        soak.answered.get(),
        soak.finished.get(),
        soak.cancelled.get(),
        soak.late.get(),
        soak.refused.get(),
        soak.turnedAway.get(),
        soak.newTokens.get(),
        compared,
        load.cachePages(),
        load.freeCachePages(),
        soak.mostWaiting,
        soak.threads,
        soak.threadsAfter,
        soak.memory.series(30),
        growth,
        options.model().toString(),
        budgetBytes / 1024.0 / 1024.0,
        clients,
        seed,
        engine.device(),
        Conditions.here());
  }
}
