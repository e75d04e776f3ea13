/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import dev.palimpsest.trainer.Corpus;
import dev.palimpsest.trainer.ModelCard;
import java.util.List;
import java.util.Locale;

/**
 * The measured part of a latent model's card.
 *
 * @param completionTokens tokens that a completion may have
 */
record LatentCard(
    String conditions,
    LatentEvaluation.Result measured,
    int completionTokens,
    Corpus.Manifest corpus) {
  /** What stands between the markers of README.md. */
  String section() {
    StringBuilder out = new StringBuilder();
    out.append('\n').append(conditions).append("\n\n");
    Gates g = measured.gates();
    line(
        out,
        "**VQ-VAE** on %,d held-out tokens: %.3f %% come back from their codes, %.3f %% under noise"
            + " of σ = %.1f; code perplexity %s of %d; codes never used: %s.\n\n",
        g.tokens(),
        100 * g.clean(),
        100 * g.noisy(),
        Gates.SIGMA,
        g.perplexity().stream().map(p -> String.format(Locale.ROOT, "%.0f", p)).toList(),
        g.codes(),
        g.dead());
    bins(out);
    infills(out);
    completions(out);
    out.append("**Samples**, the first and only try each; what the model wrote is in ⟦ ⟧\n");
    for (LatentEvaluation.Sample s : measured.samples()) {
      out.append('\n').append(s.title()).append("\n\n```java\n");
      out.append(s.text().stripTrailing()).append("\n```\n");
    }
    ModelCard.corpus(out, corpus);
    return out.append('\n').toString();
  }

  private void bins(StringBuilder out) {
    List<LatentEvaluation.Bin> bins = measured.bins();
    out.append("**Losses by noise level** (a first prediction is fed back, as in sampling)\n\n");
    out.append("| ln(α/σ) |");
    bins.forEach(b -> line(out, " %.1f to %.1f |", b.from(), b.to()));
    out.append("\n|---|").append("---|".repeat(bins.size()));
    out.append("\n| nats of a code |");
    bins.forEach(b -> line(out, " %.2f |", b.code()));
    out.append("\n| nats of a token, decoded |");
    bins.forEach(b -> line(out, " %.2f |", b.token()));
    out.append("\n| positions with the right codes |");
    bins.forEach(b -> line(out, " %.1f %% |", 100 * b.right()));
    out.append("\n\n");
  }

  private void infills(StringBuilder out) {
    line(
        out,
        "**Infilling** (hole of known length, context on both sides, %d examples of each kind;"
            + " exact matches, and edit similarity in characters)\n\n| hole |",
        measured.infills().getFirst().examples());
    LatentEvaluation.STEPS.forEach(s -> line(out, s == 1 ? " %d call |" : " %d calls |", s));
    out.append("\n|---|").append("---|".repeat(LatentEvaluation.STEPS.size()));
    for (String kind : List.of("1 token", "8 tokens", "one line")) {
      line(out, "\n| %s |", kind);
      for (LatentEvaluation.Infill i : measured.infills()) {
        if (i.kind().equals(kind)) {
          line(out, " %.1f %% / %.3f |", 100 * i.exact(), i.similarity());
        }
      }
    }
    out.append("\n\n");
  }

  private void completions(StringBuilder out) {
    line(
        out,
        "**Completing a method** from its signature and what precedes it in the file (%d methods of"
            + " at most %d tokens)\n\n",
        measured.original().examples(),
        completionTokens);
    out.append("| calls | braces close | javac's parser accepts | edit similarity |");
    out.append(" entropy of tokens | distinct pairs |\n|---|---|---|---|---|---|\n");
    for (LatentEvaluation.Completion c : measured.completions()) {
      completion(out, Integer.toString(c.steps()), c);
    }
    completion(out, "originals", measured.original());
    out.append('\n');
  }

  private static void completion(StringBuilder out, String how, LatentEvaluation.Completion c) {
    line(
        out,
        "| %s | %.1f %% | %.1f %% | %.3f | %.2f nats | %.1f %% |\n",
        how,
        100 * c.closed(),
        100 * c.accepted(),
        c.similarity(),
        c.entropy(),
        100 * c.distinct());
  }

  private static void line(StringBuilder out, String format, Object... values) {
    out.append(String.format(Locale.ROOT, format, values));
  }
}
