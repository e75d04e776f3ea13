/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A virtual thread that waits for the engine holds no carrier, wherever it waits. */
@Timeout(300)
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
    // Who waits for a class that another thread initializes pins as well, once in the life of a
    // JVM.
    waitEverywhere();
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

  /** Waits for a result, for revisions, for logits, for room and for the end. */
  private static void waitEverywhere() throws InterruptedException {
    Engine engine =
        Engine.open(
            GoldenPaths.of("llada-tiny"),
            EngineOptions.DEFAULT.withThreads(1).withVectorApi(false).withMaxQueued(2));
    GenerationRequest request = GenerationRequest.builder().tokens(5).hole(20).steps(10).build();
    float[] logits = new float[3 * engine.config().vocabulary()];
    List<Thread> callers = new ArrayList<>();
    try (Hold _ = new Hold(engine)) {
      Generation one = engine.submit(request);
      Generation other = engine.submit(request);
      callers.add(waiting(() -> one.result().join()));
      callers.add(waiting(() -> other.revisions().forEach(revision -> {})));
      callers.add(waiting(() -> engine.logits(new int[] {1, 2, 3}, MemorySegment.ofArray(logits))));
      // The queue is full.
      for (int i = 0; i < 20; i++) {
        callers.add(waiting(() -> submit(engine, request).result().join()));
      }
    }
    for (Thread caller : callers) {
      caller.join();
    }
    Thread closing;
    try (Hold _ = new Hold(engine)) {
      engine.submit(request);
      closing = waiting(() -> engine.closeGracefully(Duration.ofHours(1)));
    }
    closing.join();
  }

  private static Generation submit(Engine engine, GenerationRequest request) {
    try {
      return engine.submit(request, Duration.ofHours(1));
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A virtual thread that waits by now. */
  private static Thread waiting(Runnable call) throws InterruptedException {
    Thread thread = Thread.ofVirtual().start(call);
    while (thread.getState() != Thread.State.WAITING
        && thread.getState() != Thread.State.TIMED_WAITING) {
      assertTrue(thread.isAlive(), "it has not waited");
      Thread.sleep(1);
    }
    return thread;
  }
}
