/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import dev.palimpsest.trainer.BytePairTrainer;
import dev.palimpsest.trainer.Checkpoint;
import dev.palimpsest.trainer.LineStarts;
import dev.palimpsest.trainer.RowSource;
import dev.palimpsest.trainer.TokenFile;
import dev.palimpsest.trainer.TrainCommand;
import dev.palimpsest.trainer.TrainingLoop;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.global.torch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code palimpsest train latent distill}: fewer calls for the same text. */
@Command(
    name = "distill",
    description = {
      "Teaches the denoiser to go in one call where it went in two, again and again.",
      "64 calls, 32, 16, 8, 4. Each round is a run of its own, skipped or resumed where it is."
    },
    showDefaultValues = true)
final class DistillCommand implements Runnable {
  private static final int HELD_OUT_ROWS = 32;

  @Mixin private TrainCommand.Help help;
  @Mixin private TrainCommand.Work work;

  @Option(names = "--from", defaultValue = "64", description = "calls of the first teacher")
  private int from;

  @Option(names = "--to", defaultValue = "4", description = "calls of the last student")
  private int to;

  @Option(
      names = "--teacher-temperature",
      defaultValue = "0.5",
      description = "of the first teacher's predictions; its students are as sure by themselves")
  private double temperature;

  @Option(names = "--round-rate", defaultValue = "4e-4", description = "peak learning rate")
  private double rate;

  @Option(names = "--round-average", defaultValue = "0.98", description = "decay of the average")
  private double average;

  @Option(names = "--round-steps", defaultValue = "200", description = "steps of a round")
  private long roundSteps;

  @Option(names = "--threads", defaultValue = "2", description = "threads that share a batch")
  private int threads;

  @Option(names = "--log-every", defaultValue = "20", description = "steps")
  private int logEvery;

  /** Where the round of a student lies. */
  static Path folder(TrainCommand.Work work, int calls) {
    return work.folder().resolve("latent/distill-" + calls);
  }

  @Override
  public void run() {
    torch.set_num_threads(1);
    if (from < 2 || Integer.bitCount(from) != 1 || to < 1 || Integer.bitCount(to) != 1) {
      throw new TrainCommand.Failure(
          "--from and --to are powers of two; found " + from + " and " + to,
          new IllegalArgumentException());
    }
    try (TokenFile train = TokenFile.open(work.trainTokens());
        TokenFile heldOut = TokenFile.open(work.heldOutTokens());
        Autoencoder codes =
            AutoencoderTrainer.trained(TrainingLoop.checkpointFile(LatentWork.vq(work)), true)) {
      LineStarts lines = LineStarts.of(work.tokenizerJson());
      Checkpoint run = Checkpoint.read(TrainingLoop.checkpointFile(LatentWork.run(work)));
      LatentSettings base = run.settings(LatentSettings.class);
      List<Double> grid = Arrays.stream(NoiseLevels.of(run).quantiles(from)).boxed().toList();
      float[] teacher = run.require("average");
      for (int calls = from / 2; calls >= to; calls /= 2) {
        boolean finished =
            new TrainingLoop(
                    folder(work, calls),
                    DistillTrainer.course(
                        new DistillSettings(
                            base, grid, calls == from / 2 ? temperature : 1, rate, average),
                        codes,
                        teacher,
                        threads,
                        new RowSource(train, lines.tokens(), BytePairTrainer.END_ID),
                        new RowSource(heldOut, lines.tokens(), BytePairTrainer.END_ID),
                        HELD_OUT_ROWS),
                    new TrainingLoop.Limit(roundSteps, 0, null),
                    new TrainingLoop.Rhythm(logEvery, 100, 50),
                    System.out,
                    System.console() != null)
                .run();
        if (!finished) {
          System.out.println("not finished; run the same command again to go on");
          return;
        }
        teacher =
            Checkpoint.read(TrainingLoop.checkpointFile(folder(work, calls))).require("average");
        grid = everySecond(grid);
      }
    } catch (IOException e) {
      throw new TrainCommand.Failure(e.getMessage(), e);
    }
  }

  private static List<Double> everySecond(List<Double> grid) {
    return IntStream.range(0, grid.size() / 2).mapToObj(i -> grid.get(2 * i)).toList();
  }
}
