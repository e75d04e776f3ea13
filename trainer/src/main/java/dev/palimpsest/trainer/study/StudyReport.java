/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.study;

import dev.palimpsest.trainer.CallsPlot;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A study's results for readers and for machines.
 *
 * @param task its name
 * @param describes what it is
 */
public record StudyReport(String task, String describes, List<Study.Result> results) {
  /** A row of the table: who, and how it wrote. */
  private record Row(String contender, String decoding) {}

  /** Markdown: the conditions, then a row for each contender and way to write. */
  public String markdown() {
    StringBuilder out = new StringBuilder();
    out.append("**").append(task).append(".** ").append(describes).append(".\n\n");
    conditions(out);
    Map<Row, Map<String, List<Double>>> cells = cells();
    Set<String> measures = measures();
    out.append("| model | written in | ").append(String.join(" | ", measures)).append(" |\n");
    out.append("|---|---|").append("---|".repeat(measures.size())).append("\n");
    cells.forEach(
        (row, values) ->
            out.append(
                measures.stream()
                    .map(measure -> cell(measure, values.getOrDefault(measure, List.of())))
                    .collect(
                        Collectors.joining(
                            " | ", "| " + row.contender + " | " + row.decoding + " | ", " |\n"))));
    return out.toString();
  }

  /** Every measure's values of all seeds, by who wrote, and how. */
  private Map<Row, Map<String, List<Double>>> cells() {
    Map<Row, Map<String, List<Double>>> cells = new LinkedHashMap<>();
    for (Study.Result result : results) {
      for (Score score : result.scores()) {
        cells
            .computeIfAbsent(
                new Row(result.contender(), score.decoding()), row -> new LinkedHashMap<>())
            .computeIfAbsent(score.measure(), measure -> new ArrayList<>())
            .add(score.value());
      }
    }
    return cells;
  }

  private Set<String> measures() {
    return results.stream()
        .flatMap(result -> result.scores().stream())
        .map(Score::measure)
        .collect(Collectors.toCollection(LinkedHashSet::new));
  }

  /** Means over the seeds by number of network calls, a panel for each measure. */
  public List<CallsPlot.Panel> panels() {
    List<CallsPlot.Panel> panels = new ArrayList<>();
    for (String measure : measures()) {
      CallsPlot.Curves curves = new CallsPlot.Curves();
      cells()
          .forEach(
              (row, values) -> {
                if (values.containsKey(measure)) {
                  curves.add(row.contender, row.decoding, mean(values.get(measure)));
                }
              });
      panels.add(curves.panel(measure));
    }
    return panels;
  }

  private static double mean(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
  }

  private void conditions(StringBuilder out) {
    out.append("| model | parameters | steps | tokens seen | minutes | seeds |\n");
    out.append("|---|---|---|---|---|---|\n");
    Map<String, List<Contender.Trained>> trained = new LinkedHashMap<>();
    for (Study.Result result : results) {
      if (!result.trained().isEmpty()) {
        trained
            .computeIfAbsent(result.contender(), name -> new ArrayList<>())
            .addAll(result.trained());
      }
    }
    trained.forEach(
        (name, runs) ->
            out.append(
                String.format(
                    Locale.ROOT,
                    "| %s | %,d | %,d | %,d | %.1f | %d |%n",
                    name,
                    runs.getFirst().parameters(),
                    runs.getFirst().steps(),
                    runs.getFirst().tokens(),
                    runs.stream().mapToDouble(Contender.Trained::seconds).average().orElse(0) / 60,
                    runs.size())));
    out.append("\n");
  }

  /** Mean and, of several seeds, standard deviation; percents say less by their third digit. */
  private static String cell(String measure, List<Double> values) {
    if (values.isEmpty()) {
      return "";
    }
    double mean = mean(values);
    boolean percent = measure.endsWith("%");
    int digits = percent && (mean == 0 || Math.abs(mean) >= 1) ? 1 : 3;
    String text = String.format(Locale.ROOT, "%." + digits + "f", mean);
    if (values.size() < 2) {
      return text;
    }
    double squares = values.stream().mapToDouble(v -> (v - mean) * (v - mean)).sum();
    double deviation = Math.sqrt(squares / (values.size() - 1));
    return text + String.format(Locale.ROOT, " ± %." + digits + "f", deviation);
  }

  /** One document: every number of every seed. */
  public String json() {
    ObjectNode root = JsonMapper.shared().createObjectNode();
    root.put("task", task).put("describes", describes);
    ArrayNode runs = root.putArray("results");
    for (Study.Result result : results) {
      ObjectNode run = runs.addObject();
      run.put("model", result.contender()).put("seed", result.seed());
      for (Contender.Trained trained : result.trained()) {
        run.put("parameters", trained.parameters()).put("steps", trained.steps());
        run.put("tokens", trained.tokens()).put("seconds", trained.seconds());
      }
      ArrayNode scores = run.putArray("scores");
      for (Score score : result.scores()) {
        ObjectNode node = scores.addObject();
        node.put("decoding", score.decoding()).put("measure", score.measure());
        node.put("value", score.value());
      }
    }
    return root.toPrettyString();
  }
}
