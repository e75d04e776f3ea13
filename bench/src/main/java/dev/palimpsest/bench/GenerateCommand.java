/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.Engine;
import dev.palimpsest.Generation;
import dev.palimpsest.GenerationRequest;
import dev.palimpsest.GenerationResult;
import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** {@code bench generate}: tokens per second and latencies of whole generations. */
@Command(
    name = "generate",
    description = "Time whole generations, several requests at once, over a fixed prompt.")
final class GenerateCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private ModelOptions options;

  @Option(
      names = "--prompt-length",
      defaultValue = "32",
      paramLabel = "P",
      description = "Tokens of each prompt (default: ${DEFAULT-VALUE}).")
  private int promptLength;

  @Option(
      names = "--new-tokens",
      defaultValue = "32",
      paramLabel = "N",
      description = "Tokens written for each request (default: ${DEFAULT-VALUE}).")
  private int newTokens;

  @Option(
      names = "--steps",
      defaultValue = "8",
      paramLabel = "S",
      description = "Denoising steps of each request (default: ${DEFAULT-VALUE}).")
  private int steps;

  @Option(
      names = "--block-length",
      defaultValue = "0",
      paramLabel = "B",
      description = "Tokens written together; 0 is all (default: ${DEFAULT-VALUE}).")
  private int blockLength;

  @Option(
      names = "--cache",
      defaultValue = "none",
      converter = Cache.class,
      paramLabel = "MODE",
      description =
          "Keys and values a step takes from earlier ones: none, prefix, dual, delayed, or block for"
              + " models that attend in blocks (default: ${DEFAULT-VALUE}).")
  private CacheMode cache;

  @Option(
      names = "--cache-refresh",
      defaultValue = "0",
      paramLabel = "N",
      description =
          "Compute them all anew every N steps of a block; 0 only when a block begins (default:"
              + " ${DEFAULT-VALUE}).")
  private int cacheRefresh;

  @Option(
      names = "--algorithm",
      defaultValue = "low-confidence",
      converter = Rule.class,
      paramLabel = "RULE",
      description =
          "Commit rule: low-confidence, random, origin, maskgit-plus, margin, entropy or threshold"
              + " (default: ${DEFAULT-VALUE}).")
  private Algorithm algorithm;

  @Option(
      names = "--requests",
      defaultValue = "1",
      paramLabel = "R",
      description = "Requests submitted together (default: ${DEFAULT-VALUE}).")
  private int requests;

  @Option(
      names = "--repeat",
      defaultValue = "3",
      paramLabel = "R",
      description = "Timed rounds (default: ${DEFAULT-VALUE}).")
  private int repeat;

  @Option(
      names = "--warmup",
      defaultValue = "1",
      paramLabel = "W",
      description = "Untimed rounds before them (default: ${DEFAULT-VALUE}).")
  private int warmup;

  @Option(names = "--json", description = "Print one JSON document instead of a table.")
  private boolean json;

  private static final class Cache implements ITypeConverter<CacheMode> {
    @Override
    public CacheMode convert(String value) {
      return Arrays.stream(CacheMode.values())
          .filter(mode -> mode.name().toLowerCase(Locale.ROOT).equals(value))
          .findFirst()
          .orElseThrow(
              () ->
                  new TypeConversionException(
                      "expected one of none, prefix, dual, delayed, block; found '" + value + "'"));
    }
  }

  private static final class Rule implements ITypeConverter<Algorithm> {
    @Override
    public Algorithm convert(String value) {
      return Arrays.stream(Algorithm.values())
          .filter(rule -> spell(rule).equals(value))
          .findFirst()
          .orElseThrow(
              () ->
                  new TypeConversionException(
                      "expected one of "
                          + Arrays.stream(Algorithm.values())
                              .map(GenerateCommand::spell)
                              .collect(Collectors.joining(", "))
                          + "; found '"
                          + value
                          + "'"));
    }
  }

  private static String spell(Algorithm algorithm) {
    return algorithm.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  @Override
  public Integer call() {
    options.atLeast("--prompt-length", promptLength, 0);
    options.atLeast("--new-tokens", newTokens, 1);
    options.atLeast("--steps", steps, 1);
    options.atLeast("--block-length", blockLength, 0);
    options.atLeast("--cache-refresh", cacheRefresh, 0);
    options.atLeast("--requests", requests, 1);
    options.atLeast("--repeat", repeat, 1);
    options.atLeast("--warmup", warmup, 0);
    PrintWriter out = spec.commandLine().getOut();
    Progress progress = new Progress(spec.commandLine().getErr());
    try (Engine engine =
        Engine.open(
            options.model(),
            options.engineOptions(),
            (done, total) -> progress.show("packing layer", done, total))) {
      List<GenerationResult> results = new ArrayList<>();
      Timings rounds =
          Timings.measure(
              warmup,
              repeat,
              () -> results.addAll(round(engine)),
              done -> progress.show("round", done, warmup + repeat));
      progress.done();
      List<GenerationResult> timed =
          results.subList(warmup * requests, (warmup + repeat) * requests);
      GenerateReport report = report(engine, rounds, timed);
      out.print(json ? Json.write(report) + "\n" : report.table());
      out.flush();
    }
    return 0;
  }

  private List<GenerationResult> round(Engine engine) {
    List<Generation> running = new ArrayList<>();
    for (int i = 0; i < requests; i++) {
      running.add(engine.submit(request(engine.config(), i)));
    }
    return running.stream().map(generation -> generation.result().join()).toList();
  }

  private GenerationRequest request(ModelConfig config, int index) {
    GenerationRequest.Builder builder = GenerationRequest.builder();
    if (promptLength > 0) {
      int[] prompt = new int[promptLength];
      for (int i = 0; i < promptLength; i++) {
        int token = ForwardWork.token(index * promptLength + i, config.vocabulary());
        prompt[i] = token == config.maskToken() ? (token + 1) % config.vocabulary() : token;
      }
      builder.tokens(prompt);
    }
    return builder
        .hole(newTokens)
        .algorithm(algorithm)
        .steps(steps)
        .blockLength(blockLength)
        .cache(cache)
        .cacheRefresh(cacheRefresh)
        .seed(index)
        .build();
  }

  private GenerateReport report(Engine engine, Timings rounds, List<GenerationResult> timed) {
    long written = timed.stream().mapToLong(GenerationResult::newTokens).sum() / repeat;
    long calls = timed.stream().mapToLong(GenerationResult::networkCalls).sum() / repeat;
    int longest = timed.stream().mapToInt(GenerationResult::networkCalls).max().orElseThrow();
    Timings latencies =
        new Timings(timed.stream().mapToLong(result -> result.elapsed().toNanos()).toArray());
    return new GenerateReport(
        written / rounds.medianMs() * 1e3,
        calls,
        (double) written / calls,
        rounds.medianMs() / longest,
        rounds.medianMs(),
        latencies.medianMs(),
        latencies.quantileMs(0.95),
        latencies.quantileMs(0.99),
        options.model().toString(),
        engine.config().family(),
        promptLength,
        newTokens,
        spell(algorithm),
        steps,
        blockLength,
        cache.name().toLowerCase(Locale.ROOT),
        cacheRefresh,
        requests,
        options.dtype().name().toLowerCase(Locale.ROOT),
        options.threads(),
        engine.device(),
        warmup,
        repeat,
        Conditions.here());
  }
}
