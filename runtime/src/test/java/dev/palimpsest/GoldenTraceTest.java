/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.EngineOptions.ComputeType;
import dev.palimpsest.EngineOptions.DeviceChoice;
import dev.palimpsest.process.Canvas;
import dev.palimpsest.process.Correction.Edit;
import dev.palimpsest.process.Correction.Remask;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/**
 * Greedy decoding, token for token after every step, against traces computed by an independent
 * float64 reference: LLaDA's loop with blocks, Fast-dLLM's by threshold, Dream's by entropy, and
 * SDAR's in the blocks of its attention, with a fixed number a step and by threshold.
 */
class GoldenTraceTest {
  private static final List<String> TRACES =
      List.of(
          "llada-tiny/trace-low-confidence.json",
          "llada-tiny/trace-threshold.json",
          "dream-tiny/trace-entropy.json",
          "sdar-tiny/trace-static.json",
          "sdar-tiny/trace-dynamic.json");

  private static Path golden(String name) {
    try {
      return Path.of(GoldenTraceTest.class.getResource("/goldens/" + name).toURI());
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  private static EngineOptions options(int threads) {
    return EngineOptions.DEFAULT
        .withDevice(DeviceChoice.CPU)
        .withDtype(ComputeType.F32)
        .withThreads(threads);
  }

  static Stream<Arguments> cases() {
    return TRACES.stream()
        .flatMap(
            trace ->
                Stream.of("model.safetensors", "model.gguf")
                    .filter(file -> Files.exists(golden(trace).resolveSibling(file)))
                    .flatMap(file -> Stream.of(1, 2).map(n -> Arguments.of(trace, file, n))));
  }

  @ParameterizedTest(name = "{0}, {1}, {2} threads")
  @MethodSource("cases")
  void everyStepIsEqual(String trace, String file, int threads) throws IOException {
    JsonNode golden = new ObjectMapper().readTree(Files.readString(golden(trace)));
    Path model = golden(trace).resolveSibling(file);
    try (Engine engine = Engine.open(model, options(threads))) {
      List<int[]> rows = decode(engine, request(golden).build());
      JsonNode steps = golden.get("steps");
      assertArrayEquals(
          tokens(golden.get("prompt")),
          java.util.Arrays.copyOf(rows.getFirst(), golden.get("prompt").size()));
      assertEquals(steps.size(), rows.size() - 1, "steps");
      for (int i = 0; i < steps.size(); i++) {
        assertArrayEquals(tokens(steps.get(i)), rows.get(i + 1), "after step " + (i + 1));
      }
    }
  }

  /** Self-correction on a real network: within its steps and its budget, nothing left masked. */
  @ParameterizedTest
  @MethodSource("cases")
  void selfCorrectionEnds(String trace, String file, int threads) throws IOException {
    JsonNode golden = new ObjectMapper().readTree(Files.readString(golden(trace)));
    Path model = golden(trace).resolveSibling(file);
    try (Engine engine = Engine.open(model, options(threads))) {
      // These networks give every token some 1/512: a limit below that remasks part of them.
      GenerationRequest request = request(golden).correction(new Remask(0.002, 12)).build();
      List<int[]> rows = decode(engine, request);
      int mask = engine.config().maskToken();
      boolean remasked = false;
      for (int i = 1; i < rows.size(); i++) {
        for (int p = 0; p < rows.get(i).length; p++) {
          remasked |= rows.get(i)[p] == mask && rows.get(i - 1)[p] != mask;
        }
      }
      assertTrue(remasked, "the case must come up");
      for (int token : rows.getLast()) {
        assertTrue(token != mask);
      }
    }
  }

  /** Editing on a real network: tokens give way to others, and nothing is left masked. */
  @ParameterizedTest
  @MethodSource("cases")
  void editingEnds(String trace, String file, int threads) throws IOException {
    JsonNode golden = new ObjectMapper().readTree(Files.readString(golden(trace)));
    Path model = golden(trace).resolveSibling(file);
    try (Engine engine = Engine.open(model, options(threads))) {
      List<int[]> rows = decode(engine, request(golden).correction(new Edit(0.002)).build());
      int mask = engine.config().maskToken();
      int prompt = golden.get("prompt").size();
      boolean edited = false;
      for (int i = 1; i < rows.size(); i++) {
        for (int p = 0; p < rows.get(i).length; p++) {
          int before = rows.get(i - 1)[p];
          boolean gaveWay = before != mask && rows.get(i)[p] != before;
          assertTrue(!gaveWay || p >= prompt, "the prompt stays");
          edited |= gaveWay;
        }
      }
      assertTrue(edited, "the case must come up");
      for (int token : rows.getLast()) {
        assertTrue(token != mask);
      }
    }
  }

  static GenerationRequest.Builder request(JsonNode golden) {
    GenerationRequest.Builder request =
        GenerationRequest.builder()
            .tokens(tokens(golden.get("prompt")))
            .hole(golden.get("new_tokens").intValue())
            .algorithm(Algorithm.parse(golden.get("algorithm").stringValue()));
    if (golden.has("steps_requested")) {
      request.steps(golden.get("steps_requested").intValue());
    }
    if (golden.has("block_length")) {
      request.blockLength(golden.get("block_length").intValue());
    }
    if (golden.has("threshold")) {
      request.threshold(golden.get("threshold").doubleValue());
    }
    return request;
  }

  /** The whole row at the start and after every step, by replaying the revisions. */
  static List<int[]> decode(Engine engine, GenerationRequest request) {
    Canvas canvas = new Canvas(engine.config().maskToken());
    List<int[]> rows = new ArrayList<>();
    Generation generation = engine.submit(request);
    generation
        .revisions()
        .forEach(
            revision -> {
              canvas.apply(revision);
              rows.add(canvas.tokens());
            });
    assertEquals(
        generation.result().join().tokens(),
        java.util.Arrays.stream(rows.getLast()).boxed().toList());
    return rows;
  }

  static int[] tokens(JsonNode array) {
    int[] tokens = new int[array.size()];
    for (int i = 0; i < tokens.length; i++) {
      tokens[i] = array.get(i).intValue();
    }
    return tokens;
  }
}
