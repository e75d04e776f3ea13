/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import dev.palimpsest.trainer.CardOptions;
import dev.palimpsest.trainer.Corpus;
import dev.palimpsest.trainer.HeldOutExamples;
import dev.palimpsest.trainer.LineStarts;
import dev.palimpsest.trainer.ModelCard;
import dev.palimpsest.trainer.RowSource;
import dev.palimpsest.trainer.TokenFile;
import dev.palimpsest.trainer.TrainCommand;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import org.bytedeco.pytorch.global.torch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code palimpsest train latent evaluate}: fills a latent model's card. */
@Command(
    name = "evaluate",
    description = {
      "Measures a latent model on the held-out files: the VQ-VAE's gates, losses by noise level,"
          + " infilling and completion at 1 to 64 network calls.",
      "Writes README.md and card.json."
    },
    showDefaultValues = true)
final class LatentEvaluateCommand implements Runnable {
  @Mixin private TrainCommand.Help help;
  @Mixin private TrainCommand.Work work;

  @Option(
      names = "--model",
      defaultValue = "models/java-latent",
      description = "folder of the checkpoint")
  private Path model;

  @Option(names = "--rows", defaultValue = "96", description = "rows of each noise level")
  private int rows;

  @Option(
      names = "--infills",
      defaultValue = "100",
      description = "holes of each kind: one token, eight tokens, one line")
  private int infills;

  @Option(names = "--methods", defaultValue = "60", description = "methods to complete")
  private int methods;

  @Mixin private CardOptions card;

  @Override
  public void run() {
    torch.set_num_threads(card.threads());
    try (TokenFile heldOut = TokenFile.open(work.heldOutTokens());
        HuggingFaceTokenizer tokenizer = TokenFile.tokenizer(work.tokenizerJson(model))) {
      HybridFolder.Read read = HybridFolder.read(model, card.precision().bf16());
      try (Autoencoder autoencoder = read.autoencoder();
          HybridNetwork network = read.network()) {
        HybridShape shape = network.shape();
        LineStarts lines = LineStarts.of(work.tokenizerJson());
        LatentEvaluation evaluation =
            new LatentEvaluation(
                autoencoder,
                network,
                read.quantiles(),
                read.plan(),
                new HeldOutExamples(
                    tokenizer,
                    lines.tokens(),
                    work.corpus().heldOut(),
                    shape.length(),
                    shape.latent().endId()),
                new RowSource(heldOut, lines.tokens(), shape.latent().endId()));
        LatentEvaluation.Result result =
            evaluation.run(new LatentEvaluation.Size(rows, infills, methods));
        Corpus.Manifest manifest = work.corpus().manifest();
        LatentCard filled =
            new LatentCard(conditions(read, manifest), result, shape.length() / 2, manifest);
        ModelCard.write(model, filled.section(), filled);
        card.report(model, result, result.seconds());
      }
    } catch (IOException e) {
      throw new TrainCommand.Failure(e.getMessage(), e);
    }
  }

  private String conditions(HybridFolder.Read read, Corpus.Manifest manifest) {
    return String.format(
        Locale.ROOT,
        "Measured by `./palimpsest train latent evaluate` on the %d held-out files (%,d"
            + " characters); rows of %d tokens, %s on the quantiles of the training's noise"
            + " levels, temperature %s, guidance %s, churn %s, %d calls more for doubtful positions,"
            + " %s products, fixed seeds. VQ-VAE %,d"
            + " parameters, denoiser %,d (%.1f million multiply-adds a position).",
        manifest.heldOutFiles(),
        manifest.heldOutBytes(),
        read.network().shape().length(),
        read.plan().solver(),
        read.plan().temperature(),
        read.plan().guidance(),
        read.plan().churn(),
        read.plan().refineSteps(),
        card.precision().bf16() ? "bfloat16" : "float32",
        read.autoencoder().parameters().size() + read.autoencoder().codebook().numel(),
        read.network().parameters().size(),
        read.network().shape().multiplyAdds() / 1e6);
  }
}
