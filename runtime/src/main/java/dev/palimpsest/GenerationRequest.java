/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.process.Bound;
import dev.palimpsest.process.Bounds;
import dev.palimpsest.process.Correction;
import dev.palimpsest.process.MaskedOptions;
import dev.palimpsest.process.Pace;
import dev.palimpsest.process.latent.LatentChoice;
import dev.palimpsest.schedule.Terms;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * What to write and how. The content is a sequence of pieces: text or tokens that stay, and holes
 * to be written, in any order, so that completion is {@code text, hole} and infilling {@code text,
 * hole, text}. What is left unset takes the default of the model's family.
 */
public final class GenerationRequest {
  /** A stretch of the canvas. */
  public sealed interface Piece {
    /**
     * Text that stays as it is.
     *
     * @param text plain: what looks like a special token is the characters it is written with
     */
    record Text(String text) implements Piece {}

    /**
     * Token ids that stay as they are.
     *
     * @param ids each 0 to below the model's vocabulary
     */
    record Tokens(List<Integer> ids) implements Piece {}

    /**
     * A stretch to be written.
     *
     * @param length its tokens, at least 1
     */
    record Hole(int length) implements Piece {}

    /**
     * Token ids that stand until a correction changes them.
     *
     * @param ids at least one, each 0 to below the model's vocabulary
     */
    record Draft(List<Integer> ids) implements Piece {}

    /**
     * A conversation in the model's own chat format, ending where the assistant's turn begins.
     *
     * @param messages its turns, in order
     */
    record Chat(List<Message> messages) implements Piece {}
  }

  /**
   * One turn of a conversation.
   *
   * @param role {@code system}, {@code user} or {@code assistant}
   * @param text plain, as in {@link Piece.Text}
   */
  public record Message(String role, String text) {
    /** Neither may be null; roles that the chat format does not know are refused on submission. */
    public Message {
      Objects.requireNonNull(role, "role");
      Objects.requireNonNull(text, "text");
    }
  }

  private final Builder values;

  private GenerationRequest(Builder values) {
    this.values = values;
  }

  /** An empty request, to be filled. */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * A text to go on from, followed by a hole.
   *
   * @param prompt text that stays
   * @param newTokens tokens to be written, at least 1
   */
  public static Builder completing(String prompt, int newTokens) {
    return builder().text(prompt).hole(newTokens);
  }

  /** The content, from left to right. */
  public List<Piece> pieces() {
    return List.copyOf(values.pieces);
  }

  /** The algorithm that was named, or that the bounds call for; else the model's family decides. */
  public Optional<MaskedOptions.Algorithm> algorithm() {
    return values.algorithm.or(this::calledFor);
  }

  private Optional<MaskedOptions.Algorithm> calledFor() {
    if (values.bounds.names(Bound.LOW_THRESHOLD)) {
      return Optional.of(MaskedOptions.Algorithm.HIERARCHICAL);
    }
    if (values.bounds.names(Bound.THRESHOLD)) {
      return Optional.of(MaskedOptions.Algorithm.THRESHOLD);
    }
    if (values.bounds.names(Bound.FACTOR)) {
      return Optional.of(MaskedOptions.Algorithm.FACTOR);
    }
    return values.bounds.names(Bound.ENTROPY_BOUND)
        ? Optional.of(MaskedOptions.Algorithm.ENTROPY_BOUNDED)
        : Optional.empty();
  }

  /** How many steps to take, if that was said. */
  public Optional<Pace> pace() {
    return values.pace;
  }

  /** Steps where neither the request nor its algorithm says how many. */
  public int usualSteps() {
    return values.usualSteps;
  }

  /** New tokens per block, if that was said; 0 writes everything at once. */
  public OptionalInt blockLength() {
    return values.blockLength;
  }

  /** What is sure enough, as far as it was said. */
  public Bounds bounds() {
    return values.bounds;
  }

  /** Temperature at which positions to commit are drawn; 0 takes the surest. */
  public double algorithmTemperature() {
    return values.algorithmTemperature;
  }

  /** 0 unless it was said. */
  public float temperature() {
    return values.temperature.orElse(0f);
  }

  /** The temperature, if it was said. */
  public Optional<Float> chosenTemperature() {
    return values.temperature;
  }

  /** Most probable tokens that one is drawn from; 0 for all. */
  public int topK() {
    return values.topK;
  }

  /** Probability that the tokens one is drawn from have together; 1 for all. */
  public float topP() {
    return values.topP;
  }

  /** 0 unless it was said. */
  public float guidance() {
    return values.guidance.orElse(0f);
  }

  /** The guidance, if it was said. */
  public Optional<Float> chosenGuidance() {
    return values.guidance;
  }

  /** What is said for latent models alone. */
  public LatentChoice latent() {
    return values.latent;
  }

  /** Whether somebody watches the text while it is written, step by step. */
  public boolean previews() {
    return values.previews;
  }

  /** What becomes of committed tokens that turn out wrong. */
  public Correction correction() {
    return values.correction;
  }

  /** Which keys and values a step takes from earlier steps; the model decides if unset. */
  public Optional<CacheMode> cache() {
    return values.cache;
  }

  /** Steps from one refresh of the cache to the next within a block; 0 for none. */
  public int cacheRefresh() {
    return values.cacheRefresh;
  }

  /** Whether a token that ends texts, or the turn in a chat, ends the writing. */
  public boolean stopAtEnd() {
    return values.stopAtEnd;
  }

  /**
   * True when special tokens (MASK, and end-of-text inside infills) must not be written into holes.
   */
  public boolean plainTextOnly() {
    return values.plainTextOnly;
  }

  /** Seed of all noise, if it was said. */
  public OptionalLong seed() {
    return values.seed;
  }

  /**
   * One of the things that are said of committing masks, with its value, for a message of a model
   * that has none; empty if there is none. The pace is apart, since other models have one too.
   */
  Optional<String> saidOfMasks() {
    for (Bound bound : Bound.values()) {
      if (values.bounds.names(bound)) {
        return Optional.of(bound.spelling() + " " + values.bounds.of(bound));
      }
    }
    if (values.algorithm.isPresent()) {
      return Optional.of("algorithm " + values.algorithm.get().spelling());
    }
    if (values.algorithmTemperature != 0) {
      return Optional.of("algorithm temperature " + values.algorithmTemperature);
    }
    return values.correction.equals(Correction.NONE)
        ? Optional.empty()
        : Optional.of(values.correction.toString());
  }

  /**
   * How this request decodes.
   *
   * @param otherwise the algorithm where the request calls for none
   * @param suppressed tokens that are never written
   * @throws IllegalArgumentException if the request says something that the algorithm has no use
   *     for
   */
  MaskedOptions decoding(MaskedOptions.Algorithm otherwise, int... suppressed) {
    MaskedOptions.Algorithm decided = algorithm().orElse(otherwise);
    values
        .latent
        .named()
        .ifPresent(
            found -> {
              throw new IllegalArgumentException(
                  found
                      + " is for latent models, which start from noise; this one starts from masks: leave it out");
            });
    return new MaskedOptions(
        decided,
        values.pace.orElse(
            decided.countsSteps() ? new Pace.Steps(values.usualSteps) : Pace.AsNeeded.UNLIMITED),
        blockLength().orElse(0),
        values.bounds,
        values.algorithmTemperature,
        new Sampling(temperature(), values.topK, values.topP, decided.confidenceOn(), suppressed),
        guidance(),
        values.correction,
        values.stopAtEnd,
        seed().orElse(0));
  }

  /** Who goes first when not all fit into a batch; 0 unless set. */
  public int priority() {
    return values.priority;
  }

  /** Time from submission to the end, at most; what takes longer fails. */
  public Optional<Duration> deadline() {
    return values.deadline;
  }

  /** Time from submission to the end, if possible; what would take longer hurries. */
  public Optional<Duration> finishWithin() {
    return values.finishWithin;
  }

  /** Collects the parts of a request; reusable, {@link #build} takes a snapshot. */
  public static final class Builder {
    private List<Piece> pieces = new ArrayList<>();
    private Optional<MaskedOptions.Algorithm> algorithm = Optional.empty();
    private Optional<Pace> pace = Optional.empty();
    private int usualSteps = 8;
    private OptionalInt blockLength = OptionalInt.empty();
    private Bounds bounds = Bounds.USUAL;
    private double algorithmTemperature;
    private Optional<Float> temperature = Optional.empty();
    private int topK;
    private float topP = 1f;
    private Optional<Float> guidance = Optional.empty();
    private LatentChoice latent = LatentChoice.NONE;
    private boolean previews;
    private Correction correction = Correction.NONE;
    private Optional<CacheMode> cache = Optional.empty();
    private int cacheRefresh;
    private boolean stopAtEnd;
    private boolean plainTextOnly;
    private OptionalLong seed = OptionalLong.empty();
    private int priority;
    private Optional<Duration> deadline = Optional.empty();
    private Optional<Duration> finishWithin = Optional.empty();

    private Builder() {}

    private Builder(Builder other) {
      pieces = new ArrayList<>(other.pieces);
      algorithm = other.algorithm;
      pace = other.pace;
      usualSteps = other.usualSteps;
      blockLength = other.blockLength;
      bounds = other.bounds;
      algorithmTemperature = other.algorithmTemperature;
      temperature = other.temperature;
      topK = other.topK;
      topP = other.topP;
      guidance = other.guidance;
      latent = other.latent;
      previews = other.previews;
      correction = other.correction;
      cache = other.cache;
      cacheRefresh = other.cacheRefresh;
      stopAtEnd = other.stopAtEnd;
      plainTextOnly = other.plainTextOnly;
      seed = other.seed;
      priority = other.priority;
      deadline = other.deadline;
      finishWithin = other.finishWithin;
    }

    /** Appends text that stays. */
    public Builder text(String text) {
      pieces.add(new Piece.Text(Objects.requireNonNull(text, "text")));
      return this;
    }

    /**
     * Appends token ids that stay.
     *
     * @param ids each 0 to below the model's vocabulary; submitting says so
     */
    public Builder tokens(int... ids) {
      Objects.requireNonNull(ids, "ids");
      pieces.add(new Piece.Tokens(java.util.Arrays.stream(ids).boxed().toList()));
      return this;
    }

    /**
     * Appends token ids to be corrected: only {@link #correction} changes them, so there must be
     * one. Counts as a hole otherwise.
     *
     * @param ids each 0 to below the model's vocabulary; submitting says so
     * @throws IllegalArgumentException if there are none
     */
    public Builder draft(int... ids) {
      Objects.requireNonNull(ids, "ids");
      if (ids.length == 0) {
        throw new IllegalArgumentException("a draft needs at least one token");
      }
      pieces.add(new Piece.Draft(java.util.Arrays.stream(ids).boxed().toList()));
      return this;
    }

    /**
     * Appends a stretch to be written.
     *
     * @param length its tokens
     * @throws IllegalArgumentException if it is less than 1
     */
    public Builder hole(int length) {
      if (length < 1) {
        throw new IllegalArgumentException("a hole needs at least one token; found " + length);
      }
      pieces.add(new Piece.Hole(length));
      return this;
    }

    /** Appends a conversation; follow it with a {@link #hole} for the answer. */
    public Builder chat(List<Message> messages) {
      Objects.requireNonNull(messages, "messages");
      messages.forEach(message -> Objects.requireNonNull(message, "message"));
      pieces.add(new Piece.Chat(List.copyOf(messages)));
      return this;
    }

    /**
     * Which masked positions a step commits. Unset means the one that a {@link #bound} calls for,
     * else what the model's family was published with.
     */
    public Builder algorithm(MaskedOptions.Algorithm value) {
      algorithm = Optional.of(Objects.requireNonNull(value, "algorithm"));
      return this;
    }

    /**
     * How many steps to take. Unset means {@link #usualSteps}, or as many as an algorithm needs
     * that does not count them.
     *
     * @throws IllegalArgumentException if it has been said in another way
     */
    public Builder pace(Pace value) {
      Objects.requireNonNull(value, "pace");
      if (pace.isPresent() && pace.get().getClass() != value.getClass()) {
        throw new IllegalArgumentException(
            "%s and %s both say how many steps to take: give one of them"
                .formatted(pace.get(), value));
      }
      pace = Optional.of(value);
      return this;
    }

    /**
     * Denoising steps over the whole request; each is one network call. For algorithms that count
     * steps. A latent model takes so many for each block, and one more call to decode it.
     *
     * @param value at least 1; a masked model takes no more than there are tokens to write
     */
    public Builder steps(int value) {
      return pace(new Pace.Steps(value));
    }

    /**
     * So many tokens in every step. For algorithms that count steps, instead of steps.
     *
     * @param value at least 1
     */
    public Builder tokensPerStep(int value) {
      return pace(new Pace.TokensPerStep(value));
    }

    /**
     * A block takes no more steps than this: where it would, a step commits more than is sure
     * enough. For algorithms that take as many steps as they need; unset means no limit.
     *
     * @param value at least 1
     */
    public Builder maxStepsPerBlock(int value) {
      return pace(new Pace.AsNeeded(value));
    }

    /**
     * Steps for an algorithm that counts them where nothing else is said; unset means 8, the middle
     * of what the process is made for.
     *
     * @param value at least 1
     */
    public Builder usualSteps(int value) {
      usualSteps = new Pace.Steps(value).total();
      return this;
    }

    /**
     * New tokens per block, left to right; 0 writes everything at once. A model that attends in
     * blocks has its own, which tile the canvas from its start: leave it unset there.
     */
    public Builder blockLength(int value) {
      if (value < 0) {
        throw new IllegalArgumentException(
            "block length must be 0 (one block) or positive; found " + value);
      }
      blockLength = OptionalInt.of(value);
      return this;
    }

    /**
     * What is sure enough for an algorithm that takes as many steps as it needs; chooses the
     * algorithm that it belongs to unless one is named.
     *
     * @throws IllegalArgumentException if the value is out of the bound's range
     */
    public Builder bound(Bound bound, double value) {
      Objects.requireNonNull(bound, "bound");
      bounds = bounds.with(bound, value);
      return this;
    }

    /** Commit everything at least this sure, 0..1: {@link Bound#THRESHOLD}. */
    public Builder threshold(double value) {
      return bound(Bound.THRESHOLD, value);
    }

    /** The surest of each run of masks if it is this sure, 0..1: {@link Bound#LOW_THRESHOLD}. */
    public Builder lowThreshold(double value) {
      return bound(Bound.LOW_THRESHOLD, value);
    }

    /** The n-th surest if it is at least 1 − factor/(n + 1) sure: {@link Bound#FACTOR}. */
    public Builder factor(double value) {
      return bound(Bound.FACTOR, value);
    }

    /** So much entropy a step, in nats: {@link Bound#ENTROPY_BOUND}. */
    public Builder entropyBound(double value) {
      return bound(Bound.ENTROPY_BOUND, value);
    }

    /**
     * Temperature at which positions to commit are drawn, from softmax(confidence / value); 0, the
     * default, takes the surest.
     *
     * @param value 0 or more and finite
     */
    public Builder algorithmTemperature(double value) {
      algorithmTemperature = value;
      return this;
    }

    /**
     * Temperature at which tokens are drawn, or the codes of a latent model; 0 takes the most
     * probable. Unset means 0, or what a latent model's trainer recommends.
     *
     * @param value 0 or more and finite
     */
    public Builder temperature(float value) {
      temperature = Optional.of(value);
      return this;
    }

    /**
     * Draws tokens from so many of the most probable; 0, the default, from all.
     *
     * @param value 0 or more
     */
    public Builder topK(int value) {
      topK = value;
      return this;
    }

    /**
     * Draws tokens from the fewest that are so probable together; 1, the default, from all.
     *
     * @param value above 0, at most 1
     */
    public Builder topP(float value) {
      topP = value;
      return this;
    }

    /**
     * Classifier-free guidance on the given text, at twice the work; 0 for none. Unset means 0, or
     * what a latent model's trainer recommends.
     *
     * @param value 0 or more and finite
     */
    public Builder guidance(float value) {
      guidance = Optional.of(value);
      return this;
    }

    /** How a latent model samples; unset means as its trainer recommends. */
    public Builder latent(LatentChoice value) {
      latent = Objects.requireNonNull(value, "latent");
      return this;
    }

    /**
     * Whether a latent model decodes its estimate after every step, so that {@link
     * Generation#revisions} shows the text as it sharpens: a decoder call each, counted among the
     * network calls. Other models show all they have anyway, after every step; without previews a
     * GPU may show a block's steps together once it is written ({@link EngineOptions.Loop}). Does
     * not change what is written.
     */
    public Builder previews(boolean value) {
      previews = value;
      return this;
    }

    /** What becomes of committed tokens that turn out wrong; unset means they stay. */
    public Builder correction(Correction value) {
      correction = Objects.requireNonNull(value, "correction");
      return this;
    }

    /**
     * What a step takes from earlier steps instead of feeding it again. {@link CacheMode#PREFIX},
     * {@link CacheMode#DUAL} and {@link CacheMode#DELAYED} trade exactness for speed, for models
     * that attend to everything; an algorithm without blocks writes one block. {@link
     * CacheMode#BLOCK} is for models that attend in blocks, and exact. Unset means that for those,
     * and {@link CacheMode#NONE} for the others.
     */
    public Builder cache(CacheMode value) {
      cache = Optional.of(Objects.requireNonNull(value, "cache"));
      return this;
    }

    /**
     * Feeds the whole canvas every so many steps of a block, not only when it begins; 1 does so in
     * every step, which gives the text of {@link CacheMode#NONE}. {@link CacheMode#BLOCK} has
     * nothing to refresh.
     *
     * @param value steps from one refresh to the next; 0, the default, for none
     * @throws IllegalArgumentException if it is negative
     */
    public Builder cacheRefresh(int value) {
      if (value < 0) {
        throw new IllegalArgumentException(
            "the cache refresh interval must be 0 (when a block begins) or positive; found "
                + value);
      }
      cacheRefresh = value;
      return this;
    }

    /**
     * Whether a token that ends texts, or the turn in a chat, ends the writing where nothing given
     * follows the last hole; {@link GenerationResult#holes} are cut there. Unset means no.
     */
    public Builder stopAtEnd(boolean value) {
      stopAtEnd = value;
      return this;
    }

    /**
     * Whether special tokens (MASK, and end-of-text inside infills) must not be written into holes.
     * Unset means they may.
     */
    public Builder plainTextOnly(boolean value) {
      plainTextOnly = value;
      return this;
    }

    /** Seed of all noise; unset means 0, so that runs repeat. */
    public Builder seed(long value) {
      seed = OptionalLong.of(value);
      return this;
    }

    /**
     * Who goes first when not all fit into a batch or into the cache's memory: {@value
     * Terms#LOWEST} to {@value Terms#HIGHEST}, the higher before the lower, but nobody waits for
     * ever; {@link dev.palimpsest.schedule.Scheduler} has the rule. Does not change what is
     * written.
     *
     * @throws IllegalArgumentException if it is out of that range
     */
    public Builder priority(int value) {
      priority = new Terms(value, Optional.empty(), Optional.empty()).priority();
      return this;
    }

    /**
     * How long the request may take, from submission, time in the queue included. One that has not
     * finished by then leaves the batch and fails with {@link DeadlineExceededException}, which
     * holds what had been written; one that finishes in the very step in which the time runs out
     * does not.
     *
     * @throws IllegalArgumentException if it is not positive
     */
    public Builder deadline(Duration value) {
      Objects.requireNonNull(value, "deadline");
      deadline = new Terms(0, Optional.of(value), Optional.empty()).deadline();
      return this;
    }

    /**
     * How long the request should take, from submission. One that would take longer at its pace so
     * far commits more tokens a step, the surest first, so that it is done by then, or a step or
     * two later: all of the text in time, at the cost of quality instead of a failure. How many
     * steps fit depends on the machine and its load, and so do the tokens of a request that had to
     * hurry. Goes well with a later {@link #deadline}.
     *
     * @throws IllegalArgumentException if it is not positive
     */
    public Builder finishWithin(Duration value) {
      Objects.requireNonNull(value, "finishWithin");
      finishWithin = new Terms(0, Optional.empty(), Optional.of(value)).finishWithin();
      return this;
    }

    /**
     * The request as it is now.
     *
     * @throws IllegalArgumentException if there is nothing to write, or the algorithm, where it is
     *     known, has no use for something that is said; where the model's family decides on the
     *     algorithm, submitting says so
     */
    public GenerationRequest build() {
      boolean draft = pieces.stream().anyMatch(Piece.Draft.class::isInstance);
      if (!draft && pieces.stream().noneMatch(Piece.Hole.class::isInstance)) {
        throw new IllegalArgumentException("nothing to write: the request has no hole");
      }
      if (draft && correction.equals(Correction.NONE)) {
        throw new IllegalArgumentException(
            "only a correction changes a draft, and the request has none: remask or edit");
      }
      GenerationRequest request = new GenerationRequest(new Builder(this));
      request.algorithm().ifPresent(request::decoding);
      return request;
    }
  }
}
