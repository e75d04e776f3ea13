/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.kernels.BlockBatch;
import dev.palimpsest.kernels.BlockLoop;
import dev.palimpsest.kernels.EmbeddingTable;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.network.StepBatch;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A network that predicts from all tokens of a sequence, and a loop beside it that takes the steps
 * of a block by itself; both by plain arithmetic. It is surest of the leftmost mask, so the loop
 * commits from the left, as many a step as the block says. The loop fails when it is told to.
 */
final class LoopingNetwork implements Stepper {
  /** Rows and entries that batches of the loop are padded by. */
  private static final int PADDING = 3;

  /** What was predicted for an entry in a step. */
  private record Found(int token, double confidence) {}

  private final Loop loop = new Loop();
  private final boolean loops;

  /** Steps of the host, and runs of the loop that did not fail. */
  int forwards;

  int runs;

  /** Runs of the loop that are still to fail, and the steps that each takes before it does. */
  int failures;

  int stepsBeforeFailure;

  /** Asks for the loop that are still to fail. */
  int refusals;

  /** First token of the canvas that the loop writes another token on than it predicted. */
  int miswritten = -1;

  /** First token of the canvas whose predictions are broken from its second step on. */
  int broken = -1;

  /**
   * @param loops whether there is a loop
   */
  LoopingNetwork(boolean loops) {
    this.loops = loops;
  }

  private static Found find(int[] tokens, int start, int end, int position) {
    int sum = 0;
    for (int row = start; row < end; row++) {
      sum = 31 * sum + tokens[row];
    }
    return new Found(100 + Math.floorMod(sum + position, 97), 1.0 / (2 + position));
  }

  @Override
  public void forward(StepBatch batch, Predictions out) {
    forwards++;
    PredictionRows wanted = batch.wanted();
    out.resize(wanted.size());
    for (int i = 0; i < out.size(); i++) {
      int row = wanted.row(i);
      assertEquals(LeftToRight.MASK, batch.tokens()[row], "a position that was written already");
      int s = batch.spans().sequenceOf(row);
      int start = batch.spans().start(s);
      Found found =
          find(batch.tokens(), start, start + batch.spans().length(s), wanted.position(i));
      out.set(i, found.token, found.confidence, 0, 0);
    }
  }

  @Override
  public Optional<BlockLoop> loop() {
    if (refusals > 0) {
      refusals--;
      throw new IllegalStateException("no memory for a loop");
    }
    return loops ? Optional.of(loop) : Optional.empty();
  }

  @Override
  public void repeat(StepBatch batch, int most) {
    assertEquals(0, batch.rows() % PADDING);
    assertEquals(0, batch.wanted().size() % PADDING);
    loop.take(batch, most);
    runs++;
  }

  /** The blocks of the last run. */
  private final class Loop implements BlockLoop {
    private final List<List<Found[]>> log = new ArrayList<>();
    private int[] tokens = {};
    private BlockBatch blocks = new BlockBatch();

    /** Writes on a copy of the tokens, as a device does. */
    void take(StepBatch batch, int most) {
      tokens = batch.tokens().clone();
      blocks = batch.blocks();
      log.clear();
      for (int b = 0; b < blocks.size(); b++) {
        log.add(new ArrayList<>());
      }
      for (int step = 0; step < most; step++) {
        if (failures > 0 && step == stepsBeforeFailure) {
          failures--;
          throw new IllegalStateException("the device is gone");
        }
        for (int b = 0; b < blocks.size(); b++) {
          step(blocks.get(b), batch.wanted(), log.get(b));
        }
      }
    }

    private void step(BlockBatch.Placed placed, PredictionRows wanted, List<Found[]> steps) {
      Found[] all = new Found[placed.entries()];
      for (int e = 0; e < all.length; e++) {
        int position = wanted.position(placed.firstEntry() + e);
        all[e] = find(tokens, placed.firstRow(), placed.firstRow() + placed.rows(), position);
      }
      int left = placed.block().tokensPerStep();
      boolean any = false;
      for (int e = 0; e < all.length && left > 0; e++) {
        int row = row(placed, wanted, e);
        if (tokens[row] == LeftToRight.MASK) {
          boolean wrong = tokens[placed.firstRow()] == miswritten;
          tokens[row] = all[e].token + (wrong ? 1 : 0);
          left--;
          any = true;
        }
      }
      if (any) {
        steps.add(all);
      }
    }

    private static int row(BlockBatch.Placed placed, PredictionRows wanted, int entry) {
      int position = wanted.position(placed.firstEntry() + entry);
      return placed.firstRow() + position - placed.firstPosition();
    }

    @Override
    public String describe() {
      return "plain arithmetic";
    }

    @Override
    public int mostEntries() {
      return 100;
    }

    @Override
    public int paddedRows(int rows) {
      return Math.ceilDiv(rows, PADDING) * PADDING;
    }

    @Override
    public int paddedEntries(int entries) {
      return Math.ceilDiv(entries, PADDING) * PADDING;
    }

    @Override
    public int steps(int i) {
      return log.get(i).size();
    }

    @Override
    public void read(int block, int step, int entry, int to, Predictions out) {
      if (step > 0 && tokens[blocks.get(block).firstRow()] == broken) {
        throw new IllegalStateException("the logits are not finite");
      }
      Found found = log.get(block).get(step)[entry];
      out.set(to, found.token, found.confidence, 0, 0);
    }

    @Override
    public int token(int row) {
      return tokens[row];
    }

    @Override
    public void run(
        BlockBatch all, int[] rowTokens, int rows, PredictionRows wanted, int most, Runnable net) {
      throw new AssertionError("the network repeats its calls itself");
    }

    @Override
    public void embed(EmbeddingTable table, int rows, Tensor out) {
      throw new AssertionError("the network repeats its calls itself");
    }

    @Override
    public void predict(Tensor hidden, int rows, PackedLinear head) {
      throw new AssertionError("the network repeats its calls itself");
    }
  }
}
