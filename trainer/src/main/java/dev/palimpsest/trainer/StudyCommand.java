/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import dev.palimpsest.trainer.latent.LatentContender;
import dev.palimpsest.trainer.study.Arithmetic;
import dev.palimpsest.trainer.study.Contender;
import dev.palimpsest.trainer.study.MarkovChain;
import dev.palimpsest.trainer.study.Repair;
import dev.palimpsest.trainer.study.Reversal;
import dev.palimpsest.trainer.study.Study;
import dev.palimpsest.trainer.study.StudyReport;
import dev.palimpsest.trainer.study.Sudoku;
import dev.palimpsest.trainer.study.Task;
import dev.palimpsest.trainer.study.WordProblems;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.global.torch;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code palimpsest train study}: kinds of models on a generated task, side by side. */
@Command(
    name = "study",
    description = {
      "Generates a task, trains each kind of model on it with the same budget, measures them with the"
          + " runtime, and prints a table; results.json and results.svg lie in the task's folder.",
      "Runs that are there are not trained again. Everything of a seed is drawn from it."
    },
    showDefaultValues = true)
final class StudyCommand implements Runnable {
  /** What there is to learn. */
  enum TaskName {
    reversal(2000, 200) {
      @Override
      Task of(Sizes sizes, int rows, long seed) {
        return new Reversal(rows, seed);
      }
    },
    addition(3000, 20_000) {
      @Override
      Task of(Sizes sizes, int rows, long seed) {
        return new Arithmetic(false, sizes.digits.orElse(3), rows, seed);
      }
    },
    multiplication(3000, 5000) {
      @Override
      Task of(Sizes sizes, int rows, long seed) {
        return new Arithmetic(true, sizes.digits.orElse(2), rows, seed);
      }
    },
    problems(2000, 20_000) {
      @Override
      Task of(Sizes sizes, int rows, long seed) {
        return new WordProblems(rows, seed);
      }
    },
    sudoku(3000, 10_000) {
      @Override
      Task of(Sizes sizes, int rows, long seed) {
        return new Sudoku(sizes.box, rows, sizes.empty, seed);
      }
    },
    repair(1500, 216) {
      @Override
      Task of(Sizes sizes, int rows, long seed) {
        return new Repair(sizes.wrong, seed);
      }
    },
    markov(1000, 20_000) {
      @Override
      Task of(Sizes sizes, int rows, long seed) {
        return new MarkovChain(sizes.states, 4, 32, rows, sizes.samples, seed);
      }
    };

    private final long usualSteps;
    private final int usualRows;

    TaskName(long usualSteps, int usualRows) {
      this.usualSteps = usualSteps;
      this.usualRows = usualRows;
    }

    abstract Task of(Sizes sizes, int rows, long seed);
  }

  /** How large a task is. */
  static final class Sizes {
    @Option(
        names = "--rows",
        showDefaultValue = CommandLine.Help.Visibility.NEVER,
        description = "rows to learn, for reversal facts; the task's own number if not given")
    private Optional<Integer> rows = Optional.empty();

    @Option(
        names = "--digits",
        showDefaultValue = CommandLine.Help.Visibility.NEVER,
        description = "of each number: 3 for addition, 2 for multiplication if not given")
    private Optional<Integer> digits = Optional.empty();

    @Option(
        names = "--box",
        defaultValue = "3",
        description = "width of a box, for sudoku: 3 for grids of 9 x 9, 2 for 4 x 4")
    private int box;

    @Option(
        names = "--empty",
        defaultValue = "40",
        description = "cells to write in a sudoku, fewer where the solution would not be unique")
    private int empty;

    @Option(
        names = "--wrong",
        defaultValue = "2",
        description = "cells of a grid that are written wrong, for repair")
    private int wrong;

    @Option(names = "--states", defaultValue = "16", description = "of the chain, for markov")
    private int states;

    @Option(
        names = "--samples",
        defaultValue = "1000",
        description = "rows drawn for each number, for markov")
    private int samples;
  }

  /** Kinds of models. */
  enum Kind {
    masked,
    correcting,
    causal,
    latent
  }

  @Mixin private TrainCommand.Help help;

  @Option(
      names = "--task",
      required = true,
      showDefaultValue = CommandLine.Help.Visibility.NEVER,
      description = "${COMPLETION-CANDIDATES}")
  private TaskName task;

  @Mixin private Sizes sizes;

  @Option(
      names = "--models",
      split = ",",
      defaultValue = "masked,causal",
      description =
          "kinds of models, of ${COMPLETION-CANDIDATES}; correcting is masked diffusion that has"
              + " also learned from wrong tokens; latent is a VQ-VAE and a denoiser of its codes,"
              + " of as much work a position")
  private List<Kind> models;

  @Option(names = "--seeds", defaultValue = "1", description = "how many: 1, 2, …")
  private int seeds;

  @Option(
      names = "--steps",
      showDefaultValue = CommandLine.Help.Visibility.NEVER,
      description = "of training; the task's own number if not given")
  private Optional<Long> steps = Optional.empty();

  @Option(names = "--hidden", defaultValue = "128", description = "width of the network")
  private int hidden;

  @Option(names = "--layers", defaultValue = "3", description = "transformer blocks")
  private int layers;

  @Option(names = "--heads", defaultValue = "4", description = "attention heads")
  private int heads;

  @Option(names = "--ffn", defaultValue = "352", description = "width of the feed-forward layer")
  private int ffn;

  @Option(
      names = "--groups",
      defaultValue = "2",
      description = "codes of a position, for latent; 1 gives every token a code of its own")
  private int groups;

  @Option(names = "--batch", defaultValue = "64", description = "rows of a step")
  private int batch;

  @Option(names = "--rate", defaultValue = "2e-3", description = "peak learning rate")
  private double rate;

  @Option(names = "--threads", defaultValue = "1", description = "of training and of the runtime")
  private int threads;

  @Option(
      names = "--bf16",
      negatable = true,
      defaultValue = "false",
      fallbackValue = "true",
      description = "multiply matrices in bfloat16 while training")
  private boolean bf16;

  @Option(
      names = "--work",
      defaultValue = "trainer/target/study",
      description = "folder for rows, runs and models; each task has one of its own in it")
  private Path work;

  @Option(names = "--json", description = "every number of every seed as one JSON document")
  private boolean json;

  @Override
  public void run() {
    torch.set_num_threads(threads);
    StudyBudget budget =
        new StudyBudget(
            hidden,
            layers,
            heads,
            ffn,
            batch,
            rate,
            steps.orElse(task.usualSteps),
            bf16,
            threads,
            System.err);
    List<Contender> contenders = models.stream().map(kind -> contender(kind, budget)).toList();
    Path folder = work.resolve(task.name());
    try {
      List<Study.Result> results =
          new Study(folder, this::drawn, contenders, threads, System.err).run(seeds);
      StudyReport report = new StudyReport(task.name(), drawn(1).describe(), results);
      Files.writeString(folder.resolve("results.json"), report.json() + "\n");
      CallsPlot.draw(report.panels(), folder.resolve("results.svg"));
      System.out.println(json ? report.json() : report.markdown());
    } catch (IOException | IllegalArgumentException e) {
      throw new TrainCommand.Failure(e.getMessage(), e);
    }
  }

  private Task drawn(long seed) {
    return task.of(sizes, sizes.rows.orElse(task.usualRows), seed);
  }

  private Contender contender(Kind kind, StudyBudget budget) {
    return switch (kind) {
      case masked -> new TransformerContender("masked", false, 0, budget);
      case correcting -> new TransformerContender("correcting", false, 0.5, budget);
      case causal -> new TransformerContender("causal", true, 0, budget);
      case latent -> new LatentContender(groups, budget);
    };
  }
}
