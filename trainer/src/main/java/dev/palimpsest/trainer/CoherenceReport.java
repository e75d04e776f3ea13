/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * How long texts hold together, for readers; as a record, for machines.
 *
 * @param conditions where it was measured, and on what
 * @param beginning tokens that were given of each text
 * @param written by models, the originals last
 * @param losses of masked models
 */
record CoherenceReport(
    String conditions, int beginning, List<Written> written, List<Losses> losses) {
  /**
   * Texts that were written in one way.
   *
   * @param model as it was named
   * @param way how it wrote
   * @param texts how many
   * @param tokens of each, its beginning aside
   * @param seconds that writing took; 0 for originals
   */
  record Written(
      String model, String way, int texts, int tokens, double seconds, List<Coherence.Row> rows) {}

  /**
   * What a masked model makes of masked tokens.
   *
   * @param trained tokens of the canvases it was trained on
   * @param noise share of tokens that are masked
   * @param texts how many
   */
  record Losses(String model, int trained, double noise, int texts, List<CanvasLoss.Row> rows) {}

  /** Tables. */
  String markdown() {
    StringBuilder out = new StringBuilder();
    out.append(conditions).append("\n\n");
    line(
        out,
        "**Texts by position**, counted from the first token after the %d that were given. Nats a"
            + " token under the 5-gram of the training split; distinct pairs in %d tokens; names"
            + " that are in none of the %d tokens before, of them those that the text had further back, and"
            + " those that another text has there; methods begun, and how many of them close within %d"
            + " tokens and are accepted\n\n",
        beginning,
        PositionWindow.STRETCH,
        OldNames.VIEW,
        Coherence.ROOM);
    out.append(
        "| model | positions | 5-gram, nats | distinct pairs % | names | old names % | another's % |");
    out.append(" ends of text, ‰ | methods | braces close % | javac's parser accepts % |\n");
    out.append("|---|---|---|---|---|---|---|---|---|---|---|\n");
    for (Written some : written) {
      String who =
          some.model()
              + (some.way().isEmpty() ? "" : ", " + some.way())
              + ", "
              + some.texts()
              + " texts";
      for (Coherence.Row row : some.rows()) {
        line(
            out,
            "| %s | %s | %s | %s | %d | %s | %s | %s | %d | %s | %s |\n",
            row.window().from() == 0 ? who : "",
            row.window().name(),
            cell(row.nats(), 1, 2),
            cell(row.distinct(), 100, 1),
            row.names(),
            cell(row.ownNames(), 100, 1),
            cell(row.otherNames(), 100, 1),
            cell(row.ends(), 1, 1),
            row.methods(),
            cell(row.closed(), 100, 1),
            cell(row.accepted(), 100, 1));
      }
    }
    line(
        out,
        "\nSeconds it took to write: %s.\n",
        written.stream()
            .filter(some -> some.seconds() > 0)
            .map(
                some ->
                    String.format(
                        Locale.ROOT, "%s, %s, %,.0f", some.model(), some.way(), some.seconds()))
            .collect(Collectors.joining("; ")));
    losses.forEach(some -> losses(out, some));
    return out.toString();
  }

  private static void losses(StringBuilder out, Losses some) {
    line(
        out,
        "\n**Masked tokens of held-out text**, nats each, %s, %d texts, %.0f %% of the tokens masked,"
            + " the same ones in every canvas; in brackets, how many more than in canvases of the %d"
            + " tokens it was trained on\n\n",
        some.model(),
        some.texts(),
        100 * some.noise(),
        some.trained());
    List<Integer> canvases = some.rows().stream().map(CanvasLoss.Row::canvas).distinct().toList();
    out.append("| positions |");
    canvases.forEach(n -> line(out, " canvas of %,d |", n));
    out.append("\n|---|").append("---|".repeat(canvases.size())).append('\n');
    for (PositionWindow window :
        some.rows().stream().map(CanvasLoss.Row::window).distinct().toList()) {
      line(out, "| %s |", window.name());
      for (int canvas : canvases) {
        out.append(
            some.rows().stream()
                .filter(row -> row.canvas() == canvas && row.window().equals(window))
                .map(row -> canvas == some.trained() ? usual(row) : longer(row))
                .findFirst()
                .orElse(" |"));
      }
      out.append('\n');
    }
  }

  private static String usual(CanvasLoss.Row row) {
    return " " + cell(Optional.of(row.nats()), 1, 3) + " |";
  }

  private static String longer(CanvasLoss.Row row) {
    return String.format(
        Locale.ROOT,
        " %.3f (%s%s) |",
        row.nats().value(),
        row.more().value() < 0 ? "" : "+",
        cell(Optional.of(row.more()), 1, 3));
  }

  private static String cell(Optional<Estimate> found, double factor, int digits) {
    return found.map(e -> number(factor * e.value(), digits) + error(e, factor, digits)).orElse("");
  }

  private static String error(Estimate found, double factor, int digits) {
    return found.error().isEmpty()
        ? ""
        : " ± " + number(factor * found.error().getAsDouble(), digits);
  }

  private static String number(double value, int digits) {
    return String.format(Locale.ROOT, "%." + digits + "f", value);
  }

  private static void line(StringBuilder out, String format, Object... values) {
    out.append(String.format(Locale.ROOT, format, values));
  }
}
