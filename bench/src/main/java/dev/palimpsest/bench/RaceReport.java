/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import java.util.List;
import java.util.Locale;

/**
 * Several models on the same requests, in turns.
 *
 * @param results of every model under every load
 * @param promptLength tokens of each prompt
 * @param newTokens tokens written for each request
 * @param dtype of the matrix products, as asked for
 * @param threads worker threads of each model, of which one works at a time
 * @param warmup untimed rounds before the timed ones
 * @param repeat timed rounds
 * @param conditions machine and program
 */
record RaceReport(
    List<Result> results,
    int promptLength,
    int newTokens,
    String dtype,
    int threads,
    int warmup,
    int repeat,
    @JsonUnwrapped Conditions conditions) {

  /**
   * How one model fared.
   *
   * @param entry as on the command line
   * @param family of the checkpoint
   * @param requests at once
   * @param tokensPerSecond new tokens over the wall time of a round, median round
   * @param ratio to the first entry under the same load: the median of the rounds' ratios
   * @param latencyMs median time of a request
   * @param networkCalls each request took part in, on average
   * @param device in its own words
   */
  record Result(
      String entry,
      String family,
      int requests,
      double tokensPerSecond,
      double ratio,
      double latencyMs,
      double networkCalls,
      String device) {}

  /** For people. */
  String table() {
    TextTable table =
        new TextTable("model", "family", "requests", "tokens/s", "ratio", "latency", "calls")
            .leftColumns(2);
    for (Result result : results) {
      table.row(
          result.entry,
          result.family,
          Integer.toString(result.requests),
          format("%.0f", result.tokensPerSecond),
          format("%.2f", result.ratio),
          format("%.1f ms", result.latencyMs),
          format("%.1f", result.networkCalls));
    }
    return table
        + format(
            "%d new tokens after %d, in turns, %d rounds after %d untimed; ratio: to the first model, same load%n",
            newTokens, promptLength, repeat, warmup)
        + "device: "
        + results.getFirst().device
        + "\nmachine: "
        + conditions.machine()
        + "\nprogram: "
        + conditions.program()
        + "\n";
  }

  private static String format(String pattern, Object... values) {
    return String.format(Locale.ROOT, pattern, values);
  }
}
