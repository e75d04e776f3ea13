/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(300)
class ThreadTeamTest {
  @Test
  void everyTaskRunsOnceJobAfterJob() {
    for (int threads : new int[] {1, 2, 5}) {
      try (ThreadTeam team = new ThreadTeam(threads)) {
        assertEquals(threads, team.size());
        for (int round = 0; round < 2000; round++) {
          int tasks = round % 17;
          AtomicIntegerArray runs = new AtomicIntegerArray(17);
          team.run(
              (task, worker) -> {
                assertTrue(worker >= 0 && worker < threads);
                runs.incrementAndGet(task);
              },
              tasks);
          for (int i = 0; i < 17; i++) {
            assertEquals(i < tasks ? 1 : 0, runs.get(i), "round " + round + " task " + i);
          }
        }
      }
    }
  }

  /** Little work is one task; more is the same for every thread, and no row is left out. */
  @Test
  void rowsAreCutEvenly() {
    try (ThreadTeam team = new ThreadTeam(2)) {
      assertEquals(85, team.rowsOfTask(85, 192, 16 * 1024));
      assertEquals(48, team.rowsOfTask(96, 192, 16 * 1024));
      assertEquals(65, team.rowsOfTask(257, 192, 16 * 1024), "4 tasks");
      assertEquals(43, team.rowsOfTask(256, 200, 10_500), "6 tasks, where 5 would do");
      assertEquals(1, team.rowsOfTask(1, 100_000, 16 * 1024));
      assertEquals(1, team.rowsOfTask(0, 192, 16 * 1024));
      assertEquals(1 << 10, team.rowsOfTask(1 << 30, 1 << 20, 1 << 30));
    }
  }

  @Test
  void workersWakeAfterASleep() throws InterruptedException {
    try (ThreadTeam team = new ThreadTeam(3)) {
      for (int round = 0; round < 20; round++) {
        AtomicIntegerArray runs = new AtomicIntegerArray(64);
        team.run((task, worker) -> runs.incrementAndGet(task), 64);
        for (int i = 0; i < 64; i++) {
          assertEquals(1, runs.get(i));
        }
        Thread.sleep(5);
      }
    }
  }

  @Test
  void theLowestTasksExceptionIsRethrownAndTheTeamGoesOn() {
    try (ThreadTeam team = new ThreadTeam(2)) {
      IllegalStateException e =
          assertThrows(
              IllegalStateException.class,
              () ->
                  team.run(
                      (task, worker) -> {
                        if (task % 2 == 1) {
                          throw new IllegalStateException("task " + task);
                        }
                      },
                      10));
      assertEquals("task 1", e.getMessage());
      AtomicIntegerArray runs = new AtomicIntegerArray(10);
      team.run((task, worker) -> runs.incrementAndGet(task), 10);
      assertEquals(1, runs.get(9));
    }
  }

  @Test
  void closingTwiceEndsTheWorkers() {
    ThreadTeam team = new ThreadTeam(2);
    team.close();
    team.close();
    assertThrows(IllegalStateException.class, () -> team.run((task, worker) -> {}, 5));
  }
}
