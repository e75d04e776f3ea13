/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.study;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Grids of box × box boxes of box × box cells, digits from 1, 0 for an empty cell. Solves by trying
 * the cell with the fewest choices first.
 */
final class SudokuGrid {
  private final int box;
  private final int side;

  SudokuGrid(int box) {
    this.box = box;
    side = box * box;
  }

  /** A random full grid. */
  int[] full(SplittableRandom random) {
    int[] cells = new int[side * side];
    solve(cells, 1, random);
    return cells;
  }

  /**
   * Empties cells of a full grid, one after another in random order, as long as there is one
   * solution only, until so many are empty or nothing more can be emptied.
   */
  int[] puzzle(int[] full, int empty, SplittableRandom random) {
    int[] cells = full.clone();
    int[] order = new int[cells.length];
    Arrays.setAll(order, i -> i);
    int left = empty;
    for (int i = order.length - 1; i >= 0 && left > 0; i--) {
      int j = random.nextInt(i + 1);
      int cell = order[j];
      order[j] = order[i];
      int digit = cells[cell];
      cells[cell] = 0;
      if (solutions(cells, 2) == 1) {
        left--;
      } else {
        cells[cell] = digit;
      }
    }
    return cells;
  }

  /** How many solutions there are, counted up to {@code most}. */
  int solutions(int[] cells, int most) {
    return solve(cells.clone(), most, new SplittableRandom(0));
  }

  /** Counts solutions up to {@code most}; with one wanted, leaves the first one found. */
  private int solve(int[] cells, int most, SplittableRandom random) {
    int best = -1;
    int fewest = side + 1;
    int choices = 0;
    for (int c = 0; c < cells.length && fewest > 1; c++) {
      if (cells[c] == 0) {
        int allowed = allowed(cells, c);
        int count = Integer.bitCount(allowed);
        if (count < fewest) {
          fewest = count;
          best = c;
          choices = allowed;
        }
      }
    }
    if (best < 0) {
      return 1;
    }
    int found = 0;
    while (choices != 0 && found < most) {
      int nth = random.nextInt(Integer.bitCount(choices));
      int bits = choices;
      for (int i = 0; i < nth; i++) {
        bits &= bits - 1;
      }
      int bit = Integer.lowestOneBit(bits);
      choices &= ~bit;
      cells[best] = Integer.numberOfTrailingZeros(bit);
      found += solve(cells, most - found, random);
      if (found > 0 && most == 1) {
        return found;
      }
    }
    cells[best] = 0;
    return found;
  }

  private int allowed(int[] cells, int cell) {
    int row = cell / side;
    int column = cell % side;
    int used = 0;
    for (int i = 0; i < side; i++) {
      used |= 1 << cells[row * side + i];
      used |= 1 << cells[i * side + column];
      int inBox = (row / box * box + i / box) * side + column / box * box + i % box;
      used |= 1 << cells[inBox];
    }
    return ((1 << (side + 1)) - 2) & ~used;
  }

  /** Whether every row, column and box holds every digit once. */
  boolean valid(int[] cells) {
    for (int c = 0; c < cells.length; c++) {
      if (cells[c] < 1 || cells[c] > side) {
        return false;
      }
      int[] without = cells.clone();
      without[c] = 0;
      if ((allowed(without, c) & 1 << cells[c]) == 0) {
        return false;
      }
    }
    return true;
  }
}
