/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.process.MaskedOptions;
import dev.palimpsest.schedule.Terms;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
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
    /** Text that stays as it is. */
    record Text(String text) implements Piece {}

    /** Token ids that stay as they are. */
    record Tokens(List<Integer> ids) implements Piece {}

    /** {@code length} tokens to be written. */
    record Hole(int length) implements Piece {}

    /** A conversation in the model's own chat format, ending where the assistant's turn begins. */
    record Chat(List<Message> messages) implements Piece {}
  }

  /**
   * One turn of a conversation.
   *
   * @param role {@code system}, {@code user} or {@code assistant}
   */
  public record Message(String role, String text) {}

  private final Builder values;

  private GenerationRequest(Builder values) {
    this.values = values;
  }

  public static Builder builder() {
    return new Builder();
  }

  /** {@code prompt} followed by a hole of {@code newTokens}. */
  public static Builder completing(String prompt, int newTokens) {
    return builder().text(prompt).hole(newTokens);
  }

  public List<Piece> pieces() {
    return List.copyOf(values.pieces);
  }

  public Optional<MaskedOptions.Algorithm> algorithm() {
    return values.algorithm;
  }

  public OptionalInt steps() {
    return values.steps;
  }

  public OptionalInt blockLength() {
    return values.blockLength;
  }

  public OptionalDouble threshold() {
    return values.threshold;
  }

  public double algorithmTemperature() {
    return values.algorithmTemperature;
  }

  public float temperature() {
    return values.temperature;
  }

  public int topK() {
    return values.topK;
  }

  public float topP() {
    return values.topP;
  }

  public float guidance() {
    return values.guidance;
  }

  public MaskedOptions.Remask remask() {
    return values.remask;
  }

  /** Which keys and values a step takes from earlier steps; the model decides if unset. */
  public Optional<CacheMode> cache() {
    return values.cache;
  }

  /** Steps from one refresh of the cache to the next within a block; 0 for none. */
  public int cacheRefresh() {
    return values.cacheRefresh;
  }

  public boolean stopAtEnd() {
    return values.stopAtEnd;
  }

  /**
   * True when special tokens (MASK, and end-of-text inside infills) must not be written into holes.
   */
  public boolean plainTextOnly() {
    return values.plainTextOnly;
  }

  public OptionalLong seed() {
    return values.seed;
  }

  /** Who goes first when not all fit into a batch; 0 unless set. */
  public int priority() {
    return values.priority;
  }

  /** Time from submission to the end, at most. */
  public Optional<Duration> deadline() {
    return values.deadline;
  }

  /** Collects the parts of a request; reusable, {@link #build} takes a snapshot. */
  public static final class Builder {
    private List<Piece> pieces = new ArrayList<>();
    private Optional<MaskedOptions.Algorithm> algorithm = Optional.empty();
    private OptionalInt steps = OptionalInt.empty();
    private OptionalInt blockLength = OptionalInt.empty();
    private OptionalDouble threshold = OptionalDouble.empty();
    private double algorithmTemperature;
    private float temperature;
    private int topK;
    private float topP = 1f;
    private float guidance;
    private MaskedOptions.Remask remask = MaskedOptions.Remask.OFF;
    private Optional<CacheMode> cache = Optional.empty();
    private int cacheRefresh;
    private boolean stopAtEnd;
    private boolean plainTextOnly;
    private OptionalLong seed = OptionalLong.empty();
    private int priority;
    private Optional<Duration> deadline = Optional.empty();

    private Builder() {}

    private Builder(Builder other) {
      pieces = new ArrayList<>(other.pieces);
      algorithm = other.algorithm;
      steps = other.steps;
      blockLength = other.blockLength;
      threshold = other.threshold;
      algorithmTemperature = other.algorithmTemperature;
      temperature = other.temperature;
      topK = other.topK;
      topP = other.topP;
      guidance = other.guidance;
      remask = other.remask;
      cache = other.cache;
      cacheRefresh = other.cacheRefresh;
      stopAtEnd = other.stopAtEnd;
      plainTextOnly = other.plainTextOnly;
      seed = other.seed;
      priority = other.priority;
      deadline = other.deadline;
    }

    /** Appends text that stays. */
    public Builder text(String text) {
      pieces.add(new Piece.Text(Objects.requireNonNull(text, "text")));
      return this;
    }

    /** Appends token ids that stay. */
    public Builder tokens(int... ids) {
      pieces.add(new Piece.Tokens(java.util.Arrays.stream(ids).boxed().toList()));
      return this;
    }

    /** Appends {@code length} tokens to be written. */
    public Builder hole(int length) {
      if (length < 1) {
        throw new IllegalArgumentException("a hole needs at least one token; found " + length);
      }
      pieces.add(new Piece.Hole(length));
      return this;
    }

    /** Appends a conversation; follow it with a {@link #hole} for the answer. */
    public Builder chat(List<Message> messages) {
      pieces.add(new Piece.Chat(List.copyOf(messages)));
      return this;
    }

    public Builder algorithm(MaskedOptions.Algorithm value) {
      algorithm = Optional.of(value);
      return this;
    }

    /** Denoising steps over the whole request; each is one network call. */
    public Builder steps(int value) {
      if (value < 1) {
        throw new IllegalArgumentException("steps must be at least 1; found " + value);
      }
      steps = OptionalInt.of(value);
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
     * Commit everything at least this sure, 0..1; chooses the threshold algorithm unless another is
     * named.
     */
    public Builder threshold(double value) {
      if (!(value >= 0 && value <= 1)) {
        throw new IllegalArgumentException("threshold must be between 0 and 1; found " + value);
      }
      threshold = OptionalDouble.of(value);
      return this;
    }

    public Builder algorithmTemperature(double value) {
      algorithmTemperature = value;
      return this;
    }

    public Builder temperature(float value) {
      temperature = value;
      return this;
    }

    public Builder topK(int value) {
      topK = value;
      return this;
    }

    public Builder topP(float value) {
      topP = value;
      return this;
    }

    public Builder guidance(float value) {
      guidance = value;
      return this;
    }

    public Builder remask(MaskedOptions.Remask value) {
      remask = Objects.requireNonNull(value, "remask");
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
      cache = Optional.of(value);
      return this;
    }

    /**
     * Feeds the whole canvas every so many steps of a block, not only when it begins; 1 does so in
     * every step, which gives the text of {@link CacheMode#NONE}. {@link CacheMode#BLOCK} has
     * nothing to refresh.
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

    public Builder stopAtEnd(boolean value) {
      stopAtEnd = value;
      return this;
    }

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
     */
    public Builder priority(int value) {
      priority = new Terms(value, Optional.empty()).priority();
      return this;
    }

    /**
     * How long the request may take, from submission, time in the queue included. One that has not
     * finished by then leaves the batch and fails with {@link DeadlineExceededException}, which
     * holds what had been written; one that finishes in the very step in which the time runs out
     * does not.
     */
    public Builder deadline(Duration value) {
      deadline = new Terms(0, Optional.of(value)).deadline();
      return this;
    }

    public GenerationRequest build() {
      if (pieces.stream().noneMatch(Piece.Hole.class::isInstance)) {
        throw new IllegalArgumentException("nothing to write: the request has no hole");
      }
      return new GenerationRequest(new Builder(this));
    }
  }
}
