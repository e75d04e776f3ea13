/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.palimpsest.bench.llamacpp.Backends;
import java.util.List;
import java.util.Locale;

/**
 * The same forward by us and by a peer, turn by turn in one run.
 *
 * @param ratio peer's median time over ours: above 1 we are faster
 * @param relativeError L2 distance of both engines' logits over the length of the peer's: how much
 *     the same they computed; null when logits were not stored
 * @param peer name
 * @param peerModel checkpoint the peer read
 * @param peerBackend its CPU backend
 * @param peerBackends those that were tried or passed over, and why
 * @param peerThreads it computed with
 * @param peerMedianMs its median time
 * @param peerBestMs its shortest
 * @param peerTokensPerSecond from its median
 * @param disturbance what each took of the processor in the other's turns
 * @param ours and the conditions of both
 */
record PeerReport(
    double ratio,
    Double relativeError,
    String peer,
    String peerModel,
    String peerBackend,
    List<Backends.Trial> peerBackends,
    int peerThreads,
    double peerMedianMs,
    double peerBestMs,
    double peerTokensPerSecond,
    Turns.Disturbance disturbance,
    @JsonUnwrapped ForwardReport ours) {

  /** For people; with the backend's choice in words. */
  String table(Backends.Choice backend) {
    TextTable table =
        new TextTable("engine", "tokens/s", "median ms", "best ms", "ratio")
            .row(
                "palimpsest",
                format("%.1f", ours.tokensPerSecond()),
                format("%.2f", ours.medianMs()),
                format("%.2f", ours.bestMs()),
                format("%.2f", ratio))
            .row(
                peer,
                format("%.1f", peerTokensPerSecond),
                format("%.2f", peerMedianMs),
                format("%.2f", peerBestMs),
                "1.00");
    String agreement =
        relativeError == null ? "" : format("logits differ by %.1e (relative L2)\n", relativeError);
    return table
        + agreement
        + peer
        + "'s backend: "
        + backend.description()
        + "\n"
        + disturbance.description()
        + "\n\n"
        + ours.table();
  }

  private static String format(String pattern, Object... values) {
    return String.format(Locale.ROOT, pattern, values);
  }
}
