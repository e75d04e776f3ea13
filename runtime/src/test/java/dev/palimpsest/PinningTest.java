/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A virtual thread that waits for the engine holds no carrier, wherever it waits. */
@Timeout(60)
class PinningTest {
  private static final String PINNED = "jdk.VirtualThreadPinned";

  /** Parks while its class is being initialized, which pins. */
  private static final class Pinning {
    static {
      LockSupport.parkNanos(1_000_000);
    }

    static void load() {}
  }

  @Test
  void callersOnVirtualThreadsNeverPin(@TempDir Path temp) throws Exception {
    Path file = temp.resolve("pinned.jfr");
    try (Recording recording = new Recording()) {
      recording.enable(PINNED).withThreshold(Duration.ZERO).withStackTrace();
      recording.start();
      Thread.ofVirtual().start(Pinning::load).join();
      waitEverywhere();
      recording.stop();
      recording.dump(file);
    }
    List<String> pinned = new ArrayList<>();
    for (RecordedEvent event : RecordingFile.readAllEvents(file)) {
      String trace = String.valueOf(event.getStackTrace());
      if (event.getEventType().getName().equals(PINNED) && trace.contains("dev.palimpsest")) {
        pinned.add(trace);
      }
    }
    // The one that pins on purpose shows that such events are seen.
    assertEquals(1, pinned.size(), () -> String.join("\n", pinned));
    assertTrue(pinned.getFirst().contains("Pinning"), pinned.getFirst());
  }

  /** Waits for room, for a result, for revisions, for logits and for the end. */
  private static void waitEverywhere() throws InterruptedException {
    Engine engine =
        Engine.open(
            GoldenPaths.of("llada-tiny"),
            EngineOptions.DEFAULT.withThreads(1).withVectorApi(false).withMaxQueued(2));
    GenerationRequest request = GenerationRequest.builder().tokens(5).hole(20).steps(10).build();
    int callers = 24;
    CountDownLatch done = new CountDownLatch(callers);
    for (int i = 0; i < callers; i++) {
      int kind = i % 3;
      Thread.ofVirtual()
          .start(
              () -> {
                try {
                  Generation generation = engine.submit(request, Duration.ofSeconds(50));
                  if (kind == 0) {
                    generation.revisions().forEach(revision -> {});
                  }
                  generation.result().join();
                  if (kind == 1) {
                    float[] logits = new float[3 * engine.config().vocabulary()];
                    engine.logits(
                        new int[] {1, 2, 3}, java.lang.foreign.MemorySegment.ofArray(logits));
                  }
                } catch (InterruptedException e) {
                  throw new IllegalStateException(e);
                } finally {
                  done.countDown();
                }
              });
    }
    assertTrue(done.await(50, TimeUnit.SECONDS));
    engine.submit(request);
    Thread.ofVirtual().start(() -> engine.closeGracefully(Duration.ofSeconds(50))).join();
  }
}
