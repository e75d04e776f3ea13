/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.palimpsest.bench.llamacpp.Backends;
import java.util.List;
import java.util.Locale;

/**
 * The same generation by us and by llama.cpp, which has no cache for diffusion models, beside its
 * autoregressive decode of a model of the same size; turn by turn in one run.
 *
 * @param ratio our tokens per second over the peer's
 * @param autoregressiveRatio ours over those of its autoregressive decode, whose prompt does not
 *     count while ours does
 * @param tokensPerSecond ours: new tokens over the wall time of a generation, median
 * @param medianMs our median generation
 * @param steps of the generation
 * @param peer name
 * @param peerModel checkpoint it read
 * @param peerBackend its CPU backend
 * @param peerBackends those that were tried or passed over, and why
 * @param peerThreads it computed with
 * @param peerTokensPerSecond new tokens over the time of all steps, median; the search for the
 *     largest logits is not counted
 * @param peerStepMs median of a step's forward
 * @param peerSteps of {@code steps} that it took each time, evenly spread; the time of all is
 *     reckoned from their mean
 * @param agreement of what both write
 * @param autoregressive llama.cpp's decode of a causal model
 * @param disturbance what each took of the processor in the other's turns
 * @param model ours, as it was named on the command line
 * @param family of the checkpoint
 * @param promptLength tokens of the prompt
 * @param newTokens tokens written
 * @param blockLength tokens written together; 0 is all
 * @param tokensPerStep tokens a step commits; null for an algorithm that does not count them
 * @param threshold from which tokens are committed; null without
 * @param cache keys and values we keep
 * @param cacheRefresh steps between refreshes within a block; 0 is none
 * @param dtype of our matrix products, as asked for
 * @param threads of ours
 * @param device in its own words
 * @param warmup untimed rounds before the timed ones
 * @param repeat timed rounds
 * @param conditions machine and program
 */
record PeerDecodeReport(
    double ratio,
    double autoregressiveRatio,
    double tokensPerSecond,
    double medianMs,
    int steps,
    String peer,
    String peerModel,
    String peerBackend,
    List<Backends.Trial> peerBackends,
    int peerThreads,
    double peerTokensPerSecond,
    double peerStepMs,
    int peerSteps,
    Agreement agreement,
    Autoregressive.Report autoregressive,
    Turns.Disturbance disturbance,
    String model,
    String family,
    int promptLength,
    int newTokens,
    int blockLength,
    Integer tokensPerStep,
    Double threshold,
    String cache,
    int cacheRefresh,
    String dtype,
    int threads,
    String device,
    int warmup,
    int repeat,
    @JsonUnwrapped Conditions conditions) {

  /** For people. */
  String table(DecodeShape shape, Backends.Choice backend, Backends.Choice causalBackend) {
    TextTable speeds =
        new TextTable("engine", "tokens/s", "we are faster by")
            .row("palimpsest", format("%.2f", tokensPerSecond), "")
            .row(peer + ", diffusion", format("%.2f", peerTokensPerSecond), format("%.2f x", ratio))
            .row(
                peer + ", autoregressive",
                format("%.2f", autoregressive.tokensPerSecond()),
                format("%.2f x", autoregressiveRatio));
    TextTable facts =
        new TextTable("decode", shape.description())
            .leftColumns(2)
            .row("our time", format("%.1f ms for %d steps", medianMs, steps))
            .row(
                "its time",
                format("%.1f ms a step, ", peerStepMs)
                    + (peerSteps == steps
                        ? "all of them taken"
                        : "the whole reckoned from " + peerSteps + " of them, evenly spread"))
            .row("agreement", agreement.description())
            .row("backend", backend.description())
            .row("causal backend", causalBackend.description())
            .row("waiting", disturbance.description())
            .row("its models", peerModel + ", causal: " + autoregressive.model())
            .row("runs", repeat + " after " + warmup + " untimed")
            .row("model", model + " (" + family + ")")
            .row("device", device)
            .row("machine", conditions.machine())
            .row("program", conditions.program());
    return speeds + "\n" + facts;
  }

  private static String format(String pattern, Object... values) {
    return String.format(Locale.ROOT, pattern, values);
  }
}
