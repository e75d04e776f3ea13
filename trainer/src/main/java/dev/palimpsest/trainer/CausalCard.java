/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import dev.palimpsest.Engine;
import dev.palimpsest.EngineOptions;
import dev.palimpsest.EngineOptions.ComputeType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import tools.jackson.databind.json.JsonMapper;

/**
 * The card of a model that writes from left to right: asked by the runtime for what a masked model
 * is asked for, as far as it can be.
 */
record CausalCard(ComparisonReport measured, Corpus.Manifest corpus) {
  /** Whether a folder holds such a model. */
  static boolean is(Path model) throws IOException {
    return JsonMapper.shared()
        .readTree(Files.readString(model.resolve("config.json")))
        .path("model_type")
        .asString("")
        .equals("llama");
  }

  /**
   * Measures a model.
   *
   * @param work where its corpus and its tokenizer lie
   */
  static CausalCard of(
      Path model, TrainCommand.Work work, Comparison.Size size, CardOptions options)
      throws IOException {
    Corpus.Manifest manifest = work.corpus().manifest();
    EngineOptions engineOptions =
        EngineOptions.DEFAULT
            .withThreads(options.threads())
            .withDtype(options.precision().bf16() ? ComputeType.AUTO : ComputeType.F32);
    try (HuggingFaceTokenizer tokenizer = TokenFile.tokenizer(work.tokenizerJson(model));
        Engine engine = Engine.open(model, engineOptions)) {
      Comparison comparison =
          new Comparison(
              new HeldOutExamples(
                  tokenizer,
                  LineStarts.of(work.tokenizerJson()).tokens(),
                  work.corpus().heldOut(),
                  Evaluation.LENGTH,
                  BytePairTrainer.END_ID),
              Evaluation.LENGTH,
              size);
      List<Comparison.Row> rows =
          comparison.measure(model.getFileName().toString(), engine, List.of(), System.err);
      String conditions =
          String.format(
              Locale.ROOT,
              "Measured by `./palimpsest train evaluate` on the %d held-out files (%,d characters);"
                  + " rows of %d tokens, temperature 0, fixed seeds, by the runtime on %s. The model"
                  + " writes a token a call and sees what precedes it only: it cannot be asked for"
                  + " masked tokens, and of a hole it knows no right side.",
              manifest.heldOutFiles(),
              manifest.heldOutBytes(),
              Evaluation.LENGTH,
              engine.device());
      return new CausalCard(comparison.report(conditions, rows), manifest);
    }
  }

  /** What stands between the markers of README.md. */
  String section() {
    StringBuilder out = new StringBuilder("\n").append(measured.markdown());
    ModelCard.corpus(out, corpus);
    return out.append('\n').toString();
  }
}
