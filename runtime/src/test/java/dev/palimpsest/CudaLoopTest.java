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
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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

  /** One after the other, and all at once: then blocks are of different sizes, and end early. */
  @ParameterizedTest
  @CsvSource({"llada-tiny, F32", "dream-tiny, BF16"})
  void everyRuleWritesTheSameAloneAndTogether(String model, ComputeType dtype) {
    List<GenerationRequest> requests = new ArrayList<>();
    for (Algorithm algorithm : Algorithm.values()) {
      requests.add(request(algorithm, 3 + algorithm.ordinal() % 4, requests.size()));
    }
    List<List<Revision>> host = together(model, dtype, Loop.HOST, requests);
    for (Loop loop : List.of(Loop.LAGGED, Loop.GRAPH)) {
      long before = stepsOfTheDevice();
      same(requests, host, together(model, dtype, loop, requests), loop + " together");
      assertTrue(stepsOfTheDevice() > before);
    }
    List<List<Revision>> alone = new ArrayList<>();
    try (Engine engine = Engine.open(GoldenPaths.of(model), options(dtype, Loop.GRAPH))) {
      requests.forEach(request -> alone.add(revisions(engine.submit(request))));
    }
    same(requests, host, alone, "alone");
  }

  private static void same(
      List<GenerationRequest> requests,
      List<List<Revision>> expected,
      List<List<Revision>> found,
      String what) {
    for (int i = 0; i < requests.size(); i++) {
      assertEquals(expected.get(i), found.get(i), what + ", request " + i);
    }
  }

  /** With a cache the host takes the first step of a block, and the device all others. */
  @ParameterizedTest
  @CsvSource({"llada-tiny, DUAL", "llada-tiny, PREFIX", "dream-tiny, DUAL"})
  void whatIsKeptBetweenStepsIsUsed(String model, CacheMode cache) {
    Algorithm algorithm = model.startsWith("dream") ? Algorithm.ENTROPY : Algorithm.LOW_CONFIDENCE;
    List<GenerationRequest> requests = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      GenerationRequest.Builder builder =
          GenerationRequest.builder()
              .tokens(5, 9, 200, 77 + i)
              .hole(8)
              .tokens(8, 9)
              .algorithm(algorithm)
              .cache(cache)
              .seed(i)
              .temperature(i * 0.5f)
              .steps(8);
      requests.add((algorithm.knowsBlocks() ? builder.blockLength(4) : builder).build());
    }
    long before = stepsOfTheDevice();
    List<List<Revision>> host = together(model, ComputeType.F32, Loop.HOST, requests);
    assertEquals(before, stepsOfTheDevice());
    same(requests, host, together(model, ComputeType.F32, Loop.GRAPH, requests), "together");
    before = stepsOfTheDevice();
    same(
        requests.subList(1, 2),
        host.subList(1, 2),
        together(model, ComputeType.F32, Loop.GRAPH, requests.subList(1, 2)),
        "alone");
    assertEquals(algorithm.knowsBlocks() ? 6 : 7, stepsOfTheDevice() - before);
  }

  /** Top-k, top-p, several tokens a step, what may not be written. */
  @Test
  void everyWayToSampleIsTheSame() {
    Function<GenerationRequest.Builder, GenerationRequest.Builder> filtered =
        b -> b.temperature(1.2f).topK(40).topP(0.9f);
    List<GenerationRequest> requests =
        List.of(
            filtered.apply(builder()).steps(4).plainTextOnly(true).build(),
            filtered.apply(builder()).algorithm(Algorithm.ENTROPY).steps(5).build(),
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

  /** More steps than the device takes at a time. */
  @Test
  void aLongBlockIsWrittenInSeveralRuns() {
    List<GenerationRequest> requests =
        List.of(
            GenerationRequest.builder().tokens(5, 9).hole(33).steps(33).build(),
            GenerationRequest.builder().tokens(5).hole(3).steps(3).build());
    List<List<Revision>> host = together("llada-tiny", ComputeType.F32, Loop.HOST, requests);
    assertEquals(host, together("llada-tiny", ComputeType.F32, Loop.GRAPH, requests));
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
                .hole(10)
                .algorithm(Algorithm.RANDOM)
                .steps(10)
                .temperature(60f)
                .stopAtEnd(true)
                .seed(seed)
                .build();
        int step = revisions(engine.submit(request)).getLast().step();
        if (step < 10) {
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
            builder().steps(3).cache(CacheMode.DELAYED).build(),
            builder().steps(3).cache(CacheMode.DUAL).cacheRefresh(2).build(),
            builder().steps(3).guidance(1.5f).build(),
            builder().steps(4).correction(new Correction.Edit(0.01)).build(),
            builder().steps(4).correction(new Correction.Remask(0.5, 2)).build(),
            builder().algorithm(Algorithm.ENTROPY).steps(3).algorithmTemperature(0.5).build(),
            builder().steps(3).deadline(Duration.ofHours(1)).build(),
            builder().steps(3).finishWithin(Duration.ofHours(1)).build(),
            builder().steps(3).previews(true).build());
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
    mixed.add(builder().steps(3).build());
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
      revisions(engine.submit(builder().steps(6).build()));
      long steps = stepsOfTheDevice();
      long graphs = EmulatedDriver.graphLaunches();
      long copies = EmulatedDriver.copies();
      revisions(engine.submit(builder().steps(6).seed(12).build()));
      assertEquals(6, stepsOfTheDevice() - steps);
      assertEquals(1, EmulatedDriver.graphLaunches() - graphs);
      assertEquals(4, EmulatedDriver.copies() - copies);
    }
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
    for (Loop loop : List.of(Loop.HOST, Loop.LAGGED, Loop.GRAPH)) {
      try (Engine engine = Engine.open(JAVA_TINY, options(ComputeType.BF16, loop))) {
        ways.add(revisions(engine.submit(request)));
      }
    }
    assertEquals(ways.get(0), ways.get(1));
    assertEquals(ways.get(0), ways.get(2));
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
