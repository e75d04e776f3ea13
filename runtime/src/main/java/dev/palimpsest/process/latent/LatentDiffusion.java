/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process.latent;

import dev.palimpsest.kernels.Denoised;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.SolverStep;
import dev.palimpsest.process.Canvas;
import dev.palimpsest.process.Change;
import dev.palimpsest.process.Opening;
import dev.palimpsest.process.Positions;
import dev.palimpsest.process.Revision;
import dev.palimpsest.process.WritingProcess;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * Continuous diffusion of one text: the latents of all positions to be written start as Gaussian
 * noise and are brought to clean ones in a few calls of the denoiser, then one call decodes them.
 * Latents live on the device; this says what is to be done with them next. Used by one thread at a
 * time.
 *
 * <p><b>Calls.</b> Each block takes a denoiser call for each time of its grid, then one of the
 * decoder, which commits its tokens. Given text is encoded along with the first call. {@link #step}
 * counts calls of the denoiser and of the decoder, previews included.
 *
 * <p><b>Blocks.</b> A canvas of no more positions than the model was trained on is one block. A
 * longer one is written from left to right; what lies further from a block than the model can see
 * is left out, and what earlier blocks wrote is encoded like given text.
 *
 * <p><b>Doubt.</b> After the last step positions of low quality may go back to a noisier time, with
 * fresh noise, while the others keep their codes ({@link Place#WRITTEN}).
 *
 * <p><b>Previews</b> decode the last step's estimate while the next one is taken, and replace what
 * was shown before. They change nothing of what follows: noise is keyed by the number of denoiser
 * calls alone.
 *
 * <p><b>End of text</b> counts in the last hole if nothing given follows it: what comes after an
 * end token becomes end tokens, and later blocks are not written.
 */
public final class LatentDiffusion implements WritingProcess {
  /** What a position in the window is. */
  public enum Place {
    /** Being written: noisy. */
    NOISE,
    /** Text that was given, or written by an earlier block. */
    GIVEN,
    /** Written by this block, and kept. */
    WRITTEN
  }

  private final LatentOptions options;
  private final LatentModel model;
  private final int[] endTokens;
  private final Canvas canvas;
  private final Revision start;
  private final int[] written;
  // Index into `written` from which the positions run to the end of the canvas without a gap.
  private final int tail;

  private Window window;
  private final Positions block = new Positions();
  private final Positions noisy = new Positions();
  private Place[] places = new Place[0];
  private int[] codes = new int[0];
  private double[] confidence = new double[0];
  private double[] quality = new double[0];

  private int stepsEach;
  private int refineSteps;
  private double[] times = new double[0];
  private int call;
  private double previousTime = Double.NaN;
  private boolean refining;
  private boolean decoding;
  private int denoiserCalls;
  private int step;

  /**
   * A request's process.
   *
   * @param tokens the canvas to start from: given text, and MASK where text is to be written
   * @param fixed positions that were given
   * @throws IllegalArgumentException if the options do not fit the model or the canvas; the message
   *     says which and how to change it
   */
  public LatentDiffusion(int[] tokens, BitSet fixed, LatentOptions options, LatentModel model) {
    this.options = options;
    this.model = model;
    endTokens = model.endTokens().stream().mapToInt(Integer::intValue).toArray();
    int mask = model.maskToken();
    Opening opening =
        new Opening(tokens, fixed, mask, options.stopAtEnd(), !model.endTokens().isEmpty());
    if (options.blockLength() > model.window()) {
      throw new IllegalArgumentException(
          "block length %d: the model sees %d positions at a time; take at most that"
              .formatted(options.blockLength(), model.window()));
    }
    for (int p = 0; p < tokens.length; p++) {
      if (fixed.get(p) == (tokens[p] == mask)) {
        throw new IllegalArgumentException(
            fixed.get(p)
                ? "the given token at position %d is MASK, which has no latent: give it as a hole"
                    .formatted(p)
                : "position %d is to be written and holds token %d already: give it as text, or as a hole"
                    .formatted(p, tokens[p]));
      }
    }
    written = opening.written();
    tail = opening.tail();
    stepsEach = options.steps();
    refineSteps = options.refineSteps();
    // Refuses a grid that the checkpoint does not know.
    options.grid().times(1, model.defaults());

    canvas = new Canvas(mask);
    start = opening.start();
    canvas.apply(start);
    window = Window.NONE;
    enter(0);
  }

  @Override
  public Canvas canvas() {
    return canvas;
  }

  @Override
  public Revision start() {
    return start;
  }

  @Override
  public boolean finished() {
    return window == Window.NONE;
  }

  @Override
  public int step() {
    return step;
  }

  public LatentOptions options() {
    return options;
  }

  /** Most positions that are ever seen at a time: slots of latent state that the process needs. */
  public int slots() {
    return Math.min(canvas.length(), model.window());
  }

  // ---- the next call ----

  /** First position of the canvas that it sees. */
  public int from() {
    return window.from();
  }

  /** How many it sees. */
  public int length() {
    return window.length();
  }

  /** What a position of the window is. */
  public Place place(int position) {
    return places[position - window.from()];
  }

  /** Whether it is a block's first: given text is to be encoded, and {@link #noisy} to be noise. */
  public boolean begins() {
    return !decoding && !refining && call == 0;
  }

  /**
   * Whether it is the first after doubts: the block's positions are to have the latents of their
   * {@link #codes}, and {@link #noisy} are to go back to {@link #time}.
   */
  public boolean refines() {
    return !decoding && refining && call == 0;
  }

  /** Whether it decodes; otherwise it denoises. */
  public boolean decodes() {
    return decoding;
  }

  /** Whether it decodes the estimates of the call before as well. */
  public boolean previews() {
    return options.previews() && !decoding && call > 0;
  }

  /** Positions of the block, ascending: those that are decoded. */
  public Positions block() {
    return block;
  }

  /** Positions that are being written, ascending: those that are denoised. */
  public Positions noisy() {
    return noisy;
  }

  /** The codes last found at a position: one for each group, {@link #codes} from here on. */
  public int codesAt(int position) {
    return (position - window.from()) * model.groups();
  }

  public int[] codes() {
    return codes;
  }

  /** Codes of a latent. */
  public int groups() {
    return model.groups();
  }

  /** Time of {@link #noisy} before it. */
  public double time() {
    return times[call];
  }

  /** What becomes of their latents. */
  public SolverStep solver() {
    double next = call + 1 < times.length ? times[call + 1] : 1;
    return options.solver().step(model.path(), previousTime, time(), next, options.churn());
  }

  /** Factor of a position's clean latent where it goes back to noise. */
  public float keep() {
    return refining ? (float) model.path().alpha(time()) : 0;
  }

  /** Factor of the noise there. */
  public float noise() {
    return (float) model.path().sigma(time());
  }

  /** Keys the noise, together with the seed and the position. */
  public int noiseStep() {
    return denoiserCalls;
  }

  // ---- steps ----

  /**
   * Takes the step.
   *
   * @param denoised entries {@code at + i} are those of {@code noisy().at(i)}, if it denoises
   * @param predictions entries {@code decodedAt + i} are those of {@code block().at(i)}, if it
   *     decodes or previews
   * @return what was changed; already applied to {@link #canvas}
   */
  public Revision advance(Denoised denoised, int at, Predictions predictions, int decodedAt) {
    if (finished()) {
      throw new IllegalStateException("the process has finished after step " + step);
    }
    List<Change> changes = new ArrayList<>();
    if (decoding || previews()) {
      step++;
      write(predictions, decodedAt, changes);
    }
    if (decoding) {
      if (options.stopAtEnd() && stopAtEnd(changes)) {
        window = Window.NONE;
      } else {
        enter(window.end());
      }
    } else {
      step++;
      denoiserCalls++;
      take(denoised, at);
      previousTime = time();
      call++;
      if (call == times.length) {
        endOfGrid();
      }
    }
    return new Revision(step, changes, maskedLeft());
  }

  private void write(Predictions predictions, int at, List<Change> changes) {
    for (int i = 0; i < block.size(); i++) {
      int position = block.at(i);
      put(
          position,
          predictions.token(at + i),
          predictions.confidence(at + i) * confidence[position - window.from()],
          changes);
    }
  }

  private void put(int position, int token, double sure, List<Change> changes) {
    int now = canvas.token(position);
    if (now == token) {
      return;
    }
    Change change =
        canvas.masked(position)
            ? new Change.Commit(position, token, sure)
            : new Change.Replace(position, now, token, sure);
    canvas.apply(change);
    changes.add(change);
  }

  /** Keeps what the denoiser found. */
  private void take(Denoised denoised, int at) {
    int groups = model.groups();
    for (int i = 0; i < noisy.size(); i++) {
      int place = noisy.at(i) - window.from();
      for (int g = 0; g < groups; g++) {
        codes[place * groups + g] = denoised.code(at + i, g);
      }
      confidence[place] = denoised.confidence(at + i);
      quality[place] = denoised.quality(at + i);
    }
  }

  /** Doubts what was written, once, or goes on to decode it. */
  private void endOfGrid() {
    decoding = true;
    if (refining || refineSteps == 0) {
      return;
    }
    noisy.clear();
    for (int i = 0; i < block.size(); i++) {
      int place = block.at(i) - window.from();
      boolean doubtful = quality[place] < options.refineThreshold();
      places[place] = doubtful ? Place.NOISE : Place.WRITTEN;
      if (doubtful) {
        noisy.add(block.at(i));
      }
    }
    if (noisy.size() > 0) {
      decoding = false;
      refining = true;
      begin(TimeGrid.from(options.refineTime(), refineSteps));
    }
  }

  private void begin(double[] grid) {
    times = grid;
    call = 0;
    previousTime = Double.NaN;
  }

  /** Makes the block that begins with {@code written[first]} the current one. */
  private void enter(int first) {
    window = Window.next(written, first, canvas.length(), model.window(), options.blockLength());
    decoding = false;
    refining = false;
    if (finished()) {
      return;
    }
    int length = window.length();
    if (places.length < length) {
      places = new Place[length];
      codes = new int[length * model.groups()];
      confidence = new double[length];
      quality = new double[length];
    }
    Arrays.fill(places, 0, length, Place.GIVEN);
    block.clear();
    noisy.clear();
    for (int i = window.first(); i < window.end(); i++) {
      places[written[i] - window.from()] = Place.NOISE;
      block.add(written[i]);
      noisy.add(written[i]);
    }
    begin(options.grid().times(stepsEach, model.defaults()));
  }

  /** Fills what follows the first end token; false if there is none. */
  private boolean stopAtEnd(List<Change> changes) {
    int end = -1;
    for (int i = Math.max(tail, window.first()); i < window.end() && end < 0; i++) {
      end = ends(canvas.token(written[i])) ? i : -1;
    }
    if (end < 0) {
      return false;
    }
    for (int i = end + 1; i < written.length; i++) {
      put(written[i], endTokens[0], 1, changes);
    }
    return true;
  }

  /** A list of boxed tokens would be asked with a box for each position. */
  private boolean ends(int token) {
    for (int end : endTokens) {
      if (token == end) {
        return true;
      }
    }
    return false;
  }

  private int maskedLeft() {
    int count = 0;
    for (int position : written) {
      count += canvas.masked(position) ? 1 : 0;
    }
    return count;
  }

  /**
   * If more calls are planned, the times left become fewer, in this block and in those that follow,
   * and nothing is doubted any more; each block takes two calls at least.
   */
  @Override
  public void hurry(int callsLeft) {
    if (finished() || planned() <= callsLeft) {
      return;
    }
    int share = Math.max(1, callsLeft / (1 + blocksLeft()) - 1);
    stepsEach = Math.min(stepsEach, share);
    refineSteps = 0;
    int left = times.length - call;
    if (!decoding && left > share) {
      double[] fewer = Arrays.copyOf(times, call + share);
      for (int i = 1; i < share; i++) {
        fewer[call + i] = times[call + i * left / share];
      }
      times = fewer;
    }
  }

  /** Calls until the end, previews aside, if nothing hurries. */
  private int planned() {
    int now = decoding ? 1 : times.length - call + 1 + (refining ? 0 : refineSteps);
    return now + blocksLeft() * (stepsEach + refineSteps + 1);
  }

  /** Blocks after this one, about. */
  private int blocksLeft() {
    return Math.ceilDiv(written.length - window.end(), Math.max(1, block.size()));
  }
}
