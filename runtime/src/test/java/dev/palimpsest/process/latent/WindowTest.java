/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process.latent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class WindowTest {
  private static List<Window> windows(int[] written, int length, int most, int blockLength) {
    List<Window> all = new ArrayList<>();
    int first = 0;
    while (first < written.length) {
      Window next = Window.next(written, first, length, most, blockLength);
      all.add(next);
      first = next.end();
    }
    assertEquals(Window.NONE, Window.next(written, first, length, most, blockLength));
    return all;
  }

  private static int[] range(int from, int to) {
    return IntStream.range(from, to).toArray();
  }

  @Test
  void whatFitsIsWrittenAtOnce() {
    assertEquals(List.of(new Window(0, 24, 0, 10)), windows(range(4, 14), 24, 24, 0));
  }

  @Test
  void aLongTextIsWrittenHalfAWindowAtATime() {
    assertEquals(
        List.of(
            new Window(0, 22, 0, 12),
            new Window(10, 34, 12, 24),
            new Window(22, 46, 24, 36),
            new Window(26, 50, 36, 40)),
        windows(range(10, 50), 50, 24, 0));
  }

  @Test
  void aHoleInALongTextSeesBothSides() {
    assertEquals(List.of(new Window(43, 67, 0, 6)), windows(range(52, 58), 100, 24, 0));
    assertEquals(List.of(new Window(0, 24, 0, 6)), windows(range(2, 8), 100, 24, 0));
    assertEquals(List.of(new Window(76, 100, 0, 6)), windows(range(93, 99), 100, 24, 0));
  }

  @Test
  void blocksOfARequestsOwnLength() {
    assertEquals(
        List.of(new Window(0, 7, 0, 3), new Window(0, 10, 3, 6), new Window(0, 12, 6, 8)),
        windows(range(4, 12), 12, 24, 3));
  }

  /** Whatever the holes: nothing unwritten is seen, no window is too long, all is written. */
  @Test
  void windowsHoldNothingThatIsWrittenLater() {
    Random random = new Random(1);
    for (int round = 0; round < 2000; round++) {
      int length = 1 + random.nextInt(120);
      int most = 2 + random.nextInt(40);
      int blockLength = random.nextBoolean() ? 0 : 1 + random.nextInt(most);
      double share = random.nextDouble();
      int[] written = IntStream.range(0, length).filter(p -> random.nextDouble() < share).toArray();
      int first = 0;
      for (Window window : windows(written, length, most, blockLength)) {
        assertEquals(first, window.first());
        assertTrue(window.length() <= most && window.from() >= 0 && window.to() <= length);
        assertTrue(window.from() <= written[window.first()]);
        assertTrue(written[window.end() - 1] < window.to());
        if (window.end() < written.length) {
          assertTrue(written[window.end()] >= window.to());
        }
        first = window.end();
      }
      assertEquals(written.length, first);
    }
  }
}
