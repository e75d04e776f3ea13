/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.study;

import dev.palimpsest.Engine;
import dev.palimpsest.Generation;
import dev.palimpsest.GenerationRequest;
import dev.palimpsest.process.Correction;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;

/**
 * Full sudoku grids of 4 × 4 with some cells written wrong: which are found and set right, and what
 * is spoilt meanwhile? Grids are held out. A causal model cannot take part: it changes nothing that
 * stands. Neither can a latent one: it takes what is given for right, and goes back only to what it
 * has written itself.
 */
public final class Repair implements Task {
  private static final int CELLS = 16;
  private static final int GRIDS = 72;
  private static final int DRAFTS = 288;

  private final Words words = new Words(List.of("1", "2", "3", "4"));
  private final List<int[]> train = new ArrayList<>();
  private final List<int[]> right = new ArrayList<>();
  private final List<int[]> drafts = new ArrayList<>();
  private final int wrong;

  /**
   * @param wrong cells of a grid that are written wrong
   */
  public Repair(int wrong, long seed) {
    if (wrong < 1 || wrong > CELLS) {
      throw new IllegalArgumentException(
          "wrong cells must be 1 to %d; found %d".formatted(CELLS, wrong));
    }
    this.wrong = wrong;
    SplittableRandom random = new SplittableRandom(seed);
    SudokuGrid grid = new SudokuGrid(2);
    Set<List<Integer>> seen = new LinkedHashSet<>();
    // All there are.
    while (seen.size() < 288) {
      int[] full = grid.full(random);
      if (seen.add(Arrays.stream(full).boxed().toList())) {
        int[] row = Arrays.stream(full).map(d -> d + Words.MASK).toArray();
        (right.size() < GRIDS ? right : train).add(row);
      }
    }
    for (int d = GRIDS; d < DRAFTS; d++) {
      right.add(right.get(d % GRIDS));
    }
    for (int[] row : right) {
      drafts.add(spoilt(row, random));
    }
  }

  private int[] spoilt(int[] row, SplittableRandom random) {
    int[] draft = row.clone();
    for (int left = wrong; left > 0; ) {
      int cell = random.nextInt(CELLS);
      if (draft[cell] == row[cell]) {
        draft[cell] = 2 + (row[cell] - 2 + 1 + random.nextInt(3)) % 4;
        left--;
      }
    }
    return draft;
  }

  @Override
  public String describe() {
    return "full grids of 4 × 4, %d learned, %d others with %d of 16 cells written wrong"
        .formatted(train.size(), GRIDS, wrong);
  }

  @Override
  public Rows rows() {
    return new Rows(words, CELLS, train, right);
  }

  /** The drafts, and what they were. */
  List<int[]> drafts() {
    return List.copyOf(drafts);
  }

  List<int[]> right() {
    return List.copyOf(right);
  }

  @Override
  public List<Score> measure(Engine engine) {
    if (engine.config().causal() || engine.latent().isPresent()) {
      return List.of();
    }
    List<Score> out = new ArrayList<>();
    out.addAll(
        scores("all at once, 1 step", engine, r -> r.steps(1).correction(new Correction.Edit(0))));
    for (double above : new double[] {0.5, 0.9}) {
      out.addAll(
          scores(
              "edited above " + above + ", up to 16 steps",
              engine,
              r -> r.steps(16).correction(new Correction.Edit(above))));
    }
    for (double below : new double[] {0.1, 0.3}) {
      out.addAll(
          scores(
              "remasked below " + below + ", 16 steps",
              engine,
              r -> r.steps(16).correction(new Correction.Remask(below, CELLS))));
    }
    return out;
  }

  private List<Score> scores(
      String name, Engine engine, UnaryOperator<GenerationRequest.Builder> how) {
    int repaired = 0;
    int spoilt = 0;
    int whole = 0;
    List<Generation> running = new ArrayList<>();
    for (int[] draft : drafts) {
      GenerationRequest.Builder request =
          GenerationRequest.builder().draft(draft).plainTextOnly(true);
      running.add(Answers.submit(engine, how.apply(request).build()));
    }
    for (int i = 0; i < drafts.size(); i++) {
      List<Integer> tokens = running.get(i).result().join().tokens();
      boolean same = true;
      for (int c = 0; c < CELLS; c++) {
        boolean now = tokens.get(c) == right.get(i)[c];
        boolean before = drafts.get(i)[c] == right.get(i)[c];
        repaired += now && !before ? 1 : 0;
        spoilt += !now && before ? 1 : 0;
        same &= now;
      }
      whole += same ? 1 : 0;
    }
    double all = drafts.size();
    return List.of(
        new Score(name, "wrong cells repaired %", 100 * repaired / (all * wrong)),
        new Score(name, "right cells damaged %", 100 * spoilt / (all * (CELLS - wrong))),
        new Score(name, "whole grids right %", 100 * whole / all));
  }
}
