/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Sampling;
import java.util.ArrayList;
import java.util.List;

/**
 * Writing from left to right, one token a step: what a causal model does, as a process among the
 * others. All that is to be written stands at the end of the canvas, and nothing that was written
 * changes.
 *
 * <p>A causal model has no MASK; {@link #OPEN} stands on the canvas where nothing has been written
 * yet, and is never fed.
 */
public final class Autoregression implements DiffusionProcess {
  /** No token's id: a position that has not been written yet. */
  public static final int OPEN = -1;

  private final Sampling sampling;
  private final long seed;
  private final boolean stopAtEnd;
  private final int[] endTokens;
  private final int prompt;
  private final Canvas canvas = new Canvas(OPEN);
  private final Revision start;
  private final Positions wanted = new Positions();
  private int next;
  private int step;

  /**
   * A request's process.
   *
   * @param tokens the canvas to start from: the prompt, then anything at the positions to write
   * @param prompt how many of them are given, at least one: the first token has nothing to follow
   *     from
   * @param stopAtEnd the text ends with the first end token; the first of those fills what follows
   * @throws IllegalArgumentException if there is no prompt, or no end token to stop at
   */
  public Autoregression(
      int[] tokens, int prompt, Sampling sampling, long seed, boolean stopAtEnd, int... endTokens) {
    if (prompt < 1 || prompt > tokens.length) {
      throw new IllegalArgumentException(
          "a causal model goes on from 1 to %d given tokens of a canvas of %d; found %d: begin with text"
              .formatted(tokens.length, tokens.length, prompt));
    }
    Opening.refuseEndless(stopAtEnd, endTokens.length > 0);
    this.prompt = prompt;
    this.sampling = sampling;
    this.seed = seed;
    this.stopAtEnd = stopAtEnd;
    this.endTokens = endTokens.clone();
    List<Change> inserts = new ArrayList<>(tokens.length);
    for (int p = 0; p < tokens.length; p++) {
      inserts.add(new Change.Insert(p, p < prompt ? tokens[p] : OPEN));
    }
    start = new Revision(0, inserts, tokens.length - prompt);
    canvas.apply(start);
    moveTo(prompt);
  }

  private void moveTo(int position) {
    next = position;
    wanted.clear();
    if (!finished()) {
      wanted.add(next);
    }
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
    return next == canvas.length();
  }

  @Override
  public boolean fixed(int position) {
    return position < prompt;
  }

  @Override
  public Positions wanted() {
    return wanted;
  }

  @Override
  public ActiveBlock active() {
    return new ActiveBlock(step, next, Math.min(next + 1, canvas.length()));
  }

  @Override
  public Sampling sampling() {
    return sampling;
  }

  @Override
  public boolean usesEntropy() {
    return false;
  }

  @Override
  public long seed() {
    return seed;
  }

  @Override
  public int step() {
    return step;
  }

  @Override
  public float guidance() {
    return 0;
  }

  @Override
  public Revision advance(Predictions predictions, int offset) {
    if (finished()) {
      throw new IllegalStateException("the process has finished after step " + step);
    }
    List<Change> changes = new ArrayList<>(1);
    int token = predictions.token(offset);
    changes.add(new Change.Commit(next, token, predictions.confidence(offset)));
    int to = next + 1;
    if (stopAtEnd && ends(token)) {
      for (; to < canvas.length(); to++) {
        changes.add(new Change.Commit(to, endTokens[0], 1));
      }
    }
    changes.forEach(canvas::apply);
    step++;
    moveTo(to);
    return new Revision(step, changes, canvas.length() - next);
  }

  private boolean ends(int token) {
    for (int end : endTokens) {
      if (end == token) {
        return true;
      }
    }
    return false;
  }
}
