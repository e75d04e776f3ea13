/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import dev.palimpsest.Engine;
import dev.palimpsest.GenerationResult;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a run came to, for people and for programs.
 *
 * @param model where the model is
 * @param engine that ran it
 * @param result of the request
 * @param text the finished text
 * @param seed of the noise
 * @param loadNanos time it took to load the model
 */
record Report(
    Path model, Engine engine, GenerationResult result, String text, long seed, long loadNanos) {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  /** One line of JSON. */
  static String json(Object document) {
    return JSON.writeValueAsString(document);
  }

  String json() {
    Map<String, Object> document = new LinkedHashMap<>();
    document.put("text", text);
    document.put("holes", result.holes());
    document.put("tokens", result.tokens());
    document.put("new_tokens", result.newTokens());
    document.put("steps", result.networkCalls());
    document.put("ms", rounded(milliseconds()));
    document.put("tokens_per_second", rounded(tokensPerSecond()));
    document.put("model", model.toString());
    document.put("family", engine.config().family());
    document.put("device", engine.device());
    document.put("seed", seed);
    document.put("load_ms", rounded(loadNanos / 1e6));
    return json(document);
  }

  /** The one line that follows a text. */
  String summary() {
    return String.format(
        Locale.ROOT,
        "%s in %s, %,.0f ms, %,.0f tokens/s",
        count(result.newTokens(), "token"),
        count(result.networkCalls(), "step"),
        milliseconds(),
        tokensPerSecond());
  }

  private static String count(int n, String what) {
    return n + " " + what + (n == 1 ? "" : "s");
  }

  void printStats(PrintWriter err) {
    int steps = Math.max(1, result.networkCalls());
    err.printf(Locale.ROOT, "model            %s (%s)%n", model, engine.config().family());
    err.printf(Locale.ROOT, "device           %s%n", engine.device());
    err.printf(Locale.ROOT, "loaded in        %,.0f ms%n", loadNanos / 1e6);
    err.printf(Locale.ROOT, "canvas           %d tokens%n", result.tokens().size());
    err.printf(
        Locale.ROOT,
        "written          %s in %s, %.1f a step%n",
        count(result.newTokens(), "token"),
        count(result.networkCalls(), "step"),
        (double) result.newTokens() / steps);
    err.printf(
        Locale.ROOT,
        "time             %,.1f ms, %.1f ms a step%n",
        milliseconds(),
        milliseconds() / steps);
    err.printf(Locale.ROOT, "new tokens/s     %,.1f%n", tokensPerSecond());
    err.flush();
  }

  private double milliseconds() {
    return result.elapsed().toNanos() / 1e6;
  }

  private double tokensPerSecond() {
    double seconds = result.elapsed().toNanos() / 1e9;
    return seconds == 0 ? 0 : result.newTokens() / seconds;
  }

  private static double rounded(double value) {
    return Math.round(value * 100) / 100.0;
  }
}
