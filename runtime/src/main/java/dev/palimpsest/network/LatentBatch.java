/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.network;

import dev.palimpsest.kernels.DenoiseRows;
import dev.palimpsest.kernels.Denoised;
import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.RenoiseRows;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import java.util.Arrays;
import java.util.Optional;

/**
 * What a step asks of a hybrid latent model, for many requests: texts to encode, positions to put
 * at a noisier time, latents to decode, and positions to denoise, in this order. Everything before
 * the denoising may be repeated without changing anything, and denoising comes last and is done
 * whole or not at all, so a batch that failed can be run again. Filled anew for every step; its
 * arrays grow and are reused.
 */
public final class LatentBatch {
  /** A position that is being written. */
  public static final int NOISE = 0;

  /** Text that is given. */
  public static final int GIVEN = 1;

  /** Text that is kept from an unconditional forward. */
  public static final int HIDDEN = 2;

  /** Text that the model wrote and now takes as it stands. */
  public static final int WRITTEN = 3;

  private Optional<Tensor> state = Optional.empty();

  private final RowSpans known = new RowSpans();
  private int[] knownTokens = new int[64];
  private int[] knownSlots = new int[64];

  private int settled;
  private int[] settledSlots = new int[64];
  private int[] settledCodes = new int[128];
  private final RenoiseRows renoised = new RenoiseRows();

  private final RowSpans decoded = new RowSpans();
  private int[] decodedRows = new int[64];
  private final PredictionRows wantedTokens = new PredictionRows();
  private final Predictions predictions = new Predictions();

  private final RowSpans spans = new RowSpans();
  private int[] slots = new int[64];
  private int[] states = new int[64];
  private int[] timeOf = new int[64];
  private float[] times = new float[16];
  private int timeCount;
  private final DenoiseRows wanted = new DenoiseRows();
  private final Denoised denoised = new Denoised();

  public void clear() {
    state = Optional.empty();
    known.clear();
    settled = 0;
    renoised.clear();
    decoded.clear();
    wantedTokens.clear();
    predictions.resize(0);
    spans.clear();
    timeCount = 0;
    wanted.clear();
    denoised.resize(0, 1);
  }

  /** Whether nothing was asked for. */
  public boolean isEmpty() {
    return known.rows() == 0 && decoded.rows() == 0 && spans.rows() == 0;
  }

  /**
   * Says where the latents of all requests lie.
   *
   * @param latents {@code [slots][2·width]}
   * @throws IllegalArgumentException if those of an earlier request lie elsewhere
   */
  public void use(Tensor latents) {
    if (state.isPresent() && state.get().memory().address() != latents.memory().address()) {
      throw new IllegalArgumentException("the latents of one batch must come from one pool");
    }
    state = Optional.of(latents);
  }

  Tensor state() {
    return state.orElseThrow();
  }

  // ---- texts to encode ----

  /**
   * Appends {@code length} known tokens that follow each other; the caller fills {@link
   * #knownTokens} and {@link #knownSlots}.
   *
   * @return the first row
   */
  public int addKnown(int length) {
    int start = known.add(length);
    knownTokens = atLeast(knownTokens, known.rows());
    knownSlots = atLeast(knownSlots, known.rows());
    return start;
  }

  public RowSpans known() {
    return known;
  }

  public int[] knownTokens() {
    return knownTokens;
  }

  /** The slot that each token's latent goes to. */
  public int[] knownSlots() {
    return knownSlots;
  }

  // ---- positions set anew ----

  /** Sets a slot to the latent of {@code codes[from …]}, one code for each group. */
  public void settle(int slot, int[] codes, int from, int groups) {
    settledSlots = atLeast(settledSlots, settled + 1);
    settledCodes = atLeast(settledCodes, (settled + 1) * groups);
    settledSlots[settled] = slot;
    System.arraycopy(codes, from, settledCodes, settled * groups, groups);
    settled++;
  }

  int settled() {
    return settled;
  }

  int[] settledSlots() {
    return settledSlots;
  }

  int[] settledCodes() {
    return settledCodes;
  }

  /** Positions to be put at a noisier time, after those that are settled. */
  public RenoiseRows renoised() {
    return renoised;
  }

  // ---- latents to decode ----

  /**
   * Appends a sequence to decode; the caller sets its rows with {@link #decode}.
   *
   * @return the first row
   */
  public int addDecoded(int length) {
    int start = decoded.add(length);
    decodedRows = atLeast(decodedRows, decoded.rows());
    return start;
  }

  /**
   * What a row decodes.
   *
   * @param estimate the slot's estimate rather than its latent
   */
  public void decode(int row, int slot, boolean estimate) {
    decodedRows[row] = 2 * slot + (estimate ? 1 : 0);
  }

  public RowSpans decoded() {
    return decoded;
  }

  /** Row of the state seen as {@code [2·slots][width]}, for each row to decode. */
  int[] decodedRows() {
    return decodedRows;
  }

  /** Tokens to predict; rows count over all sequences to decode. */
  public PredictionRows wantedTokens() {
    return wantedTokens;
  }

  /** Those tokens, after the step. */
  public Predictions predictions() {
    return predictions;
  }

  // ---- positions to denoise ----

  /**
   * Appends a sequence to the denoiser's input; the caller sets its rows with {@link #see}.
   *
   * @return the first row
   */
  public int addSequence(int length) {
    int start = spans.add(length);
    slots = atLeast(slots, spans.rows());
    states = atLeast(states, spans.rows());
    timeOf = atLeast(timeOf, spans.rows());
    return start;
  }

  /**
   * What a row is.
   *
   * @param slot its latent; −1 hides it
   * @param state one of the constants above
   * @param time its noise: 1 for what is clean
   */
  public void see(int row, int slot, int state, float time) {
    slots[row] = slot;
    states[row] = state;
    timeOf[row] = time(time);
  }

  private int time(float time) {
    for (int i = timeCount - 1; i >= 0; i--) {
      if (times[i] == time) {
        return i;
      }
    }
    if (timeCount == times.length) {
      times = Arrays.copyOf(times, 2 * timeCount);
    }
    times[timeCount] = time;
    return timeCount++;
  }

  public RowSpans spans() {
    return spans;
  }

  int[] slots() {
    return slots;
  }

  int[] states() {
    return states;
  }

  /** Index into {@link #times} of each row. */
  int[] timeOf() {
    return timeOf;
  }

  float[] times() {
    return times;
  }

  int timeCount() {
    return timeCount;
  }

  /** Positions that take a step; rows count over all sequences to denoise. */
  public DenoiseRows wanted() {
    return wanted;
  }

  /** What was found of them, after the step. */
  public Denoised denoised() {
    return denoised;
  }

  private static int[] atLeast(int[] array, int length) {
    return array.length >= length
        ? array
        : Arrays.copyOf(array, Math.max(length, 2 * array.length));
  }
}
