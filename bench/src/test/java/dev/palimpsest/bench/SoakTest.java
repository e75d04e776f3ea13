/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.Engine;
import dev.palimpsest.EngineOptions;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A soak of seconds, and that it notices what it is there to notice. */
@Timeout(600)
class SoakTest {
  /** A tiny checkpoint of the runtime's own tests. */
  private static final String MODEL = "../runtime/src/test/resources/goldens/llada-tiny";

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... more) {
    CommandLine line = BenchCommand.commandLine();
    line.setOut(new PrintWriter(out)).setErr(new PrintWriter(err, true));
    String[] arguments = {"soak", "--model", MODEL, "--threads", "1", "--dtype", "f32", "--json"};
    String[] all = Arrays.copyOf(arguments, arguments.length + more.length);
    System.arraycopy(more, 0, all, arguments.length, more.length);
    return line.execute(all);
  }

  @Test
  void secondsOfMixedLoadLeaveNothingBehind() {
    // Young processes grow.
    int status = run("--minutes", "0.05", "--max-growth", "2048");
    JsonNode report = new JsonMapper().readTree(out.toString());
    assertEquals(0, report.get("wrong").size(), report::toString);
    assertEquals(0, status, err::toString);
    assertTrue(report.get("submitted").asLong() >= 48, report::toString);
    assertEquals(report.get("submitted").asLong(), report.get("answered").asLong());
    assertEquals(
        report.get("submitted").asLong(),
        report.get("finished").asLong()
            + report.get("cancelled").asLong()
            + report.get("late").asLong()
            + report.get("refused").asLong()
            + report.get("turned_away").asLong());
    assertEquals(report.get("cache_pages").asInt(), report.get("free_pages").asInt());
  }

  /** However long it takes on this machine until each has happened. */
  @Test
  void everyFateComesUp() throws InterruptedException {
    EngineOptions options =
        EngineOptions.DEFAULT
            .withThreads(1)
            .withDtype(EngineOptions.ComputeType.F32)
            .withMaxBatchTokens(512)
            .withMaxQueued(16)
            .withKvCacheBytes(3 << 20);
    try (Engine engine = Engine.open(Path.of(MODEL), options)) {
      int pages = engine.load().cachePages();
      Soak soak = new Soak(engine, new SoakRequests(engine.config(), 512, pages, 1));
      List<AtomicLong> fates =
          List.of(soak.cancelled, soak.late, soak.refused, soak.turnedAway, soak.finished);
      soak.run(
          48,
          Duration.ofMillis(20),
          at ->
              fates.stream().anyMatch(fate -> fate.get() == 0)
                  || soak.finished.get() < 20
                  || soak.mostWaiting < 16);
      assertEquals(16, soak.mostWaiting);
      assertEquals(soak.submitted.get(), soak.answered.get());
      assertEquals(soak.submitted.get(), fates.stream().mapToLong(fate -> fate.get()).sum());
      assertEquals(pages, soak.settle().freeCachePages());
      assertTrue(soak.compareWithAlone(Duration.ofNanos(1)) > 0);
      soak.closeAtWork();
      assertEquals(List.of(), soak.wrong());
    }
  }

  @Test
  void growthBeyondWhatIsAllowedIsAFailure() {
    ResidentMemory memory = new ResidentMemory();
    for (int second = 0; second <= 90; second++) {
      memory.add(second, second < 30 ? 10 * second : 300 + 0.5 * second + second % 2);
    }
    assertEquals(30, memory.growthSince(30), 0.1);
    assertTrue(memory.growthSince(0) > 100);
    assertEquals(0, memory.growthSince(90));
    assertEquals(300, memory.series(3).get(1), 50);
    assertTrue(ResidentMemory.now().isEmpty() || ResidentMemory.now().getAsDouble() > 10);
  }

  @Test
  void mistakesNameTheOption() {
    assertEquals(2, run("--minutes", "-1"));
    assertTrue(err.toString().contains("--minutes must be positive"), err::toString);
  }
}
