/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import dev.palimpsest.GenerationRequest;
import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import dev.palimpsest.process.MaskedOptions.Remask;
import java.util.EnumSet;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.IntUnaryOperator;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Options that say how masked positions become text. */
final class DecodingChoice {
  private static final Set<CacheMode> REFRESHED =
      EnumSet.of(CacheMode.PREFIX, CacheMode.DUAL, CacheMode.DELAYED);

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  private final IntUnaryOperator usualSteps;

  /** Ten steps, whatever there is to write. */
  DecodingChoice() {
    this(tokens -> 10);
  }

  /**
   * @param usualSteps steps for a number of tokens, when the user does not say
   */
  DecodingChoice(IntUnaryOperator usualSteps) {
    this.usualSteps = usualSteps;
  }

  @Option(
      names = {"-s", "--steps"},
      paramLabel = "N",
      description =
          "Denoising steps, each one run of the network (default: 10, or half of the tokens in a"
              + " chat; never more than there are tokens to write; --algorithm threshold takes as many"
              + " as it needs).")
  private Integer steps;

  @Option(
      names = {"-a", "--algorithm"},
      paramLabel = "RULE",
      description =
          "Which masked positions a step commits: ${COMPLETION-CANDIDATES} (default: entropy for Dream,"
              + " threshold for SDAR, low-confidence for the others, threshold when --threshold is"
              + " given).",
      completionCandidates = Spelled.Algorithms.class,
      converter = Spelled.AlgorithmConverter.class)
  private Algorithm algorithm;

  @Option(
      names = "--block-length",
      paramLabel = "N",
      description =
          "Write blocks of N tokens from left to right, the steps shared among them; 0 writes"
              + " everything at once (default: 0; a model that attends in blocks, such as SDAR,"
              + " writes in those).")
  private Integer blockLength;

  @Option(
      names = "--threshold",
      paramLabel = "P",
      description =
          "Commit everything at least this sure, 0 to 1 (default: unset; 0.9 for --algorithm"
              + " threshold).")
  private Double threshold;

  @Option(
      names = {"-t", "--temperature"},
      paramLabel = "T",
      defaultValue = "0",
      description =
          "Sampling temperature; 0 takes the likeliest token (default: ${DEFAULT-VALUE}).")
  private float temperature;

  @Option(
      names = "--top-k",
      paramLabel = "K",
      defaultValue = "0",
      description = "Sample from the K likeliest tokens; 0 from all (default: ${DEFAULT-VALUE}).")
  private int topK;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      defaultValue = "1",
      description =
          "Sample from the fewest tokens whose probabilities reach P (default: ${DEFAULT-VALUE}).")
  private float topP;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description =
          "Seed of all noise: the same seed gives the same text (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--guidance",
      paramLabel = "S",
      defaultValue = "0",
      description =
          "Classifier-free guidance scale, at twice the work; 0 for none (default:"
              + " ${DEFAULT-VALUE}).")
  private float guidance;

  @Option(
      names = "--alg-temp",
      paramLabel = "T",
      defaultValue = "0",
      description =
          "Draw the positions to commit from softmax(confidence / T); 0 takes the surest (default:"
              + " ${DEFAULT-VALUE}).")
  private double algorithmTemperature;

  @Option(
      names = "--remask",
      paramLabel = "P",
      defaultValue = "0",
      description =
          "Self-correction: write anew what was committed and whose confidence has dropped below P; 0"
              + " for none (default: ${DEFAULT-VALUE}).")
  private double remask;

  @Option(
      names = "--remask-budget",
      paramLabel = "N",
      description =
          "Most tokens that --remask takes back (default: a quarter of the tokens to write).")
  private Integer remaskBudget;

  @Option(
      names = "--cache",
      paramLabel = "MODE",
      description =
          "Keys and values that a step takes from earlier ones: ${COMPLETION-CANDIDATES}. prefix"
              + " keeps what precedes the block being written, dual what follows it too, delayed"
              + " what has been written for a step or longer; faster and approximate, and without"
              + " --block-length all is one block. block is for models that attend in blocks, such"
              + " as SDAR, and exact (default: block for those, none for the others).",
      completionCandidates = Spelled.CacheModes.class,
      converter = Spelled.CacheModeConverter.class)
  private Optional<CacheMode> cache = Optional.empty();

  @Option(
      names = "--cache-refresh",
      paramLabel = "N",
      description =
          "Compute all keys and values anew every N steps of a block; 0 does so only when a block"
              + " begins (default: 0; needs --cache prefix, dual or delayed).")
  private Integer cacheRefresh;

  long seed() {
    return seed;
  }

  /** The step count to show beside a running one, when it is known. */
  OptionalInt plannedSteps(int tokens, ModelConfig model) {
    boolean inBlocks = model.mask().blockLength() > 0;
    boolean byThreshold =
        algorithm == Algorithm.THRESHOLD || (algorithm == null && (threshold != null || inBlocks));
    return byThreshold ? OptionalInt.empty() : OptionalInt.of(steps(tokens));
  }

  private int steps(int tokens) {
    return steps == null ? Math.clamp(usualSteps.applyAsInt(tokens), 1, tokens) : steps;
  }

  /** Puts the choices into {@code request}, which writes {@code tokens} tokens. */
  GenerationRequest.Builder apply(GenerationRequest.Builder request, int tokens) {
    try {
      // Checks the three together, and says which is wrong.
      new Sampling(temperature, topK, topP, Sampling.Distribution.RAW);
      request
          .steps(steps(tokens))
          .temperature(temperature)
          .topK(topK)
          .topP(topP)
          .seed(seed)
          .guidance(guidance)
          .algorithmTemperature(algorithmTemperature);
      cache.ifPresent(request::cache);
      if (cacheRefresh != null) {
        if (!REFRESHED.contains(cache.orElse(CacheMode.NONE))) {
          throw new IllegalArgumentException(
              "--cache-refresh needs --cache prefix, --cache dual or --cache delayed: there is nothing to refresh");
        }
        request.cacheRefresh(cacheRefresh);
      }
      if (algorithm != null) {
        request.algorithm(algorithm);
      }
      if (blockLength != null) {
        request.blockLength(blockLength);
      }
      if (threshold != null && algorithm != null && algorithm != Algorithm.THRESHOLD) {
        throw new IllegalArgumentException(
            "--threshold is for --algorithm threshold; found --algorithm " + Spelled.of(algorithm));
      }
      if (threshold != null) {
        request.threshold(threshold);
      }
      if (remask != 0) {
        request.remask(
            new Remask(remask, remaskBudget == null ? Math.max(1, tokens / 4) : remaskBudget));
      } else if (remaskBudget != null) {
        throw new IllegalArgumentException(
            "--remask-budget needs --remask, the confidence below which a token is written anew");
      }
      return request;
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }
}
