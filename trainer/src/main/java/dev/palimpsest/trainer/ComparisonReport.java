/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/**
 * A comparison for readers; as a record, for machines.
 *
 * @param conditions where it was measured, and on what
 * @param holes of each kind
 * @param methods that were completed
 * @param completionTokens tokens that a completion may have
 */
record ComparisonReport(
    String conditions,
    int holes,
    int methods,
    int completionTokens,
    List<Comparison.Row> rows,
    Comparison.Row originals) {
  /** Two tables. */
  String markdown() {
    StringBuilder out = new StringBuilder();
    out.append(conditions).append("\n\n");
    line(
        out,
        "**Infilling** (holes of known length, %d of each kind, both sides in view, for a model that"
            + " writes left to right what precedes them; exact matches, and edit similarity in"
            + " characters)\n\n| model | written in |",
        holes);
    originals.infills().forEach(infill -> line(out, " %s |", infill.hole()));
    out.append("\n|---|---|").append("---|".repeat(originals.infills().size())).append('\n');
    for (Comparison.Row row : rows) {
      line(out, "| %s | %s |", row.model(), row.written());
      row.infills().forEach(i -> line(out, " %.1f %% / %.3f |", 100 * i.exact(), i.similarity()));
      out.append('\n');
    }
    line(
        out,
        "\n**Completing a method** from its signature and what precedes it in the file (%d methods"
            + " of at most %d tokens)\n\n",
        methods,
        completionTokens);
    out.append("| model | written in | braces close | javac's parser accepts | edit similarity |");
    out.append(" entropy of tokens | distinct pairs | tokens/s |\n");
    out.append("|---|---|---|---|---|---|---|---|\n");
    rows.forEach(row -> completion(out, row));
    completion(out, originals);
    return out.toString();
  }

  /** What most tells models apart, by number of network calls. */
  List<CallsPlot.Panel> panels() {
    List<CallsPlot.Panel> panels = new ArrayList<>();
    for (int i = 0; i < originals.infills().size(); i++) {
      int kind = i;
      panels.add(
          panel(
              originals.infills().get(i).hole() + ": similarity",
              row -> row.infills().get(kind).similarity()));
    }
    panels.add(panel("methods that parse, %", row -> 100 * row.completion().accepted()));
    panels.add(panel("distinct pairs, %", row -> 100 * row.diversity().distinct()));
    panels.add(panel("tokens/s", Comparison.Row::tokensPerSecond));
    return panels;
  }

  private CallsPlot.Panel panel(String measure, ToDoubleFunction<Comparison.Row> value) {
    CallsPlot.Curves curves = new CallsPlot.Curves();
    rows.forEach(row -> curves.add(row.model(), row.written(), value.applyAsDouble(row)));
    return curves.panel(measure);
  }

  private static void completion(StringBuilder out, Comparison.Row row) {
    line(
        out,
        "| %s | %s | %.1f %% | %.1f %% | %.3f | %.2f nats | %.1f %% | %s |\n",
        row.model(),
        row.written(),
        100 * row.completion().closed(),
        100 * row.completion().accepted(),
        row.completion().similarity(),
        row.diversity().entropy(),
        100 * row.diversity().distinct(),
        row.tokensPerSecond() == 0
            ? ""
            : String.format(Locale.ROOT, "%,.0f", row.tokensPerSecond()));
  }

  private static void line(StringBuilder out, String format, Object... values) {
    out.append(String.format(Locale.ROOT, format, values));
  }
}
