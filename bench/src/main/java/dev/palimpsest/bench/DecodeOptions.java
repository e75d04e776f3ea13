/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import java.util.Arrays;
import java.util.stream.Collectors;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** What a measured request asks for: options the decode commands share. */
final class DecodeOptions {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--prompt-length",
      defaultValue = "128",
      paramLabel = "P",
      description = "Tokens of each prompt (default: ${DEFAULT-VALUE}).")
  private int promptLength;

  @Option(
      names = "--new-tokens",
      defaultValue = "256",
      paramLabel = "N",
      description = "Tokens written for each request (default: ${DEFAULT-VALUE}).")
  private int newTokens;

  @Option(
      names = "--block-length",
      defaultValue = "32",
      paramLabel = "B",
      description = "Tokens written together; 0 is all (default: ${DEFAULT-VALUE}).")
  private int blockLength;

  @ArgGroup private Pace pace = new Pace();

  /** How fast a request writes. */
  private static final class Pace {
    @Option(
        names = "--tokens-per-step",
        defaultValue = "4",
        paramLabel = "K",
        description =
            "Tokens a step commits, fewer at the end of a block (default: ${DEFAULT-VALUE}).")
    private int tokensPerStep = 4;

    @Option(
        names = "--threshold",
        paramLabel = "T",
        description =
            "Commit every token at least this sure instead, 0 to 1, and always the surest; chooses"
                + " --algorithm threshold unless another is named (default: --tokens-per-step).")
    private Double threshold;

    @Option(
        names = "--steps",
        paramLabel = "N",
        description = "Denoiser calls of a hybrid latent model instead (default: the model's own).")
    private Integer steps;
  }

  @Option(
      names = "--algorithm",
      converter = Rule.class,
      paramLabel = "RULE",
      description =
          "Commit rule. At --tokens-per-step low-confidence or random, with --block-length 0 also"
              + " origin, maskgit-plus, margin or entropy; as many steps as they need take threshold,"
              + " factor, entropy-bounded, margin-threshold and hierarchical (default:"
              + " low-confidence).")
  private Algorithm algorithm;

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

  /** Reads a cache mode. */
  static final class Cache implements ITypeConverter<CacheMode> {
    @Override
    public CacheMode convert(String value) {
      return Arrays.stream(CacheMode.values())
          .filter(mode -> DecodeShape.spell(mode).equals(value))
          .findFirst()
          .orElseThrow(
              () ->
                  new TypeConversionException(
                      "expected one of "
                          + Arrays.stream(CacheMode.values())
                              .map(DecodeShape::spell)
                              .collect(Collectors.joining(", "))
                          + "; found '"
                          + value
                          + "'"));
    }
  }

  private static final class Rule implements ITypeConverter<Algorithm> {
    @Override
    public Algorithm convert(String value) {
      try {
        return Algorithm.parse(value);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }

  /**
   * The shape that was asked for.
   *
   * @throws ParameterException naming the option that is out of range
   */
  DecodeShape shape() {
    atLeast("--prompt-length", promptLength, 0);
    atLeast("--new-tokens", newTokens, 1);
    atLeast("--block-length", blockLength, 0);
    atLeast("--tokens-per-step", pace.tokensPerStep, 1);
    atLeast("--cache-refresh", cacheRefresh, 0);
    atLeast("--steps", pace.steps == null ? 1 : pace.steps, 1);
    return new DecodeShape(
        promptLength,
        newTokens,
        blockLength,
        pace.tokensPerStep,
        pace.threshold,
        algorithm != null
            ? algorithm
            : pace.threshold == null ? Algorithm.LOW_CONFIDENCE : Algorithm.THRESHOLD,
        cache,
        cacheRefresh);
  }

  /**
   * The shape for a model of any kind: what its kind has no use for is left out.
   *
   * @param latent whether it is a hybrid latent model
   * @throws ParameterException naming an option that was given and that it has no use for
   */
  DecodeShape shape(ModelConfig config, boolean latent) {
    if (latent) {
      refuse(
          "a hybrid latent model takes --steps and --block-length",
          "--tokens-per-step",
          "--threshold",
          "--algorithm",
          "--cache",
          "--cache-refresh");
      return plain(given("--block-length") ? blockLength : 0, CacheMode.NONE);
    }
    if (config.causal()) {
      refuse(
          "a causal model writes one token a step and takes --cache none or block",
          "--tokens-per-step",
          "--threshold",
          "--steps",
          "--algorithm",
          "--block-length",
          "--cache-refresh");
      return plain(0, given("--cache") ? cache : CacheMode.BLOCK);
    }
    refuse("a masked model takes --tokens-per-step or --threshold", "--steps");
    return shape();
  }

  private DecodeShape plain(int blocks, CacheMode kept) {
    return new DecodeShape(promptLength, newTokens, blocks, 0, null, null, kept, 0, pace.steps);
  }

  private boolean given(String option) {
    return spec.commandLine().getParseResult().hasMatchedOption(option);
  }

  private void refuse(String instead, String... options) {
    for (String option : options) {
      if (given(option)) {
        throw new ParameterException(
            spec.commandLine(), option + " is not for this model: " + instead);
      }
    }
  }

  private void atLeast(String option, int value, int least) {
    if (value < least) {
      throw new ParameterException(
          spec.commandLine(), option + " must be at least " + least + "; found " + value);
    }
  }
}
