/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import dev.palimpsest.kernels.MaskedBlock;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Sampling;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * Masked (absorbing) diffusion: starts from MASK wherever text is to be written, predicts the
 * masked positions, commits some of them by a {@link CommitRule}, and so on until its steps are
 * taken.
 *
 * <p><b>What is written.</b> All positions that are not fixed, wherever they lie; those that start
 * with a token are a draft, which only self-correction changes. Blocks tile the written positions
 * in order ({@code blockLength} of them each, the last block may be shorter), so that with one hole
 * at the end they are LLaDA's blocks. A MASK at a fixed position stays.
 *
 * <p>{@link #inBlocksOf} takes the blocks from the canvas instead: for models that attend in
 * blocks.
 *
 * <p><b>Steps</b> ({@link Pace}). A block whose masks are all chosen before its steps are over ends
 * early; Dream's schedule takes all its steps, and a step of it may commit nothing, as in the
 * reference. Ties go to the lowest position.
 *
 * <p><b>MASK predicted.</b> As in the references a position that is chosen but predicted as MASK
 * uses up its place and stays masked; it can be chosen again later, and may be left masked at the
 * end. Suppress the mask token in {@link Sampling} to rule it out.
 *
 * <p><b>Corrections</b> ({@link Correction}). Committed tokens of the current block are predicted
 * as well. What is remasked is written again from the next step on: a given number of steps spreads
 * it over those that are left; otherwise steps are added, and a block ends only after a step that
 * doubted nothing or when the budget is used up. What is edited changes on the spot, and a block
 * ends only after a step that edited nothing or after so many steps without a mask.
 *
 * <p><b>Hurry</b> ({@link #hurry}). The steps left are divided over the blocks by their masks, and
 * a rule chooses as if they were all that its block was given; where there are fewer steps than
 * blocks the rest of the canvas becomes one block. A model that attends in blocks takes a step for
 * each block at least.
 *
 * <p><b>End of text</b> ({@code stopAtEnd}). Counts in the last hole if nothing fixed follows it;
 * within other holes an end token is a token like any other.
 */
public final class MaskedDiffusion implements DiffusionProcess {
  private static final int[] NO_TOKENS = {};

  private final MaskedOptions options;
  private final CommitRule usualRule;
  private CommitRule rule;
  private final Canvas canvas;
  private final Revision start;
  private final BitSet fixed;
  private final int[] endTokens;
  // Positions to write, ascending.
  private final int[] written;
  // Index into `written` from which the positions run to the end of the canvas without a gap.
  private final int tail;
  private final int[] blockStarts;
  // Whether several blocks may be written as one; not if the model attends in blocks.
  private final boolean joinsBlocks;
  private int blocks;
  private final Corrector corrector;

  private final Candidates masked;
  private final Candidates visible;
  private final BitSet commits = new BitSet();
  private final Positions wanted = new Positions();
  private boolean wantedKnown;

  private int step;
  private int block;
  private ActiveBlock active = new ActiveBlock(0, 0, 0);
  private int blockSteps;
  private int blockStep;
  private int scheduled;
  private boolean finished;

  /**
   * A request's process.
   *
   * @param tokens the canvas to start from: fixed text, MASK where text is to be written, or a
   *     draft of it
   * @param fixed positions that never change
   * @param options how to decode
   * @param maskToken id of MASK
   * @param endTokens ids that end a text; the first one fills what follows. May be none unless
   *     {@code options.stopAtEnd()}
   * @throws IllegalArgumentException if the options do not fit the canvas; the message says which
   *     and how to change it
   */
  public static MaskedDiffusion of(
      int[] tokens, BitSet fixed, MaskedOptions options, int maskToken, int... endTokens) {
    return new MaskedDiffusion(tokens, fixed, options, 0, maskToken, endTokens);
  }

  /**
   * As {@link #of}, for a model that attends in blocks: its blocks tile the canvas from position 0,
   * and those with anything to write are written in order. Any rule is applied to one of them at a
   * time, and all have the same steps, however much of them is fixed.
   *
   * @param modelBlock positions of such a block
   * @throws IllegalArgumentException as there, and if the options name blocks of another length
   */
  public static MaskedDiffusion inBlocksOf(
      int modelBlock,
      int[] tokens,
      BitSet fixed,
      MaskedOptions options,
      int maskToken,
      int... endTokens) {
    if (modelBlock < 1) {
      throw new IllegalArgumentException(
          "a model's blocks have at least one position; found " + modelBlock);
    }
    if (options.blockLength() != 0 && options.blockLength() != modelBlock) {
      throw new IllegalArgumentException(
          "block length %d: the model attends in blocks of %d and writes them one by one; leave it unset, or set it to %d"
              .formatted(options.blockLength(), modelBlock, modelBlock));
    }
    return new MaskedDiffusion(tokens, fixed, options, modelBlock, maskToken, endTokens);
  }

  private MaskedDiffusion(
      int[] tokens,
      BitSet fixed,
      MaskedOptions options,
      int modelBlock,
      int maskToken,
      int[] endTokens) {
    Opening opening =
        new Opening(tokens, fixed, maskToken, options.stopAtEnd(), endTokens.length > 0);
    this.options = options;
    this.fixed = (BitSet) fixed.clone();
    this.endTokens = endTokens.clone();
    usualRule = CommitRule.of(options);
    rule = usualRule;
    corrector = Corrector.of(options.correction());
    masked = new Candidates(maskToken);
    visible = new Candidates(maskToken);

    written = opening.written();
    tail = opening.tail();
    blockStarts =
        modelBlock > 0
            ? BlockStarts.ofPositions(written, modelBlock)
            : BlockStarts.ofCount(written.length, options.blockLength());
    blocks = blockStarts.length - 1;
    joinsBlocks = modelBlock == 0;
    if (options.pace() instanceof Pace.Steps(int total) && total < blocks) {
      throw new IllegalArgumentException(
          "%d steps are too few for %d blocks (%d tokens to write in blocks of %d): take at least %d steps%s"
              .formatted(
                  total,
                  blocks,
                  written.length,
                  modelBlock > 0 ? modelBlock : options.blockLength(),
                  blocks,
                  modelBlock > 0 ? "" : " or longer blocks"));
    }

    canvas = new Canvas(maskToken);
    start = opening.start();
    canvas.apply(start);
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
    return finished;
  }

  @Override
  public boolean fixed(int position) {
    return fixed.get(position);
  }

  @Override
  public ActiveBlock active() {
    return active;
  }

  @Override
  public Sampling sampling() {
    return options.sampling();
  }

  @Override
  public boolean usesEntropy() {
    return usualRule instanceof Entropy || usualRule instanceof EntropyBounded;
  }

  @Override
  public long seed() {
    return options.seed();
  }

  @Override
  public int step() {
    return step;
  }

  @Override
  public float guidance() {
    return options.guidance();
  }

  @Override
  public Positions wanted() {
    if (!wantedKnown) {
      wanted.clear();
      int end = finished ? 0 : blockEnd();
      for (int i = 0; i < end; i++) {
        // Masks of earlier blocks, if any are left, stay eligible, as in LLaDA's loop.
        if (canvas.masked(written[i]) || (i >= blockStart() && mayCorrect())) {
          wanted.add(written[i]);
        }
      }
      wantedKnown = true;
    }
    return wanted;
  }

  /** Not after {@link #hurry} has changed the rule. */
  @Override
  public Optional<MaskedBlock> block() {
    if (finished || rule != usualRule || !RuleOnDevice.knows(options)) {
      return Optional.empty();
    }
    RuleOnDevice known = RuleOnDevice.of(options);
    return Optional.of(
        new MaskedBlock(
            options.seed(),
            known.rule(),
            known.bound(),
            known.low(),
            known.schedule(),
            known.tokensPerStep(),
            canvas.maskToken(),
            maskedBetween(0, blockStart()),
            step,
            blockStep,
            blockSteps,
            scheduled,
            fixed,
            tail < written.length ? written[tail] : canvas.length(),
            options.stopAtEnd() ? endTokens : NO_TOKENS));
  }

  @Override
  public Revision advance(Predictions predictions, int offset) {
    if (finished) {
      throw new IllegalStateException("the process has finished after step " + step);
    }
    Positions positions = wanted();
    Objects.checkFromIndexSize(offset, positions.size(), predictions.size());
    masked.begin(predictions);
    visible.begin(predictions);
    for (int i = 0; i < positions.size(); i++) {
      int position = positions.at(i);
      (canvas.masked(position) ? masked : visible).add(position, offset + i);
    }

    List<Change> changes = new ArrayList<>();
    int remasked = mayCorrect() ? corrector.correct(visible, canvas, changes) : 0;
    commits.clear();
    rule.choose(
        masked, new Moment(blockStep, blockSteps, scheduled, options.seed(), step), commits);
    for (int i = commits.nextSetBit(0); i >= 0; i = commits.nextSetBit(i + 1)) {
      if (!masked.predictsMask(i)) {
        changes.add(new Change.Commit(masked.position(i), masked.token(i), masked.confidence(i)));
      }
    }
    boolean idle = commits.isEmpty() && changes.isEmpty();
    boolean stuck = commits.isEmpty() && remasked == 0;
    for (Change change : changes) {
      canvas.apply(change);
    }

    step++;
    blockStep++;
    scheduled += remasked - commits.cardinality();
    wantedKnown = false;
    boolean over = blockOver(stuck, idle);
    if (over) {
      enter(block + 1);
    }
    if (options.stopAtEnd() && (over || !(options.correction() instanceof Correction.Edit))) {
      stopAtEnd(changes);
    }
    return new Revision(step, changes, maskedLeft());
  }

  @Override
  public void hurry(int stepsLeft) {
    int masks = maskedLeft();
    if (finished || inTime(stepsLeft, masks)) {
      return;
    }
    int later = 0;
    for (int b = block + 1; b < blocks; b++) {
      later += corrects() || maskedBetween(blockStarts[b], blockStarts[b + 1]) > 0 ? 1 : 0;
    }
    if (later >= stepsLeft && joinsBlocks) {
      joinBlocks();
      later = 0;
    }
    int inBlock = maskedInBlock();
    // A block without masks is still to be corrected.
    long part = inBlock == 0 ? stepsLeft / (later + 1) : (long) stepsLeft * inBlock / masks;
    int share = Math.clamp(part, 1, Math.max(1, stepsLeft - later));
    int needed =
        options.pace() instanceof Pace.TokensPerStep(int tokens)
            ? Math.ceilDiv(inBlock, tokens)
            : 1;
    int planned = blockSteps - blockStep;
    if (share >= planned && planned >= needed) {
      return;
    }
    if (share < needed) {
      rule = CommitRule.of(options.withPace(new Pace.Steps(share)));
    }
    blockStep = 0;
    blockSteps = share;
    scheduled = inBlock;
    wantedKnown = false;
  }

  /** Whether all would be done in {@code stepsLeft} steps without hurry. */
  private boolean inTime(int stepsLeft, int masks) {
    return switch (options.pace()) {
      case Pace.Steps(int total) -> total - step <= stepsLeft;
      case Pace.TokensPerStep(int tokens) ->
          !corrects() && Math.ceilDiv(masks, tokens) + blocks - block - 1 <= stepsLeft;
      // A step commits one at least.
      case Pace.AsNeeded _ -> !corrects() && masks <= stepsLeft;
    };
  }

  private boolean corrects() {
    return !(options.correction() instanceof Correction.None);
  }

  /** Makes this block and all that follow one. */
  private void joinBlocks() {
    blockStarts[block + 1] = written.length;
    blocks = block + 1;
    // An index that no block has had.
    active = new ActiveBlock(blockStarts.length - 1, firstOpen(), written[written.length - 1] + 1);
    blockStep = 0;
    blockSteps = Integer.MAX_VALUE;
    wantedKnown = false;
  }

  /** Makes {@code next}, or the first block after it with anything to do, the current block. */
  private void enter(int next) {
    rule = usualRule;
    for (block = next; block < blocks; block++) {
      blockStep = 0;
      blockSteps =
          switch (options.pace()) {
            case Pace.Steps(int total) -> total / blocks + (block < total % blocks ? 1 : 0);
            case Pace.TokensPerStep _ -> Integer.MAX_VALUE;
            case Pace.AsNeeded(int maxPerBlock) -> maxPerBlock;
          };
      corrector.enterBlock();
      scheduled = maskedInBlock();
      if (scheduled > 0 || mayCorrect()) {
        active = new ActiveBlock(block, firstOpen(), written[blockEnd() - 1] + 1);
        return;
      }
    }
    finished = true;
  }

  /**
   * Whether the current block is done after a step.
   *
   * @param stuck the step chose no mask and made none
   * @param idle it changed nothing
   */
  private boolean blockOver(boolean stuck, boolean idle) {
    if (blockStep == blockSteps) {
      return true;
    }
    boolean allChosen =
        switch (rule) {
          case RankedRule ranked when ranked.choice().schedule().choosesOnce() -> scheduled == 0;
          case RankedRule _, Origin _ -> maskedInBlock() == 0;
          // A step without a choice would repeat itself: only MASK is predicted.
          case AdaptiveRule _ -> maskedInBlock() == 0 || stuck;
        };
    if (allChosen && stuck) {
      corrector.sawNoMasks();
    }
    return allChosen && (idle || !mayCorrect());
  }

  /** Whether the next step may correct what it sees. */
  private boolean mayCorrect() {
    return corrector.possible(blockSteps - blockStep);
  }

  /** First position the current block may change: its own, or a mask left in an earlier block. */
  private int firstOpen() {
    for (int i = 0; i < blockStart(); i++) {
      if (canvas.masked(written[i])) {
        return written[i];
      }
    }
    return written[blockStart()];
  }

  private int blockStart() {
    return blockStarts[block];
  }

  private int blockEnd() {
    return blockStarts[block + 1];
  }

  private int maskedInBlock() {
    return maskedBetween(blockStart(), blockEnd());
  }

  /** Masks at {@code written[from .. to - 1]}. */
  private int maskedBetween(int from, int to) {
    int count = 0;
    for (int i = from; i < to; i++) {
      count += canvas.masked(written[i]) ? 1 : 0;
    }
    return count;
  }

  private int maskedLeft() {
    return maskedBetween(0, written.length);
  }

  /** Fills what follows the first end token, once nothing before it is masked, and finishes. */
  private void stopAtEnd(List<Change> changes) {
    for (int i = 0; i < written.length; i++) {
      int p = written[i];
      if (canvas.masked(p)) {
        return;
      }
      if (i >= tail && isEnd(canvas.token(p))) {
        for (int q = p + 1; q < canvas.length(); q++) {
          int token = canvas.token(q);
          if (isEnd(token)) {
            continue;
          }
          Change fill =
              canvas.masked(q)
                  ? new Change.Commit(q, endTokens[0], 1)
                  : new Change.Replace(q, token, endTokens[0], 1);
          canvas.apply(fill);
          changes.add(fill);
        }
        finished = true;
        return;
      }
    }
  }

  private boolean isEnd(int token) {
    for (int end : endTokens) {
      if (end == token) {
        return true;
      }
    }
    return false;
  }
}
