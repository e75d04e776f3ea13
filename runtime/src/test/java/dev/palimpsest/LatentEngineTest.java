/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.EngineOptions.DeviceChoice;
import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.network.TinyHybrid;
import dev.palimpsest.process.Canvas;
import dev.palimpsest.process.Correction;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import dev.palimpsest.process.Revision;
import dev.palimpsest.process.latent.LatentChoice;
import dev.palimpsest.process.latent.Solver;
import dev.palimpsest.process.latent.TimeGrid;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A latent model behind the public API. */
class LatentEngineTest {
  private static final EngineOptions OPTIONS =
      EngineOptions.DEFAULT.withDevice(DeviceChoice.CPU).withThreads(2);

  @TempDir static Path folder;
  private static Engine engine;

  @BeforeAll
  static void open() {
    TinyHybrid.write(folder, TinyHybrid.config(), DType.BF16, 4);
    engine = Engine.open(folder, OPTIONS);
  }

  @AfterAll
  static void close() {
    engine.close();
  }

  private static GenerationRequest.Builder completing(int newTokens) {
    return GenerationRequest.builder().tokens(5, 6, 7, 8).hole(newTokens);
  }

  @Test
  void theModelIsWhatTheCheckpointSays() {
    assertEquals(TinyHybrid.config(), engine.latent().orElseThrow());
    assertEquals(47, engine.config().vocabulary());
    assertEquals("palimpsest-hybrid", engine.config().family());
    assertEquals("", engine.chatFormat());
    assertThrows(
        IllegalStateException.class,
        () -> {
          try (Arena arena = Arena.ofConfined()) {
            engine.logits(new int[] {2}, arena.allocate(4 * 47));
          }
        });
  }

  @Test
  void callsAreCountedAndSeedsRepeat() {
    GenerationResult first = engine.generate(completing(12).steps(3).seed(1).build());
    assertEquals(4, first.networkCalls());
    assertEquals(12, first.newTokens());
    assertEquals(List.of(5, 6, 7, 8), first.tokens().subList(0, 4));
    assertEquals(first.tokens(), engine.generate(completing(12).steps(3).seed(1).build()).tokens());
    assertNotEquals(
        first.tokens(), engine.generate(completing(12).steps(3).seed(2).build()).tokens());
    // The checkpoint recommends four.
    assertEquals(5, engine.generate(completing(12).build()).networkCalls());
  }

  @Test
  void everyOptionOfLatentModelsDoesSomething() {
    List<Integer> usual = engine.generate(completing(18).seed(1).build()).tokens();
    List<Consumer<GenerationRequest.Builder>> changes =
        List.of(
            b -> b.latent(LatentChoice.NONE.withSolver(Solver.DDIM)),
            b -> b.latent(LatentChoice.NONE.withGrid(TimeGrid.UNIFORM)),
            b -> b.latent(LatentChoice.NONE.withGrid(TimeGrid.QUANTILES)),
            b -> b.latent(LatentChoice.NONE.withChurn(0.9)),
            b -> b.latent(LatentChoice.NONE.withRefineSteps(2).withRefineThreshold(1)),
            b ->
                b.latent(
                    LatentChoice.NONE
                        .withRefineSteps(2)
                        .withRefineThreshold(1)
                        .withRefineTime(0.1)),
            b -> b.temperature(0.2f),
            b -> b.guidance(3),
            b -> b.blockLength(4));
    for (int i = 0; i < changes.size(); i++) {
      GenerationRequest.Builder request = completing(18).seed(1);
      changes.get(i).accept(request);
      assertNotEquals(usual, engine.generate(request.build()).tokens(), "change " + i);
    }
  }

  @Test
  void previewsAreRevisionsThatReplayToTheText() {
    Generation generation = engine.submit(completing(12).previews(true).seed(3).build());
    Canvas replay = new Canvas(TinyHybrid.MASK);
    List<Revision> revisions = generation.revisions().toList();
    revisions.forEach(replay::apply);
    GenerationResult result = generation.result().join();
    assertEquals(result.tokens(), IntStream.of(replay.tokens()).boxed().toList());
    assertEquals(4 + 3 + 1, result.networkCalls());
    assertEquals(0, revisions.get(2).masked());
    assertEquals(result.tokens(), engine.generate(completing(12).seed(3).build()).tokens());
  }

  @Test
  void aLongTextIsWrittenInBlocks() {
    GenerationResult result = engine.generate(completing(200).seed(1).build());
    assertEquals(204, result.tokens().size());
    assertEquals(200, result.newTokens());
    assertEquals(17 * 5, result.networkCalls());
  }

  @Test
  void optionsOfOtherModelsAreRefusedByName() {
    for (Object[] wrong :
        new Object[][] {
          {
            "algorithm entropy",
            (Consumer<GenerationRequest.Builder>) b -> b.algorithm(Algorithm.ENTROPY)
          },
          {"threshold 0.5", (Consumer<GenerationRequest.Builder>) b -> b.threshold(0.5)},
          {"tokens", (Consumer<GenerationRequest.Builder>) b -> b.tokensPerStep(2)},
          {"top-k 4", (Consumer<GenerationRequest.Builder>) b -> b.topK(4)},
          {"top-p 0.5", (Consumer<GenerationRequest.Builder>) b -> b.topP(0.5f)},
          {
            "Edit",
            (Consumer<GenerationRequest.Builder>) b -> b.correction(new Correction.Edit(0.5))
          },
          {"cache dual", (Consumer<GenerationRequest.Builder>) b -> b.cache(CacheMode.DUAL)},
          {
            "algorithm temperature 1.0",
            (Consumer<GenerationRequest.Builder>) b -> b.algorithmTemperature(1)
          }
        }) {
      GenerationRequest.Builder request = completing(4);
      @SuppressWarnings("unchecked")
      Consumer<GenerationRequest.Builder> change = (Consumer<GenerationRequest.Builder>) wrong[1];
      change.accept(request);
      String message =
          assertThrows(IllegalArgumentException.class, () -> engine.generate(request.build()))
              .getMessage();
      assertTrue(
          message.contains("has no use for") && message.contains((String) wrong[0]), message);
    }
    for (LatentChoice idle :
        List.of(
            LatentChoice.NONE.withRefineThreshold(0.7), LatentChoice.NONE.withRefineTime(0.7))) {
      String message =
          assertThrows(
                  IllegalArgumentException.class,
                  () -> engine.generate(completing(4).latent(idle).build()))
              .getMessage();
      assertTrue(message.contains(idle.named().orElseThrow()), message);
    }
    try (Engine masked = Engine.open(GoldenPaths.of("llada-tiny"), OPTIONS)) {
      String message =
          assertThrows(
                  IllegalArgumentException.class,
                  () ->
                      masked.generate(
                          completing(4).latent(LatentChoice.NONE.withSolver(Solver.DDIM)).build()))
              .getMessage();
      assertTrue(message.contains("solver ddim is for latent models"), message);
    }
  }

  @Test
  void loadDeadlineAndMemory() {
    assertEquals(0, engine.load().running());
    assertTrue(engine.load().cachePages() > 0);
    assertEquals(engine.load().cachePages(), engine.load().freeCachePages());
    // Whenever the scheduler looks at its clock a millisecond has passed.
    AtomicLong looks = new AtomicLong();
    try (Engine counting =
        LocalEngine.open(
            folder, OPTIONS, LoadListener.NONE, () -> 1_000_000 * looks.incrementAndGet())) {
      DeadlineExceededException late =
          assertThrows(
              DeadlineExceededException.class,
              () ->
                  counting.generate(
                      completing(20).steps(1 << 16).deadline(Duration.ofMillis(100)).build()));
      assertEquals(0, late.partial().newTokens());
      assertTrue(late.partial().networkCalls() > 0);
    }
    try (Engine small = Engine.open(folder, OPTIONS.withKvCacheBytes(10 * 8 * 24))) {
      String refused =
          assertThrows(IllegalArgumentException.class, () -> small.generate(completing(12).build()))
              .getMessage();
      assertTrue(refused.contains("10 positions") && refused.contains("kvCacheBytes"), refused);
    }
  }
}
