/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cache.CacheMode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a service asks of an engine: deadlines, priorities, a graceful end. */
@Timeout(300)
class ServiceTest {
  private static final Duration LONG = Duration.ofHours(1);

  private static Engine open() {
    return open(EngineOptions.DEFAULT);
  }

  private static Engine open(EngineOptions options) {
    return open(options, System::nanoTime);
  }

  private static Engine open(EngineOptions options, LongSupplier clock) {
    return LocalEngine.open(
        GoldenPaths.of("llada-tiny"),
        options.withThreads(1).withVectorApi(false),
        LoadListener.NONE,
        clock);
  }

  /** With a clock that goes on by ten milliseconds whenever the scheduler looks at it. */
  private static Engine openWithACountingClock() {
    AtomicLong looks = new AtomicLong();
    return open(EngineOptions.DEFAULT, () -> 10_000_000 * looks.incrementAndGet());
  }

  private static GenerationRequest.Builder request(int tokens, int steps) {
    return GenerationRequest.builder()
        .tokens(5, 6, 7)
        .hole(tokens)
        .steps(steps)
        .plainTextOnly(true);
  }

  private static Throwable failure(Generation generation) throws Exception {
    return generation.result().<Throwable>handle((r, e) -> e).get(60, TimeUnit.SECONDS);
  }

  @Test
  void aLateRequestFailsWithWhatItHasWrittenAndGivesItsPagesBack() throws Exception {
    try (Engine engine = openWithACountingClock()) {
      GenerationRequest late =
          request(200, 200)
              .blockLength(1)
              .cache(CacheMode.DUAL)
              .deadline(Duration.ofMillis(100))
              .build();
      Generation generation = engine.submit(late);
      Generation other = engine.submit(request(20, 5).deadline(LONG).build());
      DeadlineExceededException e =
          assertInstanceOf(DeadlineExceededException.class, failure(generation));
      GenerationResult partial = e.partial();
      assertTrue(e.getMessage().contains("PT0.1S"), e.getMessage());
      assertTrue(e.getMessage().contains(partial.newTokens() + " of 200 tokens"), e.getMessage());
      assertEquals(partial.newTokens(), partial.networkCalls());
      assertTrue(0 < partial.newTokens() && partial.newTokens() < 10, e.getMessage());
      assertEquals(203, partial.tokens().size());
      assertEquals(
          200 - partial.newTokens(),
          partial.tokens().stream().filter(t -> t == engine.config().maskToken()).count());
      assertEquals(partial.networkCalls() + 1, generation.revisions().count());
      assertEquals(20, other.result().get(60, TimeUnit.SECONDS).newTokens());
      assertEquals(engine.load().cachePages(), engine.load().freeCachePages());
    }
  }

  @Test
  void whatHasWaitedAllItsTimeWasNeverStarted() throws Exception {
    try (Engine engine = openWithACountingClock()) {
      GenerationRequest request = request(20, 5).deadline(Duration.ofNanos(1)).build();
      Generation generation = engine.submit(request);
      DeadlineExceededException e =
          assertInstanceOf(DeadlineExceededException.class, failure(generation));
      assertEquals(0, e.partial().networkCalls());
      assertEquals(0, e.partial().newTokens());
      assertEquals(List.of(5, 6, 7), e.partial().tokens().subList(0, 3));
      assertEquals(23, e.partial().tokens().size());
      assertThrows(DeadlineExceededException.class, () -> engine.generate(request));
    }
  }

  @Test
  void aFutureThatTimesOutTakesItsRequestAlong() throws Exception {
    try (Engine engine = open()) {
      Generation generation;
      try (Hold hold = new Hold(engine)) {
        generation = engine.submit(request(300, 300).build());
        hold.turn();
        hold.turn();
        generation.result().completeOnTimeout(null, 1, TimeUnit.MILLISECONDS).get();
      }
      // The start, a step, and the one that was about to be taken.
      assertEquals(3, generation.revisions().count());
    }
  }

  @Test
  void gracefulClosingFinishesWhatThereIs() throws Exception {
    Set<Thread> before = Thread.getAllStackTraces().keySet();
    // With a tokenizer: texts are made after the last step.
    Engine engine =
        Engine.open(javaTiny(), EngineOptions.DEFAULT.withVectorApi(false).withMaxQueued(4));
    List<Generation> all = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      all.add(
          engine.submit(GenerationRequest.completing("int x = " + i, 24).steps(8).build(), LONG));
    }
    assertTrue(engine.closeGracefully(LONG));
    for (Generation generation : all) {
      GenerationResult result = generation.result().get(60, TimeUnit.SECONDS);
      assertTrue(result.text().startsWith("int x = "), result.text());
    }
    assertThrows(IllegalStateException.class, () -> engine.submit(request(2, 2).build()));
    assertEquals(Set.of(), threadsOfEngines(before));
    assertTrue(engine.closeGracefully(Duration.ZERO));
    engine.close();
  }

  private static Path javaTiny() {
    return Path.of("../models/java-tiny");
  }

  private static Set<String> threadsOfEngines(Set<Thread> before) {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> !before.contains(thread) && thread.isAlive())
        .map(Thread::getName)
        .filter(name -> name.startsWith("palimpsest-"))
        .collect(Collectors.toSet());
  }

  @Test
  void gracefulClosingCancelsWhatTakesTooLong() throws Exception {
    Engine engine = open(EngineOptions.DEFAULT.withMaxQueued(1));
    try (Hold hold = new Hold(engine)) {
      Generation running = engine.submit(request(500, 500).build());
      hold.turn();
      hold.turn();
      Generation waiting = engine.submit(request(500, 500).build());
      CompletableFuture<Throwable> refused = new CompletableFuture<>();
      Thread producer =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      engine.submit(request(20, 5).build(), LONG);
                    } catch (RuntimeException | InterruptedException e) {
                      refused.complete(e);
                    }
                  });
      while (producer.getState() != Thread.State.TIMED_WAITING) {
        Thread.sleep(1);
      }
      assertEquals(1, engine.load().running());
      assertEquals(1, engine.load().waiting());
      CompletableFuture<Boolean> finished = new CompletableFuture<>();
      Thread.ofVirtual()
          .start(() -> finished.complete(engine.closeGracefully(Duration.ofMillis(20))));
      hold.untilClosed();
      assertFalse(finished.get(60, TimeUnit.SECONDS));
      assertInstanceOf(CancellationException.class, failure(running));
      assertInstanceOf(CancellationException.class, failure(waiting));
      assertInstanceOf(IllegalStateException.class, refused.get(60, TimeUnit.SECONDS));
    }
  }

  @Test
  void resultsAreMadeBeforeTheTokenizerGoes() throws Exception {
    for (int i = 0; i < 20; i++) {
      Engine engine =
          Engine.open(javaTiny(), EngineOptions.DEFAULT.withThreads(1).withVectorApi(false));
      Generation generation =
          engine.submit(GenerationRequest.completing("int x", 4).steps(1).build());
      generation.revisions().count();
      // Finished by now, but its text need not be there.
      engine.close();
      assertEquals(4, generation.result().get(60, TimeUnit.SECONDS).newTokens());
    }
  }

  @Test
  void anEngineMayBeClosedFromACallback() throws Exception {
    Engine engine = open();
    Generation generation = engine.submit(request(20, 5).build());
    engine.submit(request(100, 100).build());
    generation.result().thenRun(engine::close).get(60, TimeUnit.SECONDS);
    assertThrows(IllegalStateException.class, () -> engine.submit(request(2, 2).build()));
  }

  @Test
  void priorityAndCompanyChangeNoTokens() throws Exception {
    List<GenerationRequest> requests = new ArrayList<>();
    for (int i = 0; i < 24; i++) {
      requests.add(
          GenerationRequest.builder()
              .tokens(5 + i, 6, 7)
              .hole(10 + 5 * (i % 7))
              .steps(4 + i % 13)
              .blockLength(i % 3 == 0 ? 5 : 0)
              .steps(20)
              .temperature(i % 2)
              .seed(i)
              .cache(CacheMode.values()[i % 3])
              .guidance(i % 5 == 0 ? 1 : 0)
              .priority(i % 21 - 10)
              .build());
    }
    List<List<Integer>> alone = new ArrayList<>();
    // Batches of at most two or three of them.
    try (Engine engine = open(EngineOptions.DEFAULT.withMaxBatchTokens(90))) {
      for (GenerationRequest request : requests) {
        alone.add(engine.generate(request).tokens());
      }
      List<Generation> together = new ArrayList<>();
      for (int i = 0; i < requests.size(); i++) {
        Generation cancelled = engine.submit(request(50, 50).priority(i % 21 - 10).build());
        together.add(engine.submit(requests.get(i)));
        // Somebody who leaves midway, and who joins when others have begun.
        cancelled.revisions().limit(1 + i % 3).count();
        cancelled.cancel();
      }
      for (int i = 0; i < requests.size(); i++) {
        assertEquals(alone.get(i), together.get(i).result().join().tokens(), "request " + i);
      }
    }
  }
}
