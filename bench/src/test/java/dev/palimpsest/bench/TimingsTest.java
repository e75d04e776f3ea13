/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class TimingsTest {
  @Test
  void medianAndQuantilesOfUnsortedTimes() {
    Timings odd = new Timings(5_000_000, 1_000_000, 3_000_000);
    assertEquals(1, odd.bestMs());
    assertEquals(3, odd.medianMs());
    assertEquals(3, odd.meanMs());
    assertEquals(5, odd.quantileMs(0.95));
    Timings even = new Timings(4_000_000, 1_000_000, 2_000_000, 9_000_000);
    assertEquals(3, even.medianMs());
    assertEquals(2, even.quantileMs(0.5));
    assertEquals(9, even.quantileMs(1));
  }

  @Test
  void warmUpsRunButAreNotTimed() {
    List<Integer> progress = new ArrayList<>();
    int[] runs = {0};
    Timings timings = Timings.measure(2, 3, () -> runs[0]++, progress::add);
    assertEquals(5, runs[0]);
    assertEquals(3, timings.nanos().length);
    assertEquals(List.of(1, 2, 3, 4, 5), progress);
  }

  @Test
  void nothingTimedIsRefused() {
    assertThrows(IllegalArgumentException.class, Timings::new);
  }
}
