/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import java.util.List;
import java.util.Locale;

/**
 * What became of a soak's requests, and what was left afterwards.
 *
 * @param wrong what should not have been, at most twenty of it; empty for a soak that went well
 * @param minutes of load
 * @param submitted requests that were submitted
 * @param answered requests that ended in one way or another
 * @param finished requests that ended with their tokens
 * @param cancelled requests that ended as cancelled
 * @param late requests that ended because their deadline passed
 * @param refused wrong requests that were refused
 * @param turnedAway requests that the full queue refused
 * @param newTokens tokens written by those that finished
 * @param compared finished requests that were run again alone, for the same tokens
 * @param cachePages pages that the memory for K/V caches has room for
 * @param freePages of them, those free when all was over
 * @param mostWaiting requests seen waiting at a time
 * @param threads platform threads after the first third
 * @param threadsAfter those at the end of the load
 * @param rssMib resident memory over time, at even distances
 * @param rssGrowthMib what a line through its last two thirds gains
 * @param model as it was named on the command line
 * @param budgetMib memory for K/V caches
 * @param clients that submit one request after the other
 * @param seed of the requests
 * @param device in its own words
 * @param conditions machine and program
 */
record SoakReport(
    List<String> wrong,
    double minutes,
    long submitted,
    long answered,
    long finished,
    long cancelled,
    long late,
    long refused,
    long turnedAway,
    long newTokens,
    int compared,
    int cachePages,
    int freePages,
    int mostWaiting,
    int threads,
    int threadsAfter,
    List<Long> rssMib,
    double rssGrowthMib,
    String model,
    double budgetMib,
    int clients,
    long seed,
    String device,
    @JsonUnwrapped Conditions conditions) {

  /** For people. */
  String table() {
    TextTable table =
        new TextTable("soak", format("%.2f minutes, %d clients", minutes, clients))
            .leftColumns(2)
            .row("requests", submitted + " submitted, " + answered + " answered")
            .row(
                "of them",
                format(
                    "%d finished, %d cancelled, %d late, %d refused, %d turned away",
                    finished, cancelled, late, refused, turnedAway))
            .row("tokens", newTokens + " written")
            .row("again alone", compared + " compared")
            .row(
                "K/V pages",
                format(
                    "%d of %d free at the end, %.1f MiB; up to %d requests waited",
                    freePages, cachePages, budgetMib, mostWaiting))
            .row("threads", threads + ", at the end " + threadsAfter)
            .row("RSS, MiB", rssMib.toString())
            .row("growth", format("%.1f MiB in the last two thirds", rssGrowthMib))
            .row("model", model)
            .row("device", device)
            .row("machine", conditions.machine())
            .row("program", conditions.program())
            .row("seed", Long.toString(seed));
    wrong.forEach(what -> table.row("WRONG", what));
    return table.row("verdict", wrong.isEmpty() ? "well" : "not well").toString();
  }

  private static String format(String pattern, Object... values) {
    return String.format(Locale.ROOT, pattern, values);
  }
}
