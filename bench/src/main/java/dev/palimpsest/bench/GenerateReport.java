/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import java.util.Locale;

/**
 * How fast whole generations are, many at once.
 *
 * @param tokensPerSecond new tokens of all requests over the wall time of a round, median round
 * @param forwards network calls each request took part in, summed over the requests of one round
 * @param tokensPerForward new tokens over {@code forwards}
 * @param msPerStep wall time of a round over the network calls of its longest request
 * @param wallMs median wall time of a round
 * @param p50Ms median time from submission to result
 * @param p95Ms 95th percentile of it
 * @param p99Ms 99th percentile of it
 * @param model as it was named on the command line
 * @param family of the checkpoint
 * @param promptLength tokens of each prompt
 * @param newTokens tokens written for each request
 * @param algorithm commit rule
 * @param steps denoising steps asked for
 * @param blockLength tokens written together; 0 is all
 * @param cache none, prefix, dual, delayed or block
 * @param cacheRefresh steps between refreshes within a block; 0 is none
 * @param requests at once
 * @param dtype asked for
 * @param threads worker threads
 * @param device in its own words
 * @param warmup untimed rounds before the timed ones
 * @param repeat timed rounds
 * @param conditions machine and program
 */
record GenerateReport(
    double tokensPerSecond,
    long forwards,
    double tokensPerForward,
    double msPerStep,
    double wallMs,
    double p50Ms,
    double p95Ms,
    double p99Ms,
    String model,
    String family,
    int promptLength,
    int newTokens,
    String algorithm,
    int steps,
    int blockLength,
    String cache,
    int cacheRefresh,
    int requests,
    String dtype,
    int threads,
    String device,
    int warmup,
    int repeat,
    @JsonUnwrapped Conditions conditions) {

  /** For people. */
  String table() {
    return new TextTable("generate", newTokens + " new tokens after " + promptLength)
        .leftColumns(2)
        .row("tokens/s", format("%.1f", tokensPerSecond))
        .row("forwards", forwards + format(", %.2f tokens each", tokensPerForward))
        .row("step", format("%.2f ms", msPerStep))
        .row("latency", format("p50 %.1f, p95 %.1f, p99 %.1f ms", p50Ms, p95Ms, p99Ms))
        .row(
            "requests",
            requests
                + " at once, "
                + algorithm
                + ", "
                + steps
                + " steps, blocks of "
                + (blockLength == 0 ? newTokens : blockLength)
                + ", cache "
                + cache
                + (cacheRefresh == 0 ? "" : " refreshed every " + cacheRefresh + " steps"))
        .row("runs", repeat + " after " + warmup + " untimed")
        .row("model", model + " (" + family + ")")
        .row("device", device)
        .row("machine", conditions.machine())
        .row("program", conditions.program())
        .toString();
  }

  private static String format(String pattern, Object... values) {
    return String.format(Locale.ROOT, pattern, values);
  }
}
