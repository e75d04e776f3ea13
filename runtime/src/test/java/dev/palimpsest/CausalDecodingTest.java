/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.EngineOptions.ComputeType;
import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.cache.RequestCache;
import dev.palimpsest.family.TinyLlama;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.process.Autoregression;
import dev.palimpsest.process.Correction;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import dev.palimpsest.process.Revision;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** A causal model, against a reference in float64 and against itself. */
class CausalDecodingTest {
  @TempDir static Path model;

  @BeforeAll
  static void write() {
    TinyLlama.folder(model, TinyLlama.config());
  }

  private static int[] prompt(Random random, int length) {
    return random.ints(length, 2, TinyLlama.VOCABULARY).toArray();
  }

  @Test
  void logitsAreTheReferences() {
    int[] tokens = prompt(new Random(3), 77);
    List<Integer> list = Arrays.stream(tokens).boxed().toList();
    ReferenceNetwork reference = ReferenceNetwork.open(model);
    assertTrue(reference.config().causal());
    double[][] expected = reference.feed(list, 0, tokens.length, reference.memory(tokens.length));
    try (Engine engine = Engine.open(model, EngineOptions.DEFAULT.withDtype(ComputeType.F32));
        Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(4L * tokens.length * TinyLlama.VOCABULARY, 64);
      engine.logits(tokens, out);
      double difference = 0;
      double size = 0;
      for (int i = 0; i < tokens.length; i++) {
        for (int v = 0; v < TinyLlama.VOCABULARY; v++) {
          double found =
              out.getAtIndex(ValueLayout.JAVA_FLOAT, (long) i * TinyLlama.VOCABULARY + v);
          difference += Math.pow(found - expected[i][v], 2);
          size += Math.pow(expected[i][v], 2);
        }
      }
      double relative = Math.sqrt(difference / size);
      assertTrue(relative < 1e-5, "relative L2 " + relative);
    }
  }

  /** The reference feeds one row a step too; what is likeliest comes next. */
  @Test
  void tokensAreTheReferences() {
    ReferenceNetwork reference = ReferenceNetwork.open(model);
    Random random = new Random(4);
    try (Engine engine = Engine.open(model, EngineOptions.DEFAULT.withDtype(ComputeType.F32))) {
      for (int length : new int[] {1, 5, 64, 130}) {
        int[] prompt = prompt(random, length);
        List<Integer> tokens = new ArrayList<>(Arrays.stream(prompt).boxed().toList());
        ReferenceNetwork.Memory memory = reference.memory(length + 30);
        double[] last = reference.feed(tokens, 0, length, memory)[length - 1];
        for (int i = 0; i < 30; i++) {
          double[] logits = last;
          tokens.add(
              IntStream.range(0, logits.length)
                  .boxed()
                  .max((a, b) -> Double.compare(logits[a], logits[b]))
                  .orElseThrow());
          last = reference.feed(tokens, length + i, length + i + 1, memory)[0];
        }
        assertEquals(
            tokens,
            engine.generate(GenerationRequest.builder().tokens(prompt).hole(30).build()).tokens());
      }
    }
  }

  /** Confidences and all; prompts in one step and, where a step is small, over several. */
  @ParameterizedTest
  @CsvSource({"F32, 21", "F32, 8192", "BF16, 8192", "BF16, 1"})
  void aCacheChangesNothing(ComputeType dtype, int mostRows) {
    EngineOptions options =
        EngineOptions.DEFAULT.withDtype(dtype).withThreads(2).withMaxBatchTokens(mostRows);
    try (Engine engine = Engine.open(model, options)) {
      Random random = new Random(5);
      for (int i = 0; i < 8; i++) {
        GenerationRequest.Builder request =
            GenerationRequest.builder()
                .tokens(prompt(random, 1 + random.nextInt(90)))
                .hole(20 + random.nextInt(70))
                .temperature(i % 2)
                .topK(i % 4 == 1 ? 9 : 0)
                .topP(i % 4 == 3 ? 0.9f : 1)
                .stopAtEnd(i > 5)
                .seed(i);
        List<Revision> kept = revisions(engine, request);
        assertEquals(kept, revisions(engine, request.cache(CacheMode.BLOCK)));
        assertEquals(kept, revisions(engine, request.cache(CacheMode.NONE)), "request " + i);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(ComputeType.class)
  void tokensDoNotDependOnTheBatch(ComputeType dtype) {
    if (dtype == ComputeType.AUTO) {
      return;
    }
    Random random = new Random(6);
    List<GenerationRequest> requests = new ArrayList<>();
    for (int i = 0; i < 9; i++) {
      requests.add(
          GenerationRequest.builder()
              .tokens(prompt(random, 1 + random.nextInt(60)))
              .hole(1 + random.nextInt(30))
              .temperature(i % 3 * 0.5f)
              .seed(i / 2)
              .build());
    }
    List<List<Integer>> alone = new ArrayList<>();
    EngineOptions options = EngineOptions.DEFAULT.withDtype(dtype);
    try (Engine engine = Engine.open(model, options.withThreads(1))) {
      requests.forEach(request -> alone.add(engine.generate(request).tokens()));
    }
    try (Engine engine = Engine.open(model, options.withThreads(2).withMaxBatchTokens(48))) {
      List<Generation> running = requests.stream().map(engine::submit).toList();
      assertEquals(
          alone, running.stream().map(generation -> generation.result().join().tokens()).toList());
    }
  }

  private static List<Revision> revisions(Engine engine, GenerationRequest.Builder request) {
    Generation generation = engine.submit(request.build());
    List<Revision> revisions = generation.revisions().toList();
    generation.result().join();
    return revisions;
  }

  @Test
  void aStepFeedsOneRow() {
    try (DirectDecoding decoding = new DirectDecoding(model, true)) {
      int[] tokens = Arrays.copyOf(prompt(new Random(7), 70), 76);
      List<Revision> kept =
          decoding.decode(
              process(tokens, 70), RequestCache.ofWritten(32, decoding.pool(), tokens.length));
      assertEquals(List.of(32, 32, 6, 1, 1, 1, 1, 1), decoding.fedRows);
      assertEquals(List.of(1, 1, 1, 1, 1, 1), decoding.headRows);
      assertEquals(0, decoding.entropies);
      assertEquals(kept, decoding.decode(process(tokens, 70), RequestCache.feedingAgain()));
      assertEquals(List.of(70, 71, 72, 73, 74, 75), decoding.fedRows);
      assertEquals(List.of(1, 1, 1, 1, 1, 1), decoding.headRows);
    }
  }

  private static Autoregression process(int[] tokens, int prompt) {
    return new Autoregression(tokens, prompt, Sampling.GREEDY, 0, false);
  }

  /** The first end token ends the text; what is left of it is filled and not computed. */
  @Test
  void stopsAtTheEnd() {
    try (Engine engine = Engine.open(model, EngineOptions.DEFAULT.withDtype(ComputeType.F32))) {
      GenerationRequest.Builder request =
          GenerationRequest.builder().tokens(5, 6).hole(400).temperature(2).seed(8);
      GenerationResult whole = engine.generate(request.build());
      int end = whole.tokens().subList(2, 402).indexOf(TinyLlama.END);
      assertTrue(end > 0 && end < 399, "no end in " + whole.tokens());
      assertEquals(400, whole.networkCalls());
      GenerationResult stopped = engine.generate(request.stopAtEnd(true).build());
      assertEquals(end + 1, stopped.networkCalls());
      assertEquals(whole.tokens().subList(0, end + 3), stopped.tokens().subList(0, end + 3));
      assertEquals(
          List.of(TinyLlama.END),
          stopped.tokens().subList(end + 2, 402).stream().distinct().toList());
    }
  }

  @Test
  void whatDoesNotFitTheModelIsRefusedByName() {
    try (Engine engine = Engine.open(model, EngineOptions.DEFAULT)) {
      refused(
          engine,
          GenerationRequest.builder().tokens(5).hole(9).tokens(6),
          "text follows a hole",
          "left to right");
      refused(engine, GenerationRequest.builder().hole(9), "at least one token");
      refused(engine, some().steps(4), "Steps", "4", "one token a step");
      refused(engine, some().tokensPerStep(2), "TokensPerStep");
      refused(engine, some().maxStepsPerBlock(2), "AsNeeded");
      refused(engine, some().algorithm(Algorithm.MARGIN), "algorithm margin");
      refused(engine, some().threshold(0.9), "threshold 0.9");
      refused(engine, some().blockLength(8), "block length 8");
      refused(engine, some().algorithmTemperature(0.5), "algorithm temperature 0.5");
      refused(engine, some().guidance(1.5f), "guidance 1.5");
      refused(engine, some().correction(new Correction.Edit(0.5)), "Edit");
      GenerationRequest.Builder draft = GenerationRequest.builder().tokens(5).draft(6, 7);
      refused(engine, draft.correction(new Correction.Edit(0.5)), "Edit");
      refused(engine, some().finishWithin(Duration.ofSeconds(3)), "finish within");
      refused(engine, some().cache(CacheMode.DUAL), "cache dual", "choose block");
      refused(engine, some().cacheRefresh(3), "every 3 steps");
      // Two holes side by side are one.
      GenerationRequest two = some().hole(4).plainTextOnly(true).build();
      assertEquals(16, engine.generate(two).tokens().size());
    }
  }

  private static GenerationRequest.Builder some() {
    return GenerationRequest.builder().tokens(5, 6, 7).hole(9);
  }

  private static void refused(Engine engine, GenerationRequest.Builder request, String... words) {
    String message =
        assertThrows(IllegalArgumentException.class, () -> engine.submit(request.build()))
            .getMessage();
    for (String word : words) {
      assertTrue(message.contains(word), () -> "no \"" + word + "\" in: " + message);
    }
  }
}
