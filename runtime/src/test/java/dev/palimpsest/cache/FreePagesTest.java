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
    FreePages pages = new FreePages(18);
    int[] five = take(pages, 5);
    assertArrayEquals(new int[] {0, 1, 2, 3, 4}, five);
    // Not from page 5 on: that would be parts of two groups.
    assertArrayEquals(new int[] {8, 9, 10, 11}, take(pages, 4));
    // What is left of a group in use rather than a whole one.
    int[] two = take(pages, 2);
    assertArrayEquals(new int[] {5, 6}, two);
    assertArrayEquals(new int[] {12, 13, 14}, take(pages, 3));
    assertEquals(4, pages.size());
    pages.giveBack(two);
    assertArrayEquals(new int[] {5, 6, 7}, take(pages, 3));
    assertEquals(3, pages.size());
    pages.giveBack(five);
    assertArrayEquals(new int[] {0, 1, 2, 3, 16, 17}, take(pages, 6));
    assertEquals(2, pages.size());
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
