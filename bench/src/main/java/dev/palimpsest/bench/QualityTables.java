/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.bench.QualityReport.LossLevel;
import dev.palimpsest.bench.QualityReport.LossRow;
import dev.palimpsest.bench.QualityReport.Measure;
import dev.palimpsest.bench.QualityReport.TaskRow;
import dev.palimpsest.bench.QualityReport.TaskTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** A {@link QualityReport} for people, aligned for a terminal or in Markdown. */
final class QualityTables {
  private final QualityReport report;
  private final boolean markdown;
  private final StringBuilder out = new StringBuilder();

  private QualityTables(QualityReport report, boolean markdown) {
    this.report = report;
    this.markdown = markdown;
  }

  static String of(QualityReport report, boolean markdown) {
    QualityTables tables = new QualityTables(report, markdown);
    if (!report.loss().isEmpty()) {
      tables.loss(report.loss());
    }
    report.tasks().forEach(tables::task);
    tables.conditions();
    return tables.out.toString();
  }

  private void loss(List<LossRow> rows) {
    LossLevel some = rows.getFirst().levels().getFirst();
    title("Masked tokens, nats each, " + some.rows() + " rows a level of noise");
    List<String[]> table = new ArrayList<>();
    List<String> header = new ArrayList<>(List.of("configuration"));
    rows.getFirst().levels().forEach(l -> header.add("noise " + l.noise()));
    header.add("most likely is true");
    header.add("logits differ by");
    table.add(header.toArray(String[]::new));
    for (LossRow row : rows) {
      List<String> cells = new ArrayList<>(List.of(row.config()));
      row.levels().forEach(l -> cells.add(cell(l.nats(), 1, "%.3f", "%+.4f", "%.4f")));
      cells.add(
          row.levels().stream()
              .map(l -> format("%.1f", 100 * l.right().is().value()))
              .collect(Collectors.joining(" / ", "", " %")));
      cells.add(row == rows.getFirst() ? "" : format("%.1e", row.logitsError()));
      table.add(cells.toArray(String[]::new));
    }
    print(table);
  }

  private void task(TaskTable task) {
    title(
        task.title()
            + ", "
            + task.holes()
            + " holes of "
            + format("%.1f", task.tokensPerHole())
            + " tokens");
    boolean truth = task.rows().getFirst().right().isPresent();
    List<String[]> table = new ArrayList<>();
    List<String> header = new ArrayList<>(List.of("configuration"));
    if (truth) {
      header.addAll(List.of("exact", "tokens right"));
    }
    header.addAll(List.of("file parses", "forwards", "tokens/forward", "tokens/s"));
    table.add(header.toArray(String[]::new));
    for (TaskRow row : task.rows()) {
      List<String> cells = new ArrayList<>(List.of(row.config()));
      row.exact().ifPresent(m -> cells.add(percent(m)));
      row.right().ifPresent(m -> cells.add(percent(m)));
      cells.add(percent(row.parses()));
      cells.add(format("%.1f", row.forwards()));
      cells.add(format("%.2f", row.tokensPerForward()));
      cells.add(format("%.0f", row.tokensPerSecond()));
      table.add(cells.toArray(String[]::new));
    }
    print(table);
  }

  private void conditions() {
    List<String[]> table = new ArrayList<>();
    table.add(new String[] {"conditions", ""});
    table.add(new String[] {"model", report.model()});
    table.add(
        new String[] {
          "text",
          report.text()
              + ", "
              + report.files()
              + " files of at least "
              + report.length()
              + " tokens, which a canvas has; seed "
              + report.seed()
        });
    table.add(
        new String[] {
          "errors", "one standard error; in brackets the difference to the first row, hole by hole"
        });
    table.add(
        new String[] {
          "run",
          report.together() + " requests at a time, " + format("%.0f s in all", report.seconds())
        });
    table.add(new String[] {"device", report.device()});
    table.add(new String[] {"machine", report.conditions().machine()});
    table.add(new String[] {"program", report.conditions().program()});
    if (markdown) {
      table.stream()
          .skip(1)
          .forEach(r -> out.append("- ").append(r[0]).append(": ").append(r[1]).append('\n'));
    } else {
      print(table, 2);
    }
  }

  private static String percent(Measure measure) {
    return cell(measure, 100, "%.1f", "%+.1f", "%.1f");
  }

  private static String cell(
      Measure m, double scale, String value, String difference, String error) {
    String is = format(value, scale * m.is().value());
    return m.difference()
        .map(
            d ->
                is
                    + " ("
                    + format(difference, scale * d.value())
                    + " ± "
                    + format(error, scale * d.error())
                    + ")")
        .orElseGet(() -> is + " ± " + format(error, scale * m.is().error()));
  }

  private void title(String text) {
    out.append(markdown ? "**" + text + "**\n\n" : text + "\n");
  }

  private void print(List<String[]> rows) {
    print(rows, 1);
    out.append('\n');
  }

  private void print(List<String[]> rows, int left) {
    if (!markdown) {
      TextTable table = new TextTable(rows.getFirst()).leftColumns(left);
      rows.stream().skip(1).forEach(table::row);
      out.append(table);
      return;
    }
    for (int i = 0; i < rows.size(); i++) {
      String[] cells = rows.get(i);
      List<String> shown = new ArrayList<>(List.of(cells));
      if (i > 0) {
        shown.set(0, "`" + cells[0] + "`");
      }
      out.append("| ").append(String.join(" | ", shown)).append(" |\n");
      if (i == 0) {
        out.append("|---".repeat(cells.length)).append("|\n");
      }
    }
  }

  private static String format(String pattern, Object... values) {
    return String.format(Locale.ROOT, pattern, values);
  }
}
