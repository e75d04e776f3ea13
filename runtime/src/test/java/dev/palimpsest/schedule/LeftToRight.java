/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.network.StepBatch;
import dev.palimpsest.process.Canvas;
import dev.palimpsest.process.Change;
import dev.palimpsest.process.DiffusionProcess;
import dev.palimpsest.process.Positions;
import dev.palimpsest.process.Revision;
import java.util.ArrayList;
import java.util.List;

/**
 * Writes one masked position a step, from the left; the first token is the prompt. Prompt 13 breaks
 * in its first step.
 */
final class LeftToRight implements DiffusionProcess {
  static final int MASK = 99;

  private final Canvas canvas = new Canvas(MASK);
  private final int prompt;
  private final int length;
  private int step;

  LeftToRight(int prompt, int length) {
    this.prompt = prompt;
    this.length = length;
  }

  @Override
  public Canvas canvas() {
    return canvas;
  }

  @Override
  public Revision start() {
    List<Change> changes = new ArrayList<>();
    changes.add(new Change.Insert(0, prompt));
    for (int i = 1; i < length; i++) {
      changes.add(new Change.Insert(i, MASK));
    }
    Revision revision = new Revision(0, changes, length - 1);
    canvas.apply(revision);
    return revision;
  }

  @Override
  public boolean finished() {
    return step == length - 1;
  }

  @Override
  public boolean fixed(int position) {
    return position == 0;
  }

  @Override
  public Positions wanted() {
    return Positions.of(step + 1);
  }

  @Override
  public Sampling sampling() {
    return Sampling.GREEDY;
  }

  @Override
  public long seed() {
    return 0;
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
    if (prompt == 13) {
      throw new IllegalStateException("process 13 is broken");
    }
    Revision revision =
        new Revision(
            ++step,
            List.of(
                new Change.Commit(step, predictions.token(offset), predictions.confidence(offset))),
            length - 1 - step);
    canvas.apply(revision);
    return revision;
  }

  /** Predicts for every wanted position the sum of its sequence's first token and its position. */
  static void predict(StepBatch batch, Predictions out) {
    out.resize(batch.wanted().size());
    for (int i = 0; i < out.size(); i++) {
      int row = batch.wanted().row(i);
      int start = 0;
      for (int s = 0; s < batch.spans().sequences(); s++) {
        if (batch.spans().start(s) <= row) {
          start = batch.spans().start(s);
        }
      }
      out.set(i, batch.tokens()[start] + batch.wanted().position(i), 0.5, 0.1, -1);
    }
  }

  /** What a request for {@code length} tokens ends with. */
  static List<Integer> expected(int prompt, int length) {
    List<Integer> tokens = new ArrayList<>();
    for (int i = 0; i < length; i++) {
      tokens.add(prompt + i);
    }
    return tokens;
  }
}
