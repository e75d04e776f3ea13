/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import dev.palimpsest.Engine;
import dev.palimpsest.GenerationRequest;
import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.process.Bound;
import dev.palimpsest.process.Correction;
import dev.palimpsest.process.Correction.Edit;
import dev.palimpsest.process.Correction.Remask;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import java.util.EnumSet;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.IntUnaryOperator;
import picocli.CommandLine.Mixin;
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
              + " chat; never more than there are tokens to write). For the rules from"
              + " low-confidence to entropy; the others take as many as they need. A latent model"
              + " takes so many for each block of text and one more to decode it (default: what its"
              + " trainer recommends).")
  private Integer steps;

  @Option(
      names = "--tokens-per-step",
      paramLabel = "K",
      description =
          "Commit exactly K tokens in every step, instead of --steps (default: unset). For the same"
              + " rules, but not origin.")
  private Integer tokensPerStep;

  @Option(
      names = "--max-steps-per-block",
      paramLabel = "N",
      description =
          "A block is done in N steps: where the rule alone would be slower, the surest of the rest"
              + " are committed too (default: no limit). For the rules that take as many steps as"
              + " they need; without --block-length all is one block.")
  private Integer maxStepsPerBlock;

  @Option(
      names = {"-a", "--algorithm"},
      paramLabel = "RULE",
      description =
          "Which masked positions a step commits: ${COMPLETION-CANDIDATES} (default: entropy for Dream,"
              + " threshold for SDAR, low-confidence for the others; the one that --threshold,"
              + " --factor, --entropy-bound or --low-threshold belongs to, when that is given).",
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
          "Commit everything at least this sure, 0 to 1 (default: 0.9). For --algorithm threshold,"
              + " hierarchical and, as top-1 minus top-2, margin-threshold.")
  private Double threshold;

  @Option(
      names = "--low-threshold",
      paramLabel = "P",
      description =
          "Commit the surest of each run of masks if it is at least this sure, 0 to 1 (default: 0.4)."
              + " For --algorithm hierarchical.")
  private Double lowThreshold;

  @Option(
      names = "--factor",
      paramLabel = "F",
      description =
          "Commit from the surest down, as long as the n-th is at least 1 - F/(n+1) sure (default:"
              + " 1). For --algorithm factor.")
  private Double factor;

  @Option(
      names = "--entropy-bound",
      paramLabel = "H",
      description =
          "Commit from the lowest entropy up, as long as they sum up to no more than this, in nats"
              + " (default: 0.35). For --algorithm entropy-bounded.")
  private Double entropyBound;

  @Option(
      names = {"-t", "--temperature"},
      paramLabel = "T",
      description =
          "Sampling temperature; 0 takes the likeliest token (default: 0; of a latent model, what its"
              + " trainer recommends).")
  private Float temperature;

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
      description =
          "Classifier-free guidance scale, at twice the work; 0 for none (default: 0; of a latent"
              + " model, what its trainer recommends).")
  private Float guidance;

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
      names = "--edit",
      paramLabel = "P",
      description =
          "Self-correction: replace what was committed where the model now predicts another token"
              + " with more than P, and go on until a block no longer changes, for at most"
              + " 16 steps; 0 always replaces (default: unset, no editing). Not with --remask.")
  private Double edit;

  @Option(
      names = "--cache",
      paramLabel = "MODE",
      description =
          "Keys and values that a step takes from earlier ones: ${COMPLETION-CANDIDATES}. prefix"
              + " keeps what precedes the block being written, dual what follows it too, delayed"
              + " what has been written for a step or longer; faster and approximate, and without"
              + " --block-length all is one block. block is for models that attend in blocks, such"
              + " as SDAR, or causally, and exact (default: block for those, none for the"
              + " others).",
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

  @Mixin private LatentSampling latent;

  long seed() {
    return seed;
  }

  /** The step count to show beside a running one, when it is known. */
  OptionalInt plannedSteps(int tokens, Engine engine) {
    if (engine.latent().isPresent()) {
      // So many for each block, and what is doubtful once more.
      return OptionalInt.empty();
    }
    ModelConfig model = engine.config();
    if (model.causal()) {
      return OptionalInt.of(tokens);
    }
    boolean inBlocks = model.mask().blockLength() > 0;
    boolean asNeeded = takesAsManyAsNeeded() || (algorithm == null && inBlocks);
    if (tokensPerStep == null) {
      return asNeeded
          ? OptionalInt.empty()
          : OptionalInt.of(steps == null ? usualSteps(tokens) : steps);
    }
    if (asNeeded || inBlocks || edit != null || remask != 0) {
      return OptionalInt.empty();
    }
    int block = blockLength == null || blockLength == 0 ? tokens : Math.min(blockLength, tokens);
    int last = tokens % block;
    return OptionalInt.of(
        tokens / block * Math.ceilDiv(block, tokensPerStep) + Math.ceilDiv(last, tokensPerStep));
  }

  private boolean takesAsManyAsNeeded() {
    boolean bounded =
        threshold != null || lowThreshold != null || factor != null || entropyBound != null;
    return algorithm == null ? bounded || maxStepsPerBlock != null : !algorithm.countsSteps();
  }

  private int usualSteps(int tokens) {
    return Math.clamp(usualSteps.applyAsInt(tokens), 1, tokens);
  }

  /**
   * The request with these choices, which writes {@code tokens} tokens.
   *
   * @throws ParameterException if they do not go together
   */
  GenerationRequest complete(GenerationRequest.Builder request, int tokens) {
    try {
      // Checks the three together, and says which is wrong.
      new Sampling(temperature == null ? 0 : temperature, topK, topP, Sampling.Distribution.RAW);
      request
          .usualSteps(usualSteps(tokens))
          .topK(topK)
          .topP(topP)
          .seed(seed)
          .algorithmTemperature(algorithmTemperature)
          .latent(latent.choice());
      if (temperature != null) {
        request.temperature(temperature);
      }
      if (guidance != null) {
        request.guidance(guidance);
      }
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
      setPace(request);
      setBound(request, Bound.THRESHOLD, threshold);
      setBound(request, Bound.LOW_THRESHOLD, lowThreshold);
      setBound(request, Bound.FACTOR, factor);
      setBound(request, Bound.ENTROPY_BOUND, entropyBound);
      request.correction(correction(tokens));
      return request.build();
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }

  private void setPace(GenerationRequest.Builder request) {
    if (steps != null && tokensPerStep != null) {
      throw new IllegalArgumentException(
          "--steps and --tokens-per-step say the same in two ways: give one of them");
    }
    if (maxStepsPerBlock != null && (steps != null || tokensPerStep != null)) {
      throw new IllegalArgumentException(
          "--max-steps-per-block is for rules that take as many steps as they need, %s for those that count them: give one of them"
              .formatted(steps != null ? "--steps" : "--tokens-per-step"));
    }
    if (steps != null && takesAsManyAsNeeded()) {
      throw new IllegalArgumentException(
          "--steps has no meaning here: the rule takes as many steps as it needs; --max-steps-per-block limits them");
    }
    if (steps != null) {
      request.steps(steps);
    }
    if (tokensPerStep != null) {
      request.tokensPerStep(tokensPerStep);
    }
    if (maxStepsPerBlock != null) {
      request.maxStepsPerBlock(maxStepsPerBlock);
    }
  }

  private static void setBound(GenerationRequest.Builder request, Bound bound, Double value) {
    if (value != null) {
      request.bound(bound, value);
    }
  }

  private Correction correction(int tokens) {
    if (remaskBudget != null && remask == 0) {
      throw new IllegalArgumentException(
          "--remask-budget needs --remask, the confidence below which a token is written anew");
    }
    if (edit != null && remask != 0) {
      throw new IllegalArgumentException(
          "--edit and --remask correct the same tokens in two ways: give one of them");
    }
    if (edit != null) {
      return new Edit(edit);
    }
    return remask == 0
        ? Correction.NONE
        : new Remask(remask, remaskBudget == null ? Math.max(1, tokens / 4) : remaskBudget);
  }
}
