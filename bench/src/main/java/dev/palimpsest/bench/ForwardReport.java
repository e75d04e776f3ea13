/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import java.util.List;
import java.util.Locale;

/**
 * The time of a forward and what it was measured with.
 *
 * @param medianMs median wall time of one forward, milliseconds; of a hybrid latent model, of one
 *     call of the denoiser
 * @param bestMs shortest
 * @param tokensPerSecond tokens of all sequences over the median
 * @param calls of a model of several parts, the time of each; else empty
 * @param model as it was named on the command line
 * @param family of the checkpoint
 * @param parameters weights of the model, a tied head counted once
 * @param length tokens of each sequence
 * @param sequences in the forward
 * @param logits positions of each sequence whose logits were computed: {@code all} (and stored),
 *     {@code none}, or how many
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
    @JsonInclude(JsonInclude.Include.NON_EMPTY) List<CallTimes> calls,
    String model,
    String family,
    long parameters,
    int length,
    int sequences,
    String logits,
    String dtype,
    int threads,
    String device,
    int warmup,
    int repeat,
    @JsonUnwrapped Conditions conditions) {

  /**
   * A report.
   *
   * @param calls what was timed, the one that counts first
   */
  static ForwardReport of(
      ModelOptions options,
      RunOptions runs,
      int sequences,
      LoadedModel model,
      List<CallTimes> calls) {
    CallTimes first = calls.getFirst();
    return new ForwardReport(
        first.medianMs(),
        first.bestMs(),
        first.tokensPerSecond(),
        calls.size() == 1 ? List.of() : calls,
        options.model().toString(),
        model.family(),
        model.parameters(),
        runs.length(),
        sequences,
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
    TextTable table =
        new TextTable(
                calls.isEmpty() ? "forward" : calls.getFirst().call(),
                (sequences == 1 ? "" : sequences + " sequences of ")
                    + length
                    + " tokens, logits: "
                    + logits)
            .leftColumns(2)
            .row("tokens/s", String.format(Locale.ROOT, "%.1f", tokensPerSecond))
            .row("median", String.format(Locale.ROOT, "%.2f ms", medianMs))
            .row("best", String.format(Locale.ROOT, "%.2f ms", bestMs));
    for (CallTimes other : calls.stream().skip(1).toList()) {
      table.row(
          other.call(),
          String.format(
              Locale.ROOT,
              "%d tokens: median %.2f ms, best %.2f ms, %.1f tokens/s",
              other.tokens(),
              other.medianMs(),
              other.bestMs(),
              other.tokensPerSecond()));
    }
    return table
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
