/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.process.Canvas;
import dev.palimpsest.process.Change;
import dev.palimpsest.process.Revision;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A step of a generation: the work another engine has to do for it, and what came of it here.
 *
 * @param canvas tokens before the step
 * @param masked positions whose tokens are predicted: the masks up to the end of the block
 * @param commits what was written
 */
record TracedStep(int[] canvas, int[] masked, List<Change.Commit> commits) {
  /** All steps of a generation, from its revisions; {@code shape} says where its blocks end. */
  static List<TracedStep> of(List<Revision> revisions, DecodeShape shape, int maskToken) {
    List<TracedStep> steps = new ArrayList<>();
    Canvas canvas = new Canvas(maskToken);
    for (Revision revision : revisions) {
      if (revision.step() > 0) {
        steps.add(step(canvas, revision, shape));
      }
      canvas.apply(revision);
    }
    return steps;
  }

  private static TracedStep step(Canvas canvas, Revision revision, DecodeShape shape) {
    int[] masks = IntStream.range(0, canvas.length()).filter(canvas::masked).toArray();
    List<Change.Commit> commits =
        revision.changes().stream()
            .filter(Change.Commit.class::isInstance)
            .map(Change.Commit.class::cast)
            .toList();
    int last = commits.stream().mapToInt(Change.Commit::position).max().orElse(masks[0]);
    int written = last - shape.promptLength();
    int blockEnd = shape.promptLength() + (written / shape.block() + 1) * shape.block();
    return new TracedStep(
        canvas.tokens(), IntStream.of(masks).filter(p -> p < blockEnd).toArray(), commits);
  }
}
