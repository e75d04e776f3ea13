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
 * @param networkCalls calls of one round, in each of which many requests may take part
 * @param wallMs median wall time of a round
 * @param ttfbMs median time from a request's arrival to its first committed token
 * @param p50Ms median time from a request's arrival to its result
 * @param p95Ms 95th percentile of it
 * @param p99Ms 99th percentile of it
 * @param blockStep network calls that refreshed no cache; null if there were none
 * @param refresh network calls that refreshed some request's cache; null if there were none
 * @param betweenStepsMs median time from the end of a network call to the start of the next: what
 *     the scheduler and the commit rules take; null with a single call
 * @param rejected requests of all rounds that the queue refused
 * @param costPerMillionTokens of new tokens, in the currency of {@code pricePerHour}; null without
 *     one
 * @param model as it was named on the command line
 * @param family of the checkpoint
 * @param promptLength tokens of each prompt
 * @param newTokens tokens written for each request
 * @param blockLength tokens written together; 0 is all
 * @param tokensPerStep tokens a step commits; null for an algorithm that does not count them
 * @param threshold from which tokens are committed; null without
 * @param algorithm commit rule; null for a model that is not masked
 * @param cache keys and values that are kept
 * @param cacheRefresh steps between refreshes within a block; 0 is none
 * @param steps denoiser calls of a latent model; null for its own, and for other models
 * @param requests of a round
 * @param concurrency most of them at a time; null when they arrive at a rate
 * @param rate of Poisson arrivals, requests per second; null when they come as others end
 * @param seed of the arrivals; null without a rate
 * @param pricePerHour of the machine; null if none was given
 * @param dtype of the matrix products, as asked for
 * @param threads worker threads
 * @param device in its own words
 * @param warmup untimed rounds before the timed ones
 * @param repeat timed rounds
 * @param conditions machine and program
 */
record DecodeReport(
    double tokensPerSecond,
    long forwards,
    double tokensPerForward,
    int networkCalls,
    double wallMs,
    double ttfbMs,
    double p50Ms,
    double p95Ms,
    double p99Ms,
    Percentiles blockStep,
    Percentiles refresh,
    Double betweenStepsMs,
    int rejected,
    Double costPerMillionTokens,
    String model,
    String family,
    int promptLength,
    int newTokens,
    int blockLength,
    Integer tokensPerStep,
    Double threshold,
    String algorithm,
    String cache,
    int cacheRefresh,
    Integer steps,
    int requests,
    Integer concurrency,
    Double rate,
    Long seed,
    Double pricePerHour,
    String dtype,
    int threads,
    String device,
    int warmup,
    int repeat,
    @JsonUnwrapped Conditions conditions) {

  /** For people; {@code shape} in words. */
  String table(DecodeShape shape) {
    TextTable table =
        new TextTable("decode", shape.description())
            .leftColumns(2)
            .row("tokens/s", format("%.1f", tokensPerSecond))
            .row(
                "forwards",
                forwards
                    + format(
                        ", %.2f tokens each, in %d network calls", tokensPerForward, networkCalls))
            .row("first token", format("%.1f ms", ttfbMs))
            .row("latency", format("p50 %.1f, p95 %.1f, p99 %.1f ms", p50Ms, p95Ms, p99Ms));
    if (blockStep != null) {
      table.row("block step", blockStep.toString());
    }
    if (refresh != null) {
      table.row("refresh", refresh.toString());
    }
    if (betweenStepsMs != null) {
      table.row("between steps", format("%.3f ms", betweenStepsMs));
    }
    if (costPerMillionTokens != null) {
      table.row(
          "cost",
          format("%.3f per million tokens at %.3f per hour", costPerMillionTokens, pricePerHour));
    }
    return table
        .row(
            "requests",
            requests
                + (rate == null
                    ? ", " + concurrency + " at a time"
                    : format(" arriving at %s a second, %d rejected", rate, rejected)))
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
