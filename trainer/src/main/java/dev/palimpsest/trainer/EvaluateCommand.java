/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import org.bytedeco.pytorch.global.torch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code palimpsest train evaluate}: fills a model card. */
@Command(
    name = "evaluate",
    description = {
      "Measures a checkpoint on the held-out files, beside a 5-gram model of the train split.",
      "Writes the numbers into the model's README.md and card.json. A causal model is asked by the"
          + " runtime for what it can be asked for."
    },
    showDefaultValues = true)
final class EvaluateCommand implements Runnable {
  @Mixin private TrainCommand.Help help;
  @Mixin private TrainCommand.Work work;

  @Option(
      names = "--model",
      defaultValue = "models/java-tiny",
      description = "folder of the checkpoint")
  private Path model;

  @Option(
      names = "--rows",
      defaultValue = "50",
      description = "rows of masked tokens per level of noise")
  private int rows;

  @Option(
      names = "--infills",
      defaultValue = "250",
      description = "holes of each kind: one token, eight tokens, one line")
  private int infills;

  @Option(names = "--methods", defaultValue = "120", description = "methods to complete")
  private int methods;

  @Mixin private CardOptions card;

  @Override
  public void run() {
    try {
      if (CausalCard.is(model)) {
        causal();
      } else {
        masked();
      }
    } catch (IOException e) {
      throw new TrainCommand.Failure(e.getMessage(), e);
    }
  }

  private void causal() throws IOException {
    long began = System.nanoTime();
    CausalCard filled = CausalCard.of(model, work, new Comparison.Size(infills, methods), card);
    ModelCard.write(model, filled.section(), filled);
    card.report(model, filled, (System.nanoTime() - began) / 1e9);
  }

  private void masked() throws IOException {
    torch.set_num_threads(card.threads());
    try (TokenFile train = TokenFile.open(work.trainTokens());
        HuggingFaceTokenizer tokenizer = TokenFile.tokenizer(work.tokenizerJson(model));
        Denoiser network = LladaFolder.read(model, card.precision().bf16())) {
      NGramModel ngram = new NGramModel(train, network.shape().vocabulary());
      Evaluation evaluation =
          new Evaluation(
              network,
              ngram,
              tokenizer,
              LineStarts.of(work.tokenizerJson()).tokens(),
              work.corpus().heldOut());
      Evaluation.Result result = evaluation.run(new Evaluation.Size(rows, infills, methods));
      Corpus.Manifest manifest = work.corpus().manifest();
      ModelCard.write(model, result, manifest, conditions(network.shape(), manifest, train));
      card.report(model, result, result.seconds());
    }
  }

  private String conditions(DenoiserShape shape, Corpus.Manifest manifest, TokenFile train) {
    return String.format(
        Locale.ROOT,
        "Measured by `./palimpsest train evaluate` on the %d held-out files (%,d characters); rows of"
            + " %d tokens, %d rows per level of noise, %s products, fixed seeds. The 5-gram is"
            + " an interpolated Kneser-Ney model over the same tokens, counted on the same train"
            + " split (%,d tokens). The network has %,d parameters.",
        manifest.heldOutFiles(),
        manifest.heldOutBytes(),
        Evaluation.LENGTH,
        rows,
        card.precision().bf16() ? "bfloat16" : "float32",
        train.length(),
        shape.parameters());
  }
}
