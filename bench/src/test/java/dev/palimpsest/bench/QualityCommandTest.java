/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code bench quality} on the model that comes along. */
class QualityCommandTest {
  private static final List<String> SMALL =
      List.of(
          "--model",
          "../models/java-tiny",
          "--text",
          "../models/java-tiny/held-out/commons-math3-3.6.1",
          "--items",
          "4",
          "--length",
          "128",
          "--threads",
          "1");

  private record Run(int status, String out, String err) {}

  private static Run run(String... more) {
    return execute(
        Stream.of(Stream.of("quality"), SMALL.stream(), Arrays.stream(more))
            .flatMap(words -> words)
            .toArray(String[]::new));
  }

  private static Run execute(String... words) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine line = BenchCommand.commandLine();
    line.setOut(new PrintWriter(out)).setErr(new PrintWriter(err, true));
    return new Run(line.execute(words), out.toString(), err.toString());
  }

  private static JsonNode json(String... more) {
    Run run = run(Stream.concat(Stream.of("--json"), Arrays.stream(more)).toArray(String[]::new));
    assertEquals(0, run.status, run.err);
    return JsonMapper.shared().readTree(run.out);
  }

  @Test
  void configurationsAreComparedHoleByHole() {
    JsonNode report =
        json(
            "--task",
            "eight",
            "--task",
            "method",
            "--loss",
            "--decode",
            "dtype=f32,steps=2",
            "--decode",
            "dtype=f32,steps=2,cache=dual,refresh=1",
            "--decode",
            "dtype=f32,weights=int8,steps=8");
    JsonNode eight = report.at("/tasks/0");
    assertEquals("eight", eight.get("task").stringValue());
    assertEquals(4, eight.get("holes").intValue());
    JsonNode first = eight.at("/rows/0");
    assertEquals(2, first.get("forwards").doubleValue());
    assertEquals(4, first.get("tokens_per_forward").doubleValue());
    assertFalse(first.at("/right").has("difference"));
    assertTrue(first.at("/right/is/value").doubleValue() > 0.1, first::toString);
    // A cache that is refreshed in every step changes nothing, and is said to.
    JsonNode second = eight.at("/rows/1");
    assertEquals(first.at("/right/is"), second.at("/right/is"));
    assertEquals(0, second.at("/right/difference/value").doubleValue());
    assertEquals(0, second.at("/right/difference/error").doubleValue());
    assertEquals(8, eight.at("/rows/2/forwards").doubleValue());

    JsonNode method = report.at("/tasks/1");
    assertEquals(64, method.get("tokens_per_hole").doubleValue());
    assertFalse(method.at("/rows/0").has("exact"), "there is no truth token by token");
    assertTrue(method.at("/rows/0/parses/is/value").doubleValue() >= 0);

    JsonNode loss = report.get("loss");
    assertEquals(5, loss.at("/0/levels").size());
    double easy = loss.at("/0/levels/0/nats/is/value").doubleValue();
    double hard = loss.at("/0/levels/4/nats/is/value").doubleValue();
    assertTrue(easy > 1 && easy < hard && hard < Math.log(4096), easy + " " + hard);
    assertEquals(0, loss.at("/0/logits_error").doubleValue());
    assertEquals(loss.at("/0/levels/2/nats/is"), loss.at("/1/levels/2/nats/is"));
    double error = loss.at("/2/logits_error").doubleValue();
    assertTrue(error > 1e-4 && error < 0.1, "int8 differs a little: " + error);
    assertTrue(report.get("text").stringValue().endsWith("commons-math3-3.6.1"));
    assertNotEquals("unknown", report.get("version").stringValue());
  }

  /** Neither the neighbours in a batch nor the number of threads move a number. */
  @Test
  void theSeedDecides() {
    String[] one = {"--task", "line", "--decode", "rule=random,dtype=f32,tokens-per-step=2"};
    JsonNode alone = json(with(one, "--together", "1"));
    JsonNode many = json(with(one, "--together", "4"));
    JsonNode other = json(with(one, "--seed", "2"));
    assertEquals(quality(alone), quality(many));
    assertNotEquals(quality(alone), quality(other));
    assertEquals(0, alone.get("loss").size());
  }

  private static String quality(JsonNode report) {
    JsonNode row = report.at("/tasks/0/rows/0");
    return row.get("exact") + " " + row.get("right") + " " + row.get("parses");
  }

  private static String[] with(String[] words, String... more) {
    return Stream.concat(Arrays.stream(words), Arrays.stream(more)).toArray(String[]::new);
  }

  @Test
  void tablesAreForPeople() {
    String[] one = {"--task", "token", "--decode", "dtype=f32", "--no-loss"};
    Run text = run(one);
    assertEquals(0, text.status, text.err);
    assertTrue(text.out.startsWith("1 token, 4 holes of 1.0 tokens\n"), text.out);
    assertTrue(text.out.contains("tokens/forward"), text.out);
    Run markdown = run(with(one, "--markdown"));
    assertEquals(0, markdown.status, markdown.err);
    assertTrue(markdown.out.contains("\n| `dtype=f32` | "), markdown.out);
    assertTrue(markdown.out.contains("|---|---|---|---|---|---|---|\n"), markdown.out);
    assertTrue(markdown.out.contains("- machine: "), markdown.out);
  }

  @Test
  void theHelpNamesEveryKey() {
    String help = BenchCommand.commandLine().getSubcommands().get("quality").getUsageMessage();
    String keys = help.substring(help.indexOf("Keys:")).replaceAll("\\s+", "");
    for (String key : QualityConfig.KEYS) {
      assertTrue(keys.contains(key), key);
    }
  }

  @Test
  void wrongUseIsExplained() {
    Run config = run("--decode", "speed=9");
    assertEquals(2, config.status);
    assertTrue(config.err.contains("--decode: a configuration is made of"), config.err);
    Run text = execute("quality", "--model", "../runtime/src/test/resources/goldens/llada-tiny");
    assertEquals(2, text.status);
    assertTrue(text.err.contains("llada-tiny/held-out is not there: pass --text"), text.err);
    Run task = run("--task", "word");
    assertEquals(2, task.status);
    assertTrue(task.err.contains("expected one of token, eight"), task.err);
  }
}
