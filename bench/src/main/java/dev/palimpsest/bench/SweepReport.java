/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Tokens per second of one request over caches, refreshes, precisions and tokens per step, beside
 * llama.cpp's autoregressive decode of models of the same size, all in one run.
 *
 * @param cells measured
 * @param autoregressive llama.cpp's decodes
 * @param overtakes from where on we are faster, for each line of cells and each of those decodes
 * @param disturbance what each took of the processor in the other's turns
 * @param model ours, as it was named on the command line
 * @param blockModel ours for the block cache; null if that was {@code model}
 * @param family of the checkpoint
 * @param promptLength tokens of the prompt
 * @param newTokens tokens written
 * @param blockLength tokens written together
 * @param threads worker threads
 * @param repeat most timed runs of a cell
 * @param seconds after which a cell is not run again
 * @param conditions machine and program
 */
record SweepReport(
    List<Cell> cells,
    List<Autoregressive.Report> autoregressive,
    List<Overtaking> overtakes,
    Turns.Disturbance disturbance,
    String model,
    String blockModel,
    String family,
    int promptLength,
    int newTokens,
    int blockLength,
    int threads,
    int repeat,
    double seconds,
    @JsonUnwrapped Conditions conditions) {

  /**
   * Cells that differ in tokens per step only.
   *
   * @param dtype of the matrix products
   * @param cache keys and values that are kept
   * @param cacheRefresh steps between refreshes within a block; 0 is none
   */
  record Row(String dtype, String cache, int cacheRefresh) {
    /** For people. */
    String name() {
      return dtype + ", " + cache + (cacheRefresh == 0 ? "" : " / " + cacheRefresh);
    }
  }

  /**
   * One way to decode.
   *
   * @param tokensPerStep tokens a step commits
   * @param tokensPerSecond new tokens over the wall time of a generation, median
   * @param runs timed
   */
  record Cell(@JsonUnwrapped Row row, int tokensPerStep, double tokensPerSecond, int runs) {}

  /**
   * Where diffusion overtakes an autoregressive decode.
   *
   * @param autoregressive checkpoint that llama.cpp decoded
   * @param tokensPerStep the fewest that are faster; null if none of those measured are
   * @param bestRatio our best tokens per second over its
   */
  record Overtaking(
      @JsonUnwrapped Row row, String autoregressive, Integer tokensPerStep, double bestRatio) {}

  /** The overtakings in cells, row by row. */
  static List<Overtaking> overtakes(List<Cell> cells, List<Autoregressive.Report> decodes) {
    List<Overtaking> found = new ArrayList<>();
    for (Row row : cells.stream().map(Cell::row).distinct().toList()) {
      for (Autoregressive.Report decode : decodes) {
        List<Cell> line = cells.stream().filter(cell -> cell.row.equals(row)).toList();
        Integer first =
            line.stream()
                .filter(cell -> cell.tokensPerSecond > decode.tokensPerSecond())
                .map(Cell::tokensPerStep)
                .min(Integer::compare)
                .orElse(null);
        double best = line.stream().mapToDouble(Cell::tokensPerSecond).max().orElseThrow();
        found.add(new Overtaking(row, decode.model(), first, best / decode.tokensPerSecond()));
      }
    }
    return found;
  }

  /** For people. */
  String table() {
    List<Integer> paces = cells.stream().map(Cell::tokensPerStep).distinct().sorted().toList();
    List<String> header = new ArrayList<>(List.of("dtype", "cache", "refresh"));
    paces.forEach(pace -> header.add(Integer.toString(pace)));
    for (int i = 0; i < autoregressive.size(); i++) {
      header.add("overtakes AR" + (i + 1) + " at");
      header.add("best / AR" + (i + 1));
    }
    TextTable table = new TextTable(header.toArray(String[]::new)).leftColumns(2);
    for (Row row : cells.stream().map(Cell::row).distinct().toList()) {
      List<String> line = new ArrayList<>(List.of(row.dtype, row.cache));
      line.add(row.cacheRefresh == 0 ? "-" : Integer.toString(row.cacheRefresh));
      for (int pace : paces) {
        line.add(
            cells.stream()
                .filter(cell -> cell.row.equals(row) && cell.tokensPerStep == pace)
                .map(cell -> format("%.1f", cell.tokensPerSecond))
                .findFirst()
                .orElse(""));
      }
      for (Overtaking overtaking : overtakes) {
        if (overtaking.row.equals(row)) {
          line.add(
              overtaking.tokensPerStep == null
                  ? "never"
                  : Integer.toString(overtaking.tokensPerStep));
          line.add(format("%.2f", overtaking.bestRatio));
        }
      }
      table.row(line.toArray(String[]::new));
    }
    TextTable facts =
        new TextTable(
                "sweep",
                newTokens
                    + " new tokens after "
                    + promptLength
                    + ", blocks of "
                    + blockLength
                    + "; tokens/s over tokens per step")
            .leftColumns(2);
    for (int i = 0; i < autoregressive.size(); i++) {
      Autoregressive.Report decode = autoregressive.get(i);
      facts.row(
          "AR" + (i + 1),
          format(
              "llama.cpp, autoregressive, %.1f tokens/s (median of %d), %s, backend %s",
              decode.tokensPerSecond(), decode.runs(), decode.model(), decode.backend()));
    }
    facts
        .row("waiting", disturbance.description())
        .row(
            "runs",
            format("up to %d after 1 untimed, none after %.0f s of a cell", repeat, seconds))
        .row(
            "model",
            model
                + " ("
                + family
                + ")"
                + (blockModel == null ? "" : ", block cache: " + blockModel))
        .row("threads", Integer.toString(threads))
        .row("machine", conditions.machine())
        .row("program", conditions.program());
    return table + "\n" + facts;
  }

  /** A drawing of the table. */
  String svg() {
    LineChart chart =
        new LineChart(
            "Decoding "
                + newTokens
                + " tokens after "
                + promptLength
                + " in blocks of "
                + blockLength
                + ", "
                + conditions.cpu()
                + ", "
                + threads
                + " threads",
            "tokens per step",
            "tokens per second");
    for (Row row : cells.stream().map(Cell::row).distinct().toList()) {
      List<Cell> line = cells.stream().filter(cell -> cell.row.equals(row)).toList();
      chart.line(
          row.name(),
          line.stream().map(Cell::tokensPerStep).toList(),
          line.stream().map(Cell::tokensPerSecond).toList());
    }
    for (Autoregressive.Report decode : autoregressive) {
      String file = decode.model().substring(decode.model().lastIndexOf('/') + 1);
      chart.level("AR " + file, decode.tokensPerSecond());
    }
    return chart.svg();
  }

  private static String format(String pattern, Object... values) {
    return String.format(Locale.ROOT, pattern, values);
  }
}
