/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.Engine;
import dev.palimpsest.Generation;
import dev.palimpsest.GenerationRequest;
import dev.palimpsest.GenerationResult;
import dev.palimpsest.process.Change;

/**
 * How a request fared, as its client saw it.
 *
 * @param latencyNanos from its arrival to its result
 * @param firstTokenNanos from its arrival to its first committed token
 * @param newTokens written
 * @param networkCalls it took part in
 */
record Served(long latencyNanos, long firstTokenNanos, int newTokens, int networkCalls) {
  /**
   * Submits a request and waits for it.
   *
   * @param arrived when it came, {@link System#nanoTime}
   */
  static Served by(Engine engine, GenerationRequest request, long arrived) {
    Generation generation = engine.submit(request);
    generation.revisions().filter(r -> r.changes().stream().anyMatch(Served::commits)).findFirst();
    long first = System.nanoTime();
    GenerationResult result = generation.result().join();
    return new Served(
        System.nanoTime() - arrived, first - arrived, result.newTokens(), result.networkCalls());
  }

  private static boolean commits(Change change) {
    return change instanceof Change.Commit;
  }
}
