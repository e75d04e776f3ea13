/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.Engine;
import dev.palimpsest.EngineOptions;
import dev.palimpsest.GenerationRequest;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class StudyCommandTest {
  @TempDir Path temp;

  private int execute(String... more) {
    String[] all = {
      "study", "--hidden=32", "--layers=2", "--heads=2", "--ffn=48", "--work=" + temp
    };
    List<String> words = new java.util.ArrayList<>(List.of(all));
    words.addAll(List.of(more));
    StringWriter err = new StringWriter();
    int status =
        TrainCommand.commandLine()
            .setErr(new PrintWriter(err, true))
            .execute(words.toArray(String[]::new));
    assertEquals("", err.toString());
    return status;
  }

  /** Trains both kinds for a moment, measures them, and does not train again what is there. */
  @Test
  void bothKindsAreTrainedMeasuredAndKept() throws Exception {
    String[] words = {"--task=reversal", "--rows=4", "--steps=300", "--rate=1e-2"};
    assertEquals(0, execute(words));
    Path folder = temp.resolve("reversal");
    JsonNode document =
        JsonMapper.shared().readTree(Files.readString(folder.resolve("results.json")));
    assertEquals(2, document.path("results").size());
    JsonNode masked = document.path("results").get(0);
    JsonNode causal = document.path("results").get(1);
    assertEquals("masked", masked.path("model").asString());
    assertEquals("causal", causal.path("model").asString());
    assertEquals(masked.path("parameters"), causal.path("parameters"));
    assertEquals(300 * 64 * 6, causal.path("tokens").asInt());
    assertEquals(8, masked.path("scores").size());
    assertEquals(3, causal.path("scores").size());
    assertEquals(100, causal.path("scores").get(0).path("value").asDouble());

    Path log = folder.resolve("seed-1/causal/run/log.jsonl");
    String before = Files.readString(log);
    assertEquals(0, execute(words));
    assertEquals(before, Files.readString(log));

    Path model = folder.resolve("seed-1/causal/model");
    try (Engine engine = Engine.open(model, EngineOptions.DEFAULT)) {
      assertTrue(engine.config().causal());
      String prompt = engine.tokenizer().decode(new int[] {4, 44, 2}, false);
      assertTrue(prompt.endsWith(" ->"), prompt);
      GenerationRequest request = GenerationRequest.completing(prompt, 2).build();
      assertEquals(5, engine.generate(request).tokens().size());
    }
  }

  /** The third kind learns the same rows, and the runtime asks its export at more numbers. */
  @Test
  void aLatentModelTakesPart() throws Exception {
    String[] words = {"--task=reversal", "--rows=4", "--steps=300", "--rate=1e-2"};
    List<String> latent = new java.util.ArrayList<>(List.of(words));
    latent.add("--models=latent");
    assertEquals(0, execute(latent.toArray(String[]::new)));
    Path folder = temp.resolve("reversal");
    JsonNode result =
        JsonMapper.shared()
            .readTree(Files.readString(folder.resolve("results.json")))
            .path("results")
            .get(0);
    assertEquals("latent", result.path("model").asString());
    assertEquals(300, result.path("steps").asInt());
    assertEquals((300 + 75) * 64 * 6, result.path("tokens").asInt());
    assertEquals(5 * 4, result.path("scores").size());
    double best = 0;
    for (JsonNode score : result.path("scores")) {
      boolean taught = score.path("measure").asString().startsWith("as taught");
      best = Math.max(best, taught ? score.path("value").asDouble() : 0);
    }
    assertEquals(100, best);
    Path log = folder.resolve("seed-1/latent/run/log.jsonl");
    String before = Files.readString(log);
    assertEquals(0, execute(latent.toArray(String[]::new)));
    assertEquals(before, Files.readString(log));
    try (Engine engine =
        Engine.open(folder.resolve("seed-1/latent/model"), EngineOptions.DEFAULT)) {
      assertEquals(6, engine.latent().orElseThrow().trainedLength());
    }
  }

  @Test
  void sumsAndProductsNeedNoSizes() throws Exception {
    for (String task : List.of("addition", "multiplication")) {
      assertEquals(0, execute("--task=" + task, "--steps=1", "--batch=2", "--models=masked"), task);
    }
  }

  @Test
  void repairsAreMeasuredForModelsThatCanChangeWhatStands() throws Exception {
    assertEquals(0, execute("--task=repair", "--steps=4", "--models=correcting,causal,latent"));
    JsonNode results =
        JsonMapper.shared()
            .readTree(Files.readString(temp.resolve("repair/results.json")))
            .path("results");
    assertEquals(5 * 3, results.get(0).path("scores").size());
    assertEquals(0, results.get(1).path("scores").size());
    assertEquals(0, results.get(2).path("scores").size());
  }

  @Test
  void theChainIsMeasuredByStepsBesideTheTruth() throws Exception {
    assertEquals(
        0,
        execute(
            "--task=markov",
            "--models=masked,causal,latent",
            "--rows=200",
            "--steps=4",
            "--states=6",
            "--samples=30"));
    JsonNode document =
        JsonMapper.shared().readTree(Files.readString(temp.resolve("markov/results.json")));
    JsonNode results = document.path("results");
    assertEquals("the truth", results.get(0).path("model").asString());
    assertEquals(6 * 4, results.get(1).path("scores").size());
    assertEquals(4, results.get(2).path("scores").size());
    assertEquals(6 * 4, results.get(3).path("scores").size());
    // Untrained as it is, the model writes neighbours that cannot be; the chain does not.
    assertEquals(0, results.get(0).path("scores").get(0).path("value").asDouble());
    assertTrue(results.get(2).path("scores").get(0).path("value").asDouble() > 5);
  }
}
