/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.EngineOptions;
import dev.palimpsest.EngineOptions.ComputeType;
import dev.palimpsest.GenerationRequest;
import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.process.Correction;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * One way to decode, spelled as {@code key=value} pairs with commas between them, e.g. {@code
 * rule=low-confidence,tokens-per-step=4,block=16,cache=dual}.
 */
final class QualityConfig {
  /** What may be set, with what it means. */
  static final List<String> KEYS =
      List.of(
          "dtype",
          "weights",
          "rule",
          "steps",
          "tokens-per-step",
          "max-steps-per-block",
          "block",
          "threshold",
          "low-threshold",
          "factor",
          "entropy-bound",
          "edit",
          "cache",
          "refresh");

  private final String spelling;
  private final Map<String, String> settings;

  private QualityConfig(String spelling, Map<String, String> settings) {
    this.spelling = spelling;
    this.settings = settings;
  }

  /**
   * Reads the pairs.
   *
   * @throws IllegalArgumentException naming the key or value that is not known
   */
  static QualityConfig parse(String spelling) {
    Map<String, String> settings = new LinkedHashMap<>();
    for (String pair : spelling.split(",")) {
      int at = pair.indexOf('=');
      String key = at < 0 ? pair : pair.substring(0, at);
      if (at < 0 || !KEYS.contains(key)) {
        throw new IllegalArgumentException(
            "a configuration is made of key=value pairs, with keys "
                + String.join(", ", KEYS)
                + "; found '"
                + pair
                + "' in '"
                + spelling
                + "'");
      }
      settings.put(key, pair.substring(at + 1));
    }
    QualityConfig config = new QualityConfig(spelling, settings);
    config.options(EngineOptions.DEFAULT);
    config.quantized();
    config.apply(GenerationRequest.builder().hole(1), 1).build();
    return config;
  }

  @Override
  public String toString() {
    return spelling;
  }

  /** The engine to run it on. */
  EngineOptions options(EngineOptions base) {
    return named("dtype", ComputeType.values()).map(base::withDtype).orElse(base);
  }

  /** Whether the weights go through {@code weights quantize} first. */
  boolean quantized() {
    String value = settings.getOrDefault("weights", "as-they-are");
    if (!value.equals("as-they-are") && !value.equals("int8")) {
      throw new IllegalArgumentException(
          "weights: expected as-they-are or int8; found '" + value + "'");
    }
    return value.equals("int8");
  }

  /** Asks for this way to write {@code tokens} tokens. */
  GenerationRequest.Builder apply(GenerationRequest.Builder request, int tokens) {
    rule().ifPresent(request::algorithm);
    int block = number("block", 0).orElse(0);
    number("block", 0).ifPresent(request::blockLength);
    int blocks = block == 0 ? 1 : (tokens + block - 1) / block;
    number("steps", 1).ifPresent(steps -> request.steps(Math.clamp(steps, blocks, tokens)));
    number("tokens-per-step", 1).ifPresent(request::tokensPerStep);
    number("max-steps-per-block", 1).ifPresent(request::maxStepsPerBlock);
    decimal("threshold").ifPresent(request::threshold);
    decimal("low-threshold").ifPresent(request::lowThreshold);
    decimal("factor").ifPresent(request::factor);
    decimal("entropy-bound").ifPresent(request::entropyBound);
    decimal("edit").map(Correction.Edit::new).ifPresent(request::correction);
    named("cache", CacheMode.values()).ifPresent(request::cache);
    number("refresh", 0).ifPresent(request::cacheRefresh);
    return request;
  }

  private Optional<Algorithm> rule() {
    return value("rule").map(Algorithm::parse);
  }

  private Optional<String> value(String key) {
    return Optional.ofNullable(settings.get(key));
  }

  private Optional<Integer> number(String key, int least) {
    return value(key)
        .map(
            text -> {
              try {
                int number = Integer.parseInt(text);
                if (number >= least) {
                  return number;
                }
              } catch (NumberFormatException e) {
                // Told below.
              }
              throw new IllegalArgumentException(
                  key + ": expected a whole number from " + least + "; found '" + text + "'");
            });
  }

  private Optional<Double> decimal(String key) {
    return value(key)
        .map(
            text -> {
              try {
                return Double.valueOf(text);
              } catch (NumberFormatException e) {
                throw new IllegalArgumentException(
                    key + ": expected a number; found '" + text + "'", e);
              }
            });
  }

  private <T extends Enum<T>> Optional<T> named(String key, T[] values) {
    return value(key)
        .map(
            text ->
                Arrays.stream(values)
                    .filter(v -> spell(v).equals(text))
                    .findFirst()
                    .orElseThrow(
                        () ->
                            new IllegalArgumentException(
                                key
                                    + ": expected one of "
                                    + Arrays.stream(values)
                                        .map(QualityConfig::spell)
                                        .collect(Collectors.joining(", "))
                                    + "; found '"
                                    + text
                                    + "'")));
  }

  private static String spell(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
