/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A soak of seconds, and that it notices what it is there to notice. */
@Timeout(120)
class SoakTest {
  /** Tiny checkpoints of the runtime's own tests. */
  private static final String GOLDENS = "../runtime/src/test/resources/goldens/";

  private static final String MODEL = GOLDENS + "llada-tiny";

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... more) {
    return runOn(MODEL, more);
  }

  private int runOn(String model, String... more) {
    CommandLine line = BenchCommand.commandLine();
    line.setOut(new PrintWriter(out)).setErr(new PrintWriter(err, true));
    String[] arguments = {"soak", "--model", model, "--threads", "1", "--dtype", "f32", "--json"};
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
    assertEquals(report.get("submitted").asLong(), report.get("answered").asLong());
    for (String each : new String[] {"finished", "cancelled", "refused", "turned_away"}) {
      assertTrue(report.get(each).asLong() > 0, report::toString);
    }
    assertEquals(
        report.get("submitted").asLong(),
        report.get("finished").asLong()
            + report.get("cancelled").asLong()
            + report.get("late").asLong()
            + report.get("refused").asLong()
            + report.get("turned_away").asLong());
    assertEquals(report.get("cache_pages").asInt(), report.get("free_pages").asInt());
    assertTrue(report.get("compared").asInt() > 0, report::toString);
    assertEquals(16, report.get("most_waiting").asInt());
  }

  /** Models that know other requests than masked ones. */
  @ParameterizedTest
  @ValueSource(strings = {"latent", "causal", "in blocks"})
  void everyKindOfModelIsSoaked(String kind, @TempDir Path folder) {
    String model =
        switch (kind) {
          case "latent" -> GOLDENS + "latent-tiny";
          case "in blocks" -> GOLDENS + "sdar-tiny";
          default -> TinyCausal.write(folder);
        };
    int status = runOn(model, "--minutes", "0.05", "--max-growth", "2048");
    JsonNode report = new JsonMapper().readTree(out.toString());
    assertEquals(0, report.get("wrong").size(), report::toString);
    assertEquals(0, status, err::toString);
    assertTrue(report.get("finished").asLong() > 0, report::toString);
    assertTrue(report.get("refused").asLong() > 0, report::toString);
    assertTrue(report.get("cache_pages").asInt() > 0, report::toString);
    assertEquals(report.get("cache_pages").asInt(), report.get("free_pages").asInt());
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
