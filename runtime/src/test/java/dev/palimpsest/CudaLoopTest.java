/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.EngineOptions.ComputeType;
import dev.palimpsest.EngineOptions.DeviceChoice;
import dev.palimpsest.EngineOptions.Loop;
import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.process.Correction;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import dev.palimpsest.process.Revision;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Whoever goes from step to step, the revisions are the same, to the last bit of a confidence. */
@Tag("emulator")
class CudaLoopTest {
  private static final Path JAVA_TINY = Path.of("..", "models", "java-tiny");

  @BeforeEach
  void emulator() {
    EmulatedDriver.required();
    EmulatedDriver.reset();
  }

  @AfterEach
  void nothingIsLeft() {
    EmulatedDriver.reset();
    assertEquals(0, EmulatedDriver.memoryUsed());
  }

  private static EngineOptions options(ComputeType dtype, Loop loop) {
    return EngineOptions.DEFAULT
        .withDevice(DeviceChoice.CUDA)
        .withDtype(dtype)
        .withThreads(1)
        .withLoop(loop);
  }

  private static List<Revision> revisions(Generation generation) {
    List<Revision> all = generation.revisions().toList();
    generation.result().join();
    return all;
  }

  private static long stepsOfTheDevice() {
    return EmulatedDriver.launchesOf("loop_count");
  }

  /** A hole between texts, in blocks if the rule knows them, sampled in every second request. */
  private static GenerationRequest request(Algorithm algorithm, int length, int number) {
    GenerationRequest.Builder builder =
        GenerationRequest.builder()
            .tokens(5, 9, 200, 31 + number)
            .hole(length)
            .tokens(8)
            .algorithm(algorithm)
            .seed(number)
            .temperature(number % 2 * 0.8f);
    if (algorithm.knowsBlocks()) {
      builder.blockLength((length + 1) / 2);
    }
    return switch (algorithm) {
      case THRESHOLD, MARGIN_THRESHOLD -> builder.threshold(0.02).build();
      case HIERARCHICAL -> builder.threshold(0.05).lowThreshold(0.01).build();
      case FACTOR -> builder.factor(1.9).build();
      case ENTROPY_BOUNDED -> builder.entropyBound(11).build();
      default -> builder.steps(Math.max(2, length - 2)).build();
    };
  }

  /**
   * All at once, half of the rules in each way of the loop: then blocks are of different sizes, and
   * end early. And one after the other. Each rule meets each model, each way, and a batch of its
   * own.
   */
  @ParameterizedTest
  @CsvSource({"llada-tiny, F32, LAGGED, GRAPH", "dream-tiny, BF16, GRAPH, LAGGED"})
  void everyRuleWritesTheSameAloneAndTogether(
      String model, ComputeType dtype, Loop even, Loop odd) {
    List<GenerationRequest> requests = new ArrayList<>();
    for (Algorithm algorithm : Algorithm.values()) {
      requests.add(request(algorithm, 3 + algorithm.ordinal() % 3, requests.size()));
    }
    List<List<Revision>> host = together(model, dtype, Loop.HOST, requests);
    for (Loop loop : List.of(even, odd)) {
      int first = loop == even ? 0 : 1;
      long before = stepsOfTheDevice();
      same(
          everySecond(host, first),
          together(model, dtype, loop, everySecond(requests, first)),
          loop + " together");
      assertTrue(stepsOfTheDevice() > before);
    }
    int first = even == Loop.GRAPH ? 1 : 0;
    List<List<Revision>> alone = new ArrayList<>();
    try (Engine engine = Engine.open(GoldenPaths.of(model), options(dtype, Loop.GRAPH))) {
      everySecond(requests, first).forEach(request -> alone.add(revisions(engine.submit(request))));
    }
    same(everySecond(host, first), alone, "alone");
  }

  private static <T> List<T> everySecond(List<T> all, int first) {
    return IntStream.range(0, all.size())
        .filter(i -> i % 2 == first)
        .<T>mapToObj(all::get)
        .toList();
  }

  private static void same(List<List<Revision>> expected, List<List<Revision>> found, String what) {
    assertEquals(expected.size(), found.size(), what);
    for (int i = 0; i < expected.size(); i++) {
      assertEquals(expected.get(i), found.get(i), what + ", request " + i);
    }
  }

  /** With a cache the host takes the first step of a block, and the device all others. */
  @ParameterizedTest
  @CsvSource({"llada-tiny, DUAL", "llada-tiny, PREFIX", "dream-tiny, DUAL"})
  void whatIsKeptBetweenStepsIsUsed(String model, CacheMode cache) {
    Algorithm algorithm = model.startsWith("dream") ? Algorithm.ENTROPY : Algorithm.LOW_CONFIDENCE;
    List<GenerationRequest> requests = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      GenerationRequest.Builder builder =
          GenerationRequest.builder()
              .tokens(5, 9, 200, 77 + i)
              .hole(6)
              .tokens(8, 9)
              .algorithm(algorithm)
              .cache(cache)
              .seed(i)
              .temperature(i * 0.5f)
              .steps(6);
      requests.add((algorithm.knowsBlocks() ? builder.blockLength(3) : builder).build());
    }
    long before = stepsOfTheDevice();
    List<List<Revision>> host = together(model, ComputeType.F32, Loop.HOST, requests);
    assertEquals(before, stepsOfTheDevice());
    same(host, together(model, ComputeType.F32, Loop.GRAPH, requests), "together");
    before = stepsOfTheDevice();
    same(
        host.subList(1, 2),
        together(model, ComputeType.F32, Loop.GRAPH, requests.subList(1, 2)),
        "alone");
    assertEquals(algorithm.knowsBlocks() ? 4 : 5, stepsOfTheDevice() - before);
  }

  /**
   * A model that attends in blocks, whose cache is its own: what precedes a block is stored when
   * its first step is taken, by the host, and seen by those that the device takes.
   */
  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16"})
  void blocksOfTheModelAreWritten(ComputeType dtype) {
    List<GenerationRequest> requests = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      // Prompts that end with a block, within one and beyond one: 4, 5 and 6 tokens.
      requests.add(
          GenerationRequest.builder()
              .tokens(Arrays.copyOf(new int[] {5, 9, 200, 77 + i, 31, 8}, 4 + i))
              .hole(6)
              .cache(CacheMode.BLOCK)
              .seed(i)
              .temperature(i * 0.7f)
              .algorithm(Algorithm.LOW_CONFIDENCE)
              .tokensPerStep(1 + i % 2)
              .build());
    }
    long before = stepsOfTheDevice();
    List<List<Revision>> host = together("sdar-tiny", dtype, Loop.HOST, requests);
    assertEquals(before, stepsOfTheDevice());
    // Of the 2 and 4 steps of the last one's blocks the host takes the first.
    List<GenerationRequest> one = requests.subList(2, 3);
    for (Loop loop : List.of(Loop.LAGGED, Loop.GRAPH)) {
      same(host, together("sdar-tiny", dtype, loop, requests), loop + " together");
      before = stepsOfTheDevice();
      same(host.subList(2, 3), together("sdar-tiny", dtype, loop, one), loop + " alone");
      // One step behind, the host takes one too many of each block.
      assertEquals(loop == Loop.GRAPH ? 4 : 6, stepsOfTheDevice() - before);
    }
  }

  /** Top-k, top-p, several tokens a step, what may not be written. */
  @Test
  void everyWayToSampleIsTheSame() {
    Function<GenerationRequest.Builder, GenerationRequest.Builder> filtered =
        b -> b.temperature(1.2f).topK(40).topP(0.9f);
    List<GenerationRequest> requests =
        List.of(
            filtered.apply(builder()).steps(3).plainTextOnly(true).build(),
            filtered.apply(builder()).algorithm(Algorithm.ENTROPY).steps(3).build(),
            builder().tokensPerStep(2).build(),
            builder().algorithm(Algorithm.MARGIN).tokensPerStep(3).temperature(0.3f).build(),
            builder().algorithm(Algorithm.THRESHOLD).maxStepsPerBlock(2).build());
    assertEquals(
        together("llada-tiny", ComputeType.BF16, Loop.HOST, requests),
        together("llada-tiny", ComputeType.BF16, Loop.GRAPH, requests));
  }

  private static GenerationRequest.Builder builder() {
    return GenerationRequest.builder().tokens(5, 9, 200, 77).hole(6).seed(11);
  }

  private static List<List<Revision>> together(
      String model, ComputeType dtype, Loop loop, List<GenerationRequest> requests) {
    try (Engine engine = Engine.open(GoldenPaths.of(model), options(dtype, loop))) {
      List<Generation> all = requests.stream().map(engine::submit).toList();
      return all.stream().map(CudaLoopTest::revisions).toList();
    }
  }

  /** More steps than the device takes at a time: this rule's schedule takes all it is given. */
  @Test
  void aLongBlockIsWrittenInSeveralRuns() {
    List<GenerationRequest> requests =
        List.of(
            GenerationRequest.builder()
                .tokens(5, 9)
                .hole(4)
                .algorithm(Algorithm.MASKGIT_PLUS)
                .steps(33)
                .build(),
            GenerationRequest.builder().tokens(5).hole(2).steps(2).build());
    List<List<Revision>> host = together("llada-tiny", ComputeType.BF16, Loop.HOST, requests);
    assertEquals(34, host.getFirst().size());
    long before = stepsOfTheDevice();
    assertEquals(host, together("llada-tiny", ComputeType.BF16, Loop.GRAPH, requests));
    // More if the short one comes when the long one is under way.
    assertTrue(stepsOfTheDevice() - before >= 33);
  }

  /** The device sees for itself that a text has ended, and the host fills it up. */
  @Test
  void aTextThatEndsIsNotWrittenOn() {
    List<GenerationRequest> ending = new ArrayList<>();
    List<Integer> steps = new ArrayList<>();
    // The processor writes the same tokens, in less time.
    try (Engine engine =
        Engine.open(
            GoldenPaths.of("llada-tiny"),
            options(ComputeType.F32, Loop.AUTO).withDevice(DeviceChoice.CPU))) {
      for (long seed = 0; seed < 5000 && ending.size() < 2; seed++) {
        GenerationRequest request =
            GenerationRequest.builder()
                .tokens(5, 9)
                .hole(6)
                .algorithm(Algorithm.RANDOM)
                .steps(6)
                .temperature(60f)
                .stopAtEnd(true)
                .seed(seed)
                .build();
        int step = revisions(engine.submit(request)).getLast().step();
        if (step < 6) {
          ending.add(request);
          steps.add(step);
        }
      }
    }
    assertEquals(2, ending.size());
    for (int i = 0; i < ending.size(); i++) {
      List<GenerationRequest> one = List.of(ending.get(i));
      List<List<Revision>> host = together("llada-tiny", ComputeType.F32, Loop.HOST, one);
      assertEquals(steps.get(i), host.getFirst().getLast().step());
      long before = stepsOfTheDevice();
      assertEquals(host, together("llada-tiny", ComputeType.F32, Loop.GRAPH, one));
      assertEquals((long) steps.get(i), stepsOfTheDevice() - before);
    }
  }

  /** What the device does not do by itself is stepped by the host, and says nothing. */
  @Test
  void everythingElseGoesStepByStep() {
    List<GenerationRequest> requests =
        List.of(
            builder().steps(2).cache(CacheMode.DELAYED).build(),
            builder().steps(3).cache(CacheMode.DUAL).cacheRefresh(2).build(),
            builder().steps(2).guidance(1.5f).build(),
            builder().steps(3).correction(new Correction.Edit(0.01)).build(),
            builder().steps(3).correction(new Correction.Remask(0.5, 2)).build(),
            builder().algorithm(Algorithm.ENTROPY).steps(2).algorithmTemperature(0.5).build(),
            builder().steps(2).deadline(Duration.ofHours(1)).build(),
            builder().steps(2).finishWithin(Duration.ofHours(1)).build(),
            builder().steps(2).previews(true).build());
    List<List<Revision>> host = together("llada-tiny", ComputeType.F32, Loop.HOST, requests);
    long before = stepsOfTheDevice();
    try (Engine engine =
        Engine.open(GoldenPaths.of("llada-tiny"), options(ComputeType.F32, Loop.GRAPH))) {
      for (int i = 0; i < requests.size(); i++) {
        assertEquals(host.get(i), revisions(engine.submit(requests.get(i))), "request " + i);
      }
    }
    assertEquals(before, stepsOfTheDevice());
    // Beside them others go step by step too.
    List<GenerationRequest> mixed = new ArrayList<>(requests);
    mixed.add(builder().steps(2).build());
    List<List<Revision>> all = together("llada-tiny", ComputeType.F32, Loop.GRAPH, mixed);
    assertEquals(host, all.subList(0, requests.size()));
    assertEquals(
        together("llada-tiny", ComputeType.F32, Loop.HOST, List.of(mixed.getLast())),
        List.of(all.getLast()));
  }

  /** One launch and three copies, whatever number of steps. */
  @Test
  void theHostLooksOnceABlock() {
    try (Engine engine =
        Engine.open(GoldenPaths.of("llada-tiny"), options(ComputeType.F32, Loop.AUTO))) {
      revisions(engine.submit(builder().steps(3).build()));
      long steps = stepsOfTheDevice();
      long graphs = EmulatedDriver.graphLaunches();
      long copies = EmulatedDriver.copies();
      revisions(engine.submit(builder().steps(4).seed(12).build()));
      assertEquals(4, stepsOfTheDevice() - steps);
      assertEquals(1, EmulatedDriver.graphLaunches() - graphs);
      assertEquals(4, EmulatedDriver.copies() - copies);
    }
  }

  /** What is written, how and from where differs; a step is the same launches. */
  @Test
  void nearbyCanvasesShareAGraph() {
    List<GenerationRequest> requests =
        List.of(
            builder().steps(2).build(),
            GenerationRequest.builder().tokens(7).hole(4).steps(2).seed(3).temperature(1).build(),
            GenerationRequest.builder()
                .tokens(5, 9, 31)
                .hole(9)
                .tokens(8)
                .algorithm(Algorithm.THRESHOLD)
                .threshold(0.001)
                .build());
    List<List<Revision>> host = together("llada-tiny", ComputeType.F32, Loop.HOST, requests);
    long made = EmulatedDriver.graphsMade();
    List<List<Revision>> found = new ArrayList<>();
    try (Engine engine =
        Engine.open(GoldenPaths.of("llada-tiny"), options(ComputeType.F32, Loop.GRAPH))) {
      requests.forEach(request -> found.add(revisions(engine.submit(request))));
      assertEquals(1, EmulatedDriver.graphsMade() - made);
    }
    same(host, found, "alone");
  }

  /** The model that comes along, on tensor cores; what follows the text is written in blocks. */
  @Test
  void theTrainedModelWritesTheSame() {
    GenerationRequest request =
        GenerationRequest.builder()
            .text("public int size() {")
            .hole(6)
            .blockLength(3)
            .steps(2)
            .build();
    List<List<Revision>> ways = new ArrayList<>();
    for (Loop loop : List.of(Loop.HOST, Loop.GRAPH)) {
      try (Engine engine = Engine.open(JAVA_TINY, options(ComputeType.BF16, loop))) {
        ways.add(revisions(engine.submit(request)));
      }
    }
    assertEquals(ways.get(0), ways.get(1));
  }

  @Test
  void anOldDriverLeavesTheLoopToTheHost() {
    EmulatedDriver.driverVersion(12030);
    Path model = GoldenPaths.of("llada-tiny");
    IllegalStateException e =
        assertThrows(
            IllegalStateException.class,
            () -> Engine.open(model, options(ComputeType.F32, Loop.GRAPH)));
    assertTrue(e.getMessage().contains("CUDA 12.3, has no conditional nodes"), e.getMessage());
    long before = stepsOfTheDevice();
    try (Engine engine = Engine.open(model, options(ComputeType.F32, Loop.AUTO))) {
      revisions(engine.submit(builder().steps(3).build()));
    }
    // One step behind, the host takes one too many.
    assertEquals(4, stepsOfTheDevice() - before);
  }
}
