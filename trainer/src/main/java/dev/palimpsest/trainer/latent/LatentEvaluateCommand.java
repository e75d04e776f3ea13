/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import dev.palimpsest.trainer.Corpus;
import dev.palimpsest.trainer.HeldOutExamples;
import dev.palimpsest.trainer.LineStarts;
import dev.palimpsest.trainer.ModelCard;
import dev.palimpsest.trainer.RowSource;
import dev.palimpsest.trainer.TokenFile;
import dev.palimpsest.trainer.TrainCommand;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.bytedeco.pytorch.global.torch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;

/** {@code palimpsest train latent evaluate}: fills a latent model's card. */
@Command(
    name = "evaluate",
    description = {
      "Measures a latent model on the held-out files: the VQ-VAE's gates, losses by noise level,",
      "infilling and completion at 1 to 64 network calls; writes README.md and card.json."
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

  @Option(names = "--threads", defaultValue = "2", description = "threads of libtorch")
  private int threads;

  @Option(
      names = "--bf16",
      negatable = true,
      defaultValue = "true",
      fallbackValue = "true",
      description = "multiply matrices in bfloat16")
  private boolean bf16;

  @Option(names = "--json", description = "print the measurements as JSON and nothing else")
  private boolean json;

  @Override
  public void run() {
    torch.set_num_threads(threads);
    Path tokenizerJson = model.resolve("tokenizer.json");
    try (TokenFile heldOut = TokenFile.open(work.heldOutTokens());
        HuggingFaceTokenizer tokenizer = TokenFile.tokenizer(tokenizerJson)) {
      if (!Files.readString(tokenizerJson).equals(Files.readString(work.tokenizerJson()))) {
        throw new IOException(
            model
                + " and "
                + work.folder()
                + " have different tokenizers; name the --work folder the model was trained in");
      }
      HybridFolder.Read read = HybridFolder.read(model, bf16);
      try (Autoencoder autoencoder = read.autoencoder();
          HybridNetwork network = read.network()) {
        HybridShape shape = network.shape();
        LineStarts lines = LineStarts.of(tokenizerJson);
        LatentEvaluation evaluation =
            new LatentEvaluation(
                autoencoder,
                network,
                read.quantiles(),
                read.config().path("sampling").path("temperature").asDouble(1),
                read.config().path("sampling").path("guidance").asDouble(0),
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
        LatentCard card =
            new LatentCard(conditions(read, manifest), result, shape.length() / 2, manifest);
        ModelCard.write(model, card.section(), card);
        if (json) {
          System.out.println(JsonMapper.shared().writeValueAsString(result));
        } else {
          System.out.printf(
              Locale.ROOT,
              "measured in %.0f s; written to %s and %s%n",
              result.seconds(),
              model.resolve("README.md"),
              model.resolve("card.json"));
        }
      }
    } catch (IOException e) {
      throw new TrainCommand.Failure(e.getMessage(), e);
    }
  }

  private String conditions(HybridFolder.Read read, Corpus.Manifest manifest) {
    return String.format(
        Locale.ROOT,
        "Measured by `./palimpsest train latent evaluate` on the %d held-out files (%,d"
            + " characters); rows of %d tokens, DDIM on the quantiles of the training's noise"
            + " levels, temperature %s, guidance %s, %s products, fixed seeds. VQ-VAE %,d"
            + " parameters, denoiser %,d (%.1f million multiply-adds a position).",
        manifest.heldOutFiles(),
        manifest.heldOutBytes(),
        read.network().shape().length(),
        read.config().path("sampling").path("temperature").asDouble(1),
        read.config().path("sampling").path("guidance").asDouble(0),
        bf16 ? "bfloat16" : "float32",
        read.autoencoder().parameters().size() + read.autoencoder().codebook().numel(),
        read.network().parameters().size(),
        read.network().shape().multiplyAdds() / 1e6);
  }
}
