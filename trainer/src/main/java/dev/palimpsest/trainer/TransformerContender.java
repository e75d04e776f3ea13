/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.trainer.study.Contender;
import dev.palimpsest.trainer.study.Rows;
import dev.palimpsest.trainer.study.Words;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/**
 * The trainer's transformer in a study, as masked diffusion or causal: the same sizes, optimiser,
 * rows and steps.
 *
 * @param wrong share of rows with wrong tokens among the visible ones
 */
record TransformerContender(String name, boolean causal, double wrong, StudyBudget budget)
    implements Contender {
  @Override
  public Trained train(Path folder, Path rows, int length, long seed) throws IOException {
    Path run = folder.resolve("run");
    try (TokenFile train = TokenFile.open(Rows.trainTokens(rows));
        TokenFile heldOut = TokenFile.open(Rows.heldOutTokens(rows))) {
      Settings settings = settings(LineStarts.of(Rows.tokenizer(rows)).vocabulary(), length, seed);
      Training.Course course =
          Trainer.course(
              settings,
              budget.threads(),
              new MaskedBatch.Source(train, settings.shape(), new boolean[0]),
              new MaskedBatch.Source(heldOut, settings.shape(), new boolean[0]),
              2 * budget.batch());
      budget.train(run, course, budget.steps());
      RunState state = RunState.read(TrainingLoop.checkpointFile(run));
      Path model = folder.resolve("model");
      LladaFolder.write(
          model,
          settings.shape(),
          state.average(),
          DType.F32,
          length,
          Rows.tokenizer(rows),
          Map.of("format", "pt", "step", Long.toString(state.step())));
      return new Trained(
          model,
          settings.shape().parameters(),
          state.step(),
          state.step() * budget.batch() * length,
          state.seconds());
    }
  }

  private Settings settings(int vocabulary, int length, long seed) {
    DenoiserShape shape =
        new DenoiserShape(
            vocabulary,
            budget.hidden(),
            budget.layers(),
            budget.heads(),
            budget.ffn(),
            length,
            causal ? -1 : Words.MASK,
            Words.END);
    return new Settings(
        shape,
        budget.batch(),
        seed,
        budget.rate(),
        budget.warmup(),
        0.02,
        0.1,
        1,
        0.99,
        0,
        wrong,
        budget.bf16());
  }
}
