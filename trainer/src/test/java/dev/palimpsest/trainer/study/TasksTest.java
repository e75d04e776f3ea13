/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.study;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.text.HuggingFaceTokenizer;
import dev.palimpsest.text.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TasksTest {
  @TempDir Path temp;

  @Test
  void theRuntimeReadsTheVocabulary() throws Exception {
    Words words = new Words(List.of("go", "goes", "1", "12", "->", "+", "?"));
    Path file = temp.resolve("tokenizer.json");
    Files.writeString(file, words.json());
    try (Tokenizer tokenizer = HuggingFaceTokenizer.open(file)) {
      String text = "goes 12 -> 1 + go ?";
      assertArrayEquals(words.ids(text), tokenizer.encode(text));
      assertEquals(text, tokenizer.decode(words.ids(text), false));
    }
    assertThrows(IllegalArgumentException.class, () -> words.id("gone"));
    assertThrows(IllegalArgumentException.class, () -> new Words(List.of("a", "a")));
  }

  /** What follows a gap is seen or not; end tokens say only where a row ends. */
  @Test
  void openQuestionsEndWithTheirGap() {
    Question open = new Question(new int[] {5, 6, 7}, 1, 3).filledUp(5);
    assertArrayEquals(new int[] {5, 6, 7, Words.END, Words.END}, open.row());
    assertTrue(open.open());
    assertFalse(new Question(new int[] {5, 6, 7}, 1, 2).open());
    assertThrows(IllegalArgumentException.class, () -> new Question(new int[] {5}, 1, 1));
  }

  private static Set<List<Integer>> set(List<int[]> rows) {
    return rows.stream().map(TasksTest::list).collect(Collectors.toCollection(HashSet::new));
  }

  private static List<Integer> list(int[] row) {
    return Arrays.stream(row).boxed().toList();
  }

  /** Half of the facts are never seen in reverse, and those are the held-out rows. */
  @Test
  void reversedFactsAreNotTaught() {
    Rows rows = new Reversal(60, 4).rows();
    assertEquals(90, rows.train().size());
    assertEquals(30, rows.heldOut().size());
    Set<List<Integer>> taught = set(rows.train());
    assertEquals(90, taught.size());
    int there = rows.words().id("->");
    int back = rows.words().id("<-");
    for (int[] row : rows.heldOut()) {
      assertFalse(taught.contains(list(row)));
      assertEquals(back, row[2]);
      assertTrue(taught.contains(List.of(row[3], row[4], there, row[0], row[1])));
    }
    assertEquals(set(rows.train()), set(new Reversal(60, 4).rows().train()));
    assertFalse(taught.equals(set(new Reversal(60, 5).rows().train())));
  }

  @Test
  void sumsAndProductsAreRightAndHeldOut() {
    for (boolean product : new boolean[] {false, true}) {
      Rows rows = new Arithmetic(product, 2, 1000, 3).rows();
      Set<List<Integer>> learned = set(rows.train());
      assertEquals(1000, learned.size());
      assertEquals(400, rows.heldOut().size());
      int zero = rows.words().id("0");
      for (int[] row : rows.heldOut()) {
        assertFalse(learned.contains(list(row)));
        int a = number(row, 0, 2, zero);
        int b = number(row, 3, 5, zero);
        assertEquals(product ? a * b : a + b, number(row, 6, row.length, zero));
        assertEquals(rows.length(), row.length);
      }
    }
    assertThrows(IllegalArgumentException.class, () -> new Arithmetic(false, 1, 100, 1));
  }

  private static int number(int[] row, int from, int to, int zero) {
    return IntStream.range(from, to).reduce(0, (n, i) -> 10 * n + row[i] - zero);
  }

  /** Of a held-out template no sentence is learned: its words without names and numbers. */
  @Test
  void templatesAreHeldOut() {
    Rows rows = new WordProblems(2000, 3).rows();
    assertEquals(2000, rows.train().size());
    assertEquals(300, rows.heldOut().size());
    int names = rows.words().size() - 61 - 40;
    Set<List<Integer>> learned = set(shapes(rows.train(), names));
    Set<List<Integer>> heldOut = set(shapes(rows.heldOut(), names));
    assertEquals(12, learned.size());
    assertEquals(4, heldOut.size());
    assertTrue(rows.heldOut().stream().allMatch(row -> row.length == rows.length()));
    heldOut.retainAll(learned);
    assertEquals(Set.of(), heldOut);
    // The answer follows from the numbers.
    int zero = rows.words().id("0");
    for (int[] row : rows.train()) {
      int[] n = Arrays.stream(row).filter(t -> t >= zero).map(t -> t - zero).toArray();
      assertEquals(3, n.length);
      assertTrue(n[2] == n[0] + n[1] || n[2] == Math.abs(n[0] - n[1]), Arrays.toString(n));
    }
  }

  private static List<int[]> shapes(List<int[]> rows, int names) {
    return rows.stream()
        .map(
            row ->
                Arrays.stream(row)
                    .filter(t -> t != Words.END)
                    .map(t -> Math.min(t, names))
                    .toArray())
        .toList();
  }

  /** 288 grids of 4 × 4 are known to exist. */
  @Test
  void sudokuCountsSolutions() {
    SudokuGrid grid = new SudokuGrid(2);
    assertEquals(288, grid.solutions(new int[16], 1000));
    assertEquals(7, grid.solutions(new int[16], 7));
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void sudokuPuzzlesHaveOneSolution(int box) {
    SudokuGrid grid = new SudokuGrid(box);
    SplittableRandom random = new SplittableRandom(box);
    for (int i = 0; i < 20; i++) {
      int[] full = grid.full(random);
      assertTrue(grid.valid(full));
      int[] puzzle = grid.puzzle(full, box == 2 ? 8 : 45, random);
      assertEquals(1, grid.solutions(puzzle, 2));
      assertTrue(Arrays.stream(puzzle).filter(d -> d == 0).count() >= (box == 2 ? 6 : 35));
      int[] wrong = full.clone();
      wrong[0] = full[1];
      assertFalse(grid.valid(wrong));
      for (int c = 0; c < puzzle.length; c++) {
        assertTrue(puzzle[c] == 0 || puzzle[c] == full[c]);
      }
    }
  }

  @Test
  void sudokuSolutionsAreHeldOut() {
    Rows rows = new Sudoku(2, 600, 8, 3).rows();
    int cells = 16;
    Set<List<Integer>> learned = set(solutions(rows.train(), cells));
    Set<List<Integer>> asked = set(solutions(rows.heldOut(), cells));
    assertEquals(72, asked.size());
    asked.retainAll(learned);
    assertEquals(Set.of(), asked);
    assertEquals(33, rows.length());
  }

  private static List<int[]> solutions(List<int[]> rows, int cells) {
    List<int[]> out = new ArrayList<>();
    rows.forEach(row -> out.add(Arrays.copyOfRange(row, cells + 1, row.length)));
    return out;
  }

  /** The truth's own samples differ from it by chance alone, and less the more there are. */
  @Test
  void theChainKnowsItself() {
    List<Score> few = new MarkovChain(8, 3, 32, 10, 50, 2).truth();
    List<Score> many = new MarkovChain(8, 3, 32, 10, 5000, 2).truth();
    assertEquals(4, many.size());
    assertEquals(0, many.getFirst().value());
    for (int i = 1; i < 4; i++) {
      assertTrue(many.get(i).value() < 0.02, many.get(i).toString());
      assertTrue(few.get(i).value() > 3 * many.get(i).value(), few.get(i).toString());
    }
  }

  @Test
  void draftsHaveSoManyWrongCells() {
    Repair repair = new Repair(3, 5);
    assertEquals(216, set(repair.rows().train()).size());
    Set<List<Integer>> heldOut = set(repair.right());
    assertEquals(72, heldOut.size());
    heldOut.retainAll(set(repair.rows().train()));
    assertEquals(Set.of(), heldOut);
    for (int i = 0; i < repair.drafts().size(); i++) {
      int[] draft = repair.drafts().get(i);
      int[] right = repair.right().get(i);
      assertEquals(3, IntStream.range(0, 16).filter(c -> draft[c] != right[c]).count());
      assertTrue(Arrays.stream(draft).allMatch(t -> t >= 2 && t < 6));
    }
  }

  @Test
  void rowsAreFilledUpWithEndTokens() throws Exception {
    Words words = new Words(List.of("a", "b"));
    Rows rows = new Rows(words, 3, List.of(new int[] {2, 3}, new int[] {3}), List.of());
    rows.write(temp);
    byte[] expected = {2, 0, 3, 0, 0, 0, 3, 0, 0, 0, 0, 0};
    assertArrayEquals(expected, Files.readAllBytes(Rows.trainTokens(temp)));
    Rows longer = new Rows(words, 1, List.of(new int[] {2, 3}), List.of());
    assertThrows(IllegalArgumentException.class, () -> longer.write(temp));
  }

  @Test
  void tablesHaveMeanAndDeviation() {
    List<Study.Result> results = new ArrayList<>();
    for (int seed = 1; seed <= 2; seed++) {
      Contender.Trained trained = new Contender.Trained(temp, 1234, 10, 640, 30.0 * seed);
      Score score = new Score("1 step", "exact %", 40 + 10 * seed);
      Score nats = new Score("1 step", "nats", 1.25 * seed);
      results.add(new Study.Result("masked", seed, List.of(trained), List.of(score, nats)));
    }
    StudyReport report = new StudyReport("toy", "a toy", results);
    String page = report.markdown();
    assertTrue(page.contains("| masked | 1,234 | 10 | 640 | 0.8 | 2 |"), page);
    assertTrue(page.contains("| masked | 1 step | 55.0 ± 7.1 | 1.875 ± 0.884 |"), page);
    assertTrue(report.json().contains("\"seed\" : 2"), report.json());
  }
}
