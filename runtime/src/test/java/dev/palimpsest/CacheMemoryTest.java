/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.cache.KvPages;
import dev.palimpsest.cache.PageBytes;
import dev.palimpsest.kernels.HeadShape;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Pages are found when there are some, waited for when there are none, and always given back. */
@Timeout(300)
class CacheMemoryTest {
  /** llada-tiny. */
  private static final HeadShape SDAR_TINY = new HeadShape(4, 2, 16);

  private static final long PAGE = PageBytes.byDefault(3, new HeadShape(4, 4, 16));

  private static LocalEngine open(int pages) {
    return (LocalEngine)
        Engine.open(
            GoldenPaths.of("llada-tiny"),
            EngineOptions.DEFAULT.withThreads(1).withKvCacheBytes(pages * PAGE));
  }

  private static GenerationRequest.Builder request(int length, int steps) {
    return GenerationRequest.builder()
        .tokens(5, 6, 7)
        .hole(length - 3)
        .blockLength(8)
        .steps(steps)
        .cache(CacheMode.DUAL);
  }

  @Test
  void pagesComeBackWhenRequestsFinishOrAreCancelled() throws InterruptedException {
    try (LocalEngine engine = open(40)) {
      List<Generation> all = new ArrayList<>();
      try (Hold hold = new Hold(engine)) {
        for (int i = 0; i < 12; i++) {
          boolean cancelled = i % 3 == 0;
          all.add(engine.submit(request(cancelled ? 1000 : 100, cancelled ? 1000 : 20).build()));
        }
        hold.turn();
        hold.turn();
        // 16 pages each: two of them run and two wait.
        assertEquals(2 + 2 * 2, engine.load().running());
        for (int i = 0; i < 12; i += 3) {
          all.get(i).cancel();
        }
      }
      for (int i = 0; i < 12; i++) {
        if (i % 3 != 0) {
          assertEquals(100, all.get(i).result().join().tokens().size());
        } else {
          CompletableFuture<GenerationResult> result = all.get(i).result();
          assertThrows(CancellationException.class, result::join);
        }
      }
      assertEquals(40, engine.cachePages().freePages());
    }
  }

  @Test
  void whatCanNeverFitIsRefusedAtOnce() {
    try (LocalEngine engine = open(2)) {
      IllegalArgumentException e =
          assertThrows(
              IllegalArgumentException.class, () -> engine.submit(request(129, 32).build()));
      assertTrue(e.getMessage().contains(Long.toString(3 * PAGE)), e.getMessage());
      assertTrue(e.getMessage().contains(Long.toString(2 * PAGE)), e.getMessage());
      assertEquals(128, engine.generate(request(128, 32).build()).tokens().size());
      assertEquals(
          129, engine.generate(request(129, 32).cache(CacheMode.NONE).build()).tokens().size());
      assertThrows(
          IllegalArgumentException.class,
          () -> engine.submit(request(128, 32).guidance(1).build()));
      assertEquals(64, engine.generate(request(64, 8).guidance(1).build()).tokens().size());
    }
  }

  @Test
  void whatCannotFitNowWaitsInOrderAndWhoNeedsNoPagesDoesNot(@TempDir Path temp) throws Exception {
    Path file = temp.resolve("requests.jfr");
    try (LocalEngine engine = open(4);
        Recording recording = new Recording()) {
      recording.enable("dev.palimpsest.Request");
      recording.start();
      // The scheduler finds too few pages until these come back, and does not touch the table.
      KvPages held = engine.cachePages().reserve(192).orElseThrow();
      assertEquals(1, engine.cachePages().freePages());
      Generation large = engine.submit(request(250, 40).build());
      Generation small = engine.submit(request(20, 8).build());
      engine.generate(request(22, 8).cache(CacheMode.NONE).build());
      // The small one could run now, but would hold up the large one.
      assertEquals(2, engine.load().waiting());
      held.release();
      large.result().get(60, TimeUnit.SECONDS);
      small.result().get(60, TimeUnit.SECONDS);
      assertEquals(4, engine.cachePages().freePages());
      recording.stop();
      recording.dump(file);
    }
    // The futures are completed on threads of their own, in any order.
    assertEquals(
        List.of(22, 250, 20),
        RecordingFile.readAllEvents(file).stream()
            .filter(event -> event.getEventType().getName().equals("dev.palimpsest.Request"))
            .sorted(Comparator.comparing(RecordedEvent::getEndTime))
            .map(event -> event.getInt("length"))
            .toList());
  }

  @Test
  void aFullCacheStarvesNobody() {
    try (LocalEngine engine = open(6)) {
      List<Generation> all = new ArrayList<>();
      for (int i = 0; i < 40; i++) {
        all.add(
            engine.submit(
                request(i % 5 == 0 ? 380 : 70, i % 5 == 0 ? 48 : 9)
                    .seed(i)
                    .guidance(i % 5 == 1 ? 1 : 0)
                    .build()));
      }
      all.forEach(generation -> generation.result().join());
      assertEquals(6, engine.cachePages().freePages());
    }
  }

  /** sdar-tiny. The block cache takes all its pages at the start. */
  @Test
  void blocksOfAModelWaitForPagesTooAndAreRefusedWithTheNumbers() {
    long page = PageBytes.byDefault(3, SDAR_TINY);
    EngineOptions options = EngineOptions.DEFAULT.withThreads(1).withKvCacheBytes(3 * page);
    try (LocalEngine engine = (LocalEngine) Engine.open(GoldenPaths.of("sdar-tiny"), options)) {
      IllegalArgumentException e =
          assertThrows(
              IllegalArgumentException.class,
              () -> engine.submit(GenerationRequest.builder().tokens(5).hole(192).build()));
      assertTrue(e.getMessage().contains(Long.toString(4 * page)), e.getMessage());
      assertTrue(e.getMessage().contains(Long.toString(3 * page)), e.getMessage());
      List<Generation> all = new ArrayList<>();
      for (int i = 0; i < 12; i++) {
        all.add(
            engine.submit(
                GenerationRequest.builder()
                    .tokens(5 + i)
                    .hole(i % 3 == 0 ? 150 : 60)
                    .guidance(i % 3 == 1 ? 1 : 0)
                    .build()));
      }
      all.forEach(generation -> generation.result().join());
      assertEquals(3, engine.cachePages().freePages());
      assertEquals(3 * page, engine.cachePages().heldBytes());
    }
  }

  @Test
  void closingGivesEverythingBack() throws InterruptedException {
    LocalEngine engine = open(8);
    try (Hold hold = new Hold(engine)) {
      Generation running = engine.submit(request(400, 400).build());
      Generation waiting = engine.submit(request(400, 400).build());
      hold.turn();
      hold.turn();
      assertEquals(1, engine.cachePages().freePages());
      Thread closing = Thread.ofVirtual().start(engine::close);
      hold.untilClosed();
      closing.join();
      assertThrows(CancellationException.class, () -> running.result().join());
      assertThrows(CancellationException.class, () -> waiting.result().join());
      assertEquals(8, engine.cachePages().freePages());
    }
  }
}
