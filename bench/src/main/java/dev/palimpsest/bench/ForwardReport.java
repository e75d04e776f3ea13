/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import java.util.Locale;

/**
 * The time of a forward and what it was measured with.
 *
 * @param medianMs median wall time of one forward, milliseconds
 * @param bestMs shortest
 * @param tokensPerSecond {@code length} over the median
 * @param model as it was named on the command line
 * @param family of the checkpoint
 * @param parameters weights of the model, a tied head counted once
 * @param length tokens in the forward
 * @param logits positions whose logits were computed: {@code all} (and stored), {@code none}, or
 *     how many
 * @param dtype of the matrix products
 * @param threads worker threads
 * @param device in its own words
 * @param warmup untimed forwards before the timed ones
 * @param repeat timed forwards
 * @param conditions machine and program
 */
record ForwardReport(
    double medianMs,
    double bestMs,
    double tokensPerSecond,
    String model,
    String family,
    long parameters,
    int length,
    String logits,
    String dtype,
    int threads,
    String device,
    int warmup,
    int repeat,
    @JsonUnwrapped Conditions conditions) {

  static ForwardReport of(
      ModelOptions options, RunOptions runs, LoadedModel model, Timings timings) {
    return new ForwardReport(
        timings.medianMs(),
        timings.bestMs(),
        runs.length() / timings.medianMs() * 1e3,
        options.model().toString(),
        model.config().family(),
        model.parameters(),
        runs.length(),
        runs.logits().toString(),
        model.dtype(),
        options.threads(),
        model.device().describe(),
        runs.warmup(),
        runs.repeat(),
        Conditions.here());
  }

  /** For people. */
  String table() {
    return new TextTable("forward", length + " tokens, logits: " + logits)
        .leftColumns(2)
        .row("tokens/s", String.format(Locale.ROOT, "%.1f", tokensPerSecond))
        .row("median", String.format(Locale.ROOT, "%.2f ms", medianMs))
        .row("best", String.format(Locale.ROOT, "%.2f ms", bestMs))
        .row("runs", repeat + " after " + warmup + " untimed")
        .row(
            "model",
            String.format(
                Locale.ROOT, "%s (%s, %.1fM parameters)", model, family, parameters / 1e6))
        .row("device", device)
        .row("machine", conditions.machine())
        .row("program", conditions.program())
        .toString();
  }
}
