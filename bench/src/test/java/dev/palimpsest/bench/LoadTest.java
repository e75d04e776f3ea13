/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.Engine;
import dev.palimpsest.EngineOptions;
import dev.palimpsest.Generation;
import dev.palimpsest.GenerationRequest;
import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class LoadTest {
  private static final Path MODEL = Path.of("../runtime/src/test/resources/goldens/llada-tiny");

  private static DecodeShape shape(int length) {
    return new DecodeShape(4, length, 0, 4, null, Algorithm.LOW_CONFIDENCE, CacheMode.NONE, 0);
  }

  @Test
  void arrivalsAreSeededAndAsFrequentAsAskedFor() {
    Load load = new Load(20_000, 1, 50);
    double[] arrivals = load.arrivals(3);
    assertEquals(0, arrivals[0]);
    assertArrayEquals(arrivals, load.arrivals(3));
    assertFalse(Arrays.equals(arrivals, load.arrivals(4)));
    double mean = arrivals[19_999] / 19_999;
    assertEquals(1 / 50.0, mean, 0.001);
    double squares = 0;
    for (int i = 1; i < arrivals.length; i++) {
      double gap = arrivals[i] - arrivals[i - 1];
      assertTrue(gap >= 0);
      squares += (gap - mean) * (gap - mean);
    }
    // Exponential gaps: as much spread as mean.
    assertEquals(mean, Math.sqrt(squares / 19_999), 0.001);
  }

  @Test
  void everyRequestIsServedAndLatenciesBeginAtTheArrival() {
    try (Engine engine = Engine.open(MODEL, EngineOptions.DEFAULT)) {
      for (Load load : new Load[] {new Load(6, 2, 0), new Load(6, 1, 2000)}) {
        Load.Outcome outcome = load.run(engine, shape(8), 1);
        assertEquals(6, outcome.served().size());
        assertEquals(0, outcome.rejected());
        assertEquals(6 * 8, outcome.newTokens());
        for (Served served : outcome.served()) {
          assertEquals(2, served.networkCalls());
          assertTrue(
              0 < served.firstTokenNanos()
                  && served.firstTokenNanos() < served.latencyNanos()
                  && served.latencyNanos() <= outcome.wallNanos(),
              served::toString);
        }
      }
    }
  }

  @Test
  void whoIsTurnedAwayIsCounted() {
    try (Engine engine = Engine.open(MODEL, EngineOptions.DEFAULT.withMaxQueued(1))) {
      int all = engine.config().maxPositions();
      GenerationRequest longest = GenerationRequest.builder().hole(all).steps(all).build();
      Generation running = engine.submit(longest);
      // Who has a revision has left the queue.
      running.revisions().findFirst().orElseThrow();
      Generation waiting = engine.submit(longest);
      Load.Outcome outcome = new Load(5, 1, 1e6).run(engine, shape(8), 1);
      assertEquals(5, outcome.rejected());
      assertEquals(List.of(), outcome.served());
      running.cancel();
      waiting.cancel();
    }
  }

  @Test
  void aRequestThatCannotBeServedIsAnError() {
    try (Engine engine = Engine.open(MODEL, EngineOptions.DEFAULT)) {
      int tooLong = engine.config().maxPositions() + 1;
      assertThrows(
          IllegalArgumentException.class, () -> new Load(2, 1, 0).run(engine, shape(tooLong), 1));
    }
  }
}
