/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class WorkersTest {
  @Test
  void aFailedPartIsToldWhenNoOtherRunsAnyMore() {
    AtomicBoolean ended = new AtomicBoolean();
    List<Callable<Integer>> parts =
        List.of(
            () -> {
              throw new IOException("no data");
            },
            () -> {
              Thread.sleep(200);
              ended.set(true);
              return 1;
            });
    try (Workers workers = new Workers(2)) {
      IllegalStateException e = assertThrows(IllegalStateException.class, () -> workers.all(parts));
      assertTrue(e.getMessage().contains("no data"), e.getMessage());
      assertTrue(ended.get(), "what it works on can be freed now");
    }
  }

  @Test
  void anEndingJvmWaitsForTheStepItIsAt() throws Exception {
    Process exits =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Exits.class.getName())
            .redirectErrorStream(true)
            .start();
    String out = new String(exits.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, exits.waitFor(), out);
    assertTrue(out.contains("the step ended"), out);
  }

  /** Ends the JVM in the middle of a step. */
  static final class Exits {
    private Exits() {}

    static void main(String[] args) throws InterruptedException {
      CountDownLatch started = new CountDownLatch(1);
      Callable<Void> part =
          () -> {
            started.countDown();
            Thread.sleep(500);
            System.out.println("the step ended");
            return null;
          };
      Thread.ofPlatform()
          .daemon()
          .start(
              () -> {
                try (Workers workers = new Workers(1)) {
                  workers.all(List.of(part));
                }
              });
      started.await();
      System.exit(0);
    }
  }
}
