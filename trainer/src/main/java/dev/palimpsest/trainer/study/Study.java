/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.study;

import dev.palimpsest.Engine;
import dev.palimpsest.EngineOptions;
import dev.palimpsest.EngineOptions.ComputeType;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongFunction;

/**
 * Trains every contender on a task with every seed and measures them with the runtime. A seed draws
 * the task, the weights and the batches; all contenders of a seed learn the same rows.
 */
public final class Study {
  private final Path folder;
  private final LongFunction<Task> task;
  private final List<Contender> contenders;
  private final int threads;
  private final PrintStream progress;

  /**
   * @param folder for rows, runs and models
   * @param task of a seed
   */
  public Study(
      Path folder,
      LongFunction<Task> task,
      List<Contender> contenders,
      int threads,
      PrintStream progress) {
    this.folder = folder;
    this.task = task;
    this.contenders = List.copyOf(contenders);
    this.threads = threads;
    this.progress = progress;
  }

  /** What one contender came to with one seed; the truth has no training. */
  public record Result(
      String contender, long seed, List<Contender.Trained> trained, List<Score> scores) {}

  /** Runs it all with seeds 1 to {@code seeds}. */
  public List<Result> run(int seeds) throws IOException {
    List<Result> out = new ArrayList<>();
    for (long seed = 1; seed <= seeds; seed++) {
      Task drawn = task.apply(seed);
      Path own = folder.resolve("seed-" + seed);
      Rows rows = drawn.rows();
      rows.write(own);
      List<Score> truth = drawn.truth();
      if (!truth.isEmpty()) {
        out.add(new Result("the truth", seed, List.of(), truth));
      }
      for (Contender contender : contenders) {
        progress.println("seed " + seed + ", " + contender.name());
        Contender.Trained trained =
            contender.train(own.resolve(contender.name()), own, rows.length(), seed);
        List<Score> scores = measure(drawn, trained.model());
        scores.forEach(score -> progress.println("  " + score));
        out.add(new Result(contender.name(), seed, List.of(trained), scores));
      }
    }
    return out;
  }

  private List<Score> measure(Task drawn, Path model) {
    EngineOptions options = EngineOptions.DEFAULT.withDtype(ComputeType.F32).withThreads(threads);
    try (Engine engine = Engine.open(model, options)) {
      return drawn.measure(engine);
    }
  }
}
