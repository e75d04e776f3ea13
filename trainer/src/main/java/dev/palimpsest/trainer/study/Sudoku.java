/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.study;

import dev.palimpsest.Engine;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * Sudoku with unique solutions: a row is the puzzle, cell by cell, and its solution. No solution
 * that is asked for has been learned, whatever cells are empty.
 */
public final class Sudoku implements Task {
  private static final int QUESTIONS = 200;

  private final Words words;
  private final int box;
  private final int cells;
  private final SudokuGrid grid;
  private final List<int[]> train = new ArrayList<>();
  private final List<Question> asked = new ArrayList<>();
  private final int empty;

  /**
   * @param box 2 for grids of 4 × 4, 3 for 9 × 9
   * @param rows puzzles to learn
   * @param empty cells to write in each
   */
  public Sudoku(int box, int rows, int empty, long seed) {
    if (box < 2 || box > 3 || empty < 1 || empty > 81) {
      throw new IllegalArgumentException(
          "boxes of %d with %d empty cells: boxes are 2 or 3 wide".formatted(box, empty));
    }
    this.box = box;
    this.empty = empty;
    cells = box * box * box * box;
    grid = new SudokuGrid(box);
    List<String> all = new ArrayList<>(List.of("."));
    for (int d = 1; d <= box * box; d++) {
      all.add(Integer.toString(d));
    }
    all.add("|");
    words = new Words(all);
    SplittableRandom random = new SplittableRandom(seed);
    Set<List<Integer>> heldOut = new HashSet<>();
    // 288 grids of 4 × 4 exist: the ones asked for are a quarter of those.
    int grids = box == 2 ? 72 : QUESTIONS;
    while (heldOut.size() < grids) {
      heldOut.add(list(grid.full(random)));
    }
    List<List<Integer>> order = new ArrayList<>(heldOut);
    for (int i = 0; i < QUESTIONS; i++) {
      int[] full = order.get(i % grids).stream().mapToInt(Integer::intValue).toArray();
      asked.add(new Question(row(full, random), cells + 1, 2 * cells + 1));
    }
    while (train.size() < rows) {
      int[] full = grid.full(random);
      if (!heldOut.contains(list(full))) {
        train.add(row(full, random));
      }
    }
  }

  private static List<Integer> list(int[] cells) {
    return Arrays.stream(cells).boxed().toList();
  }

  private int[] row(int[] full, SplittableRandom random) {
    int[] puzzle = grid.puzzle(full, empty, random);
    int[] row = new int[2 * cells + 1];
    int zero = words.id(".");
    for (int c = 0; c < cells; c++) {
      row[c] = zero + puzzle[c];
      row[cells + 1 + c] = zero + full[c];
    }
    row[cells] = words.id("|");
    return row;
  }

  @Override
  public String describe() {
    return "sudoku %1$d × %1$d with unique solutions, up to %2$d cells empty, %3$d puzzles learned"
        .formatted(box * box, empty, train.size());
  }

  @Override
  public Rows rows() {
    return new Rows(words, 2 * cells + 1, train, asked.stream().map(Question::row).toList());
  }

  @Override
  public List<Score> measure(Engine engine) {
    List<Score> out = new ArrayList<>();
    for (Decoding decoding : Decoding.greedy(engine, 1, 8, cells)) {
      List<int[]> answers = Answers.to(asked, engine, decoding);
      out.add(new Score(decoding.name(), "solved %", Answers.exact(asked, answers)));
      out.add(new Score(decoding.name(), "cells right %", Answers.tokensRight(asked, answers)));
      out.add(new Score(decoding.name(), "valid grids %", valid(answers)));
    }
    return out;
  }

  private double valid(List<int[]> answers) {
    int zero = words.id(".");
    long valid =
        answers.stream()
            .map(row -> Arrays.stream(row, cells + 1, 2 * cells + 1).map(t -> t - zero).toArray())
            .filter(grid::valid)
            .count();
    return 100.0 * valid / answers.size();
  }
}
