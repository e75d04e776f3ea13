/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class FreePagesTest {
  private static int[] take(FreePages pages, int n) {
    int[] table = new int[n];
    Arrays.fill(table, -1);
    pages.take(table);
    return table;
  }

  @Test
  void groupsStayTogetherAndLowNumbersComeFirst() {
    FreePages pages = new FreePages(34);
    int[] nine = take(pages, 9);
    assertArrayEquals(new int[] {0, 1, 2, 3, 4, 5, 6, 7, 8}, nine);
    // Not from page 9 on: those would be parts of two groups.
    assertArrayEquals(new int[] {16, 17, 18, 19, 20, 21, 22, 23}, take(pages, 8));
    // What is left of a group in use rather than a whole one.
    int[] five = take(pages, 5);
    assertArrayEquals(new int[] {9, 10, 11, 12, 13}, five);
    assertArrayEquals(new int[] {24, 25, 26}, take(pages, 3));
    assertEquals(9, pages.size());
    pages.giveBack(five);
    assertArrayEquals(new int[] {9, 10, 11, 12, 13, 14}, take(pages, 6));
    assertEquals(8, pages.size());
    pages.giveBack(nine);
    assertArrayEquals(new int[] {0, 1, 2, 3, 4, 5, 6, 7, 27, 28}, take(pages, 10));
    assertEquals(7, pages.size());
  }

  @Test
  void withoutNeighboursAnyPagesDo() {
    FreePages pages = new FreePages(12);
    int[][] singles = new int[12][];
    for (int i = 0; i < 12; i++) {
      singles[i] = take(pages, 1);
      assertArrayEquals(new int[] {i}, singles[i]);
    }
    for (int i = 0; i < 12; i += 2) {
      pages.giveBack(singles[i]);
    }
    assertArrayEquals(new int[] {0, 2, 4, 6, 8}, take(pages, 5));
    assertArrayEquals(new int[] {10}, take(pages, 1));
    assertEquals(0, pages.size());
  }
}
