/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** Puts measured numbers into a model's README, between two markers, and into card.json. */
public final class ModelCard {
  static final String BEGIN = "<!-- measured: begin -->";
  static final String END = "<!-- measured: end -->";

  private ModelCard() {}

  static void write(
      Path folder, Evaluation.Result result, Corpus.Manifest manifest, String conditions)
      throws IOException {
    write(folder, section(result, manifest, conditions), new Card(conditions, result, manifest));
  }

  /**
   * Writes a card.
   *
   * @param section what stands between the markers of README.md
   * @param card what card.json says
   */
  public static void write(Path folder, String section, Object card) throws IOException {
    Files.writeString(
        folder.resolve("card.json"),
        JsonMapper.builder()
                .enable(SerializationFeature.INDENT_OUTPUT)
                .build()
                .writeValueAsString(card)
            + "\n");
    Path readme = folder.resolve("README.md");
    String text =
        Files.isRegularFile(readme)
            ? Files.readString(readme)
            : "# " + folder.getFileName() + "\n\n" + BEGIN + "\n" + END + "\n";
    int from = text.indexOf(BEGIN);
    int to = text.indexOf(END);
    if (from < 0 || to < from) {
      throw new IOException(
          readme + " has no lines '" + BEGIN + "' and '" + END + "' to put the numbers between");
    }
    Files.writeString(
        readme, text.substring(0, from + BEGIN.length()) + "\n" + section + text.substring(to));
  }

  private record Card(String conditions, Evaluation.Result measured, Corpus.Manifest corpus) {}

  private static String section(
      Evaluation.Result result, Corpus.Manifest manifest, String conditions) {
    StringBuilder out = new StringBuilder();
    out.append('\n').append(conditions).append("\n\n");
    out.append(
        "**Masked tokens guessed right** (most likely token, by share of masked tokens)\n\n");
    out.append("| noise |");
    result.levels().forEach(l -> line(out, " %.1f |", l.level()));
    out.append("\n|---|").append("---|".repeat(result.levels().size()));
    out.append("\n| this model |");
    result.levels().forEach(l -> line(out, " %.1f %% |", 100 * l.model()));
    out.append("\n| 5-gram |");
    result.levels().forEach(l -> line(out, " %.1f %% |", 100 * l.ngram()));
    out.append("\n\n**Infilling** (hole of known length, context on both sides, at most 10 steps,");
    out.append(" temperature 0; the 5-gram searches with a beam of ").append(Evaluation.BEAM);
    out.append(" and ranks by what follows the hole)\n\n");
    out.append("| hole | examples | exact: model | exact: 5-gram | edit similarity: model |");
    out.append(" edit similarity: 5-gram |\n|---|---|---|---|---|---|\n");
    for (Evaluation.Infill i : result.infills()) {
      line(
          out,
          "| %s | %d | %.1f %% | %.1f %% | %.3f | %.3f |\n",
          i.kind(),
          i.examples(),
          100 * i.modelExact(),
          100 * i.ngramExact(),
          i.modelSimilarity(),
          i.ngramSimilarity());
    }
    line(
        out,
        "\n**Completing a method** from its signature and what precedes it in the file"
            + " (%d new tokens)\n\n",
        Evaluation.COMPLETION_TOKENS);
    out.append("| | methods | braces close | javac's parser accepts | edit similarity |\n");
    out.append("|---|---|---|---|---|\n");
    for (Evaluation.Completion c : result.completions()) {
      line(
          out,
          "| %s | %d | %.1f %% | %.1f %% | %.3f |\n",
          c.how(),
          c.examples(),
          100 * c.closed(),
          100 * c.accepted(),
          c.similarity());
    }
    out.append(
        "\n**Samples**, the first and only try each, temperature 0, no end-of-text allowed;"
            + " what the model wrote is in ⟦ ⟧\n");
    for (Evaluation.Sample s : result.samples()) {
      out.append('\n').append(s.title()).append("\n\n```java\n");
      out.append(s.text().stripTrailing()).append("\n```\n");
    }
    corpus(out, manifest);
    return out.append('\n').toString();
  }

  /** The table of the libraries. */
  public static void corpus(StringBuilder out, Corpus.Manifest manifest) {
    out.append("\n**Corpus** (Apache-2.0 each, as declared in the POM named)\n\n");
    out.append("| library | files | characters to train on | held out | licence from |\n");
    out.append("|---|---|---|---|---|\n");
    for (Corpus.Library l : manifest.libraries()) {
      line(
          out,
          "| %s | %d | %,d | %,d | %s |\n",
          l.coordinates(),
          l.files(),
          l.trainBytes(),
          l.heldOutBytes(),
          l.licenceSource());
    }
  }

  private static void line(StringBuilder out, String format, Object... values) {
    out.append(String.format(Locale.ROOT, format, values));
  }
}
