/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.process.Canvas;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import dev.palimpsest.process.Revision;
import dev.palimpsest.weights.CheckpointException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(300)
class EngineTest {
  private static Engine engine;

  @BeforeAll
  static void open() {
    engine = Engine.open(GoldenPaths.of("llada-tiny"), EngineOptions.DEFAULT.withThreads(1));
  }

  @AfterAll
  static void close() {
    engine.close();
  }

  private static GenerationRequest.Builder request() {
    return GenerationRequest.builder().tokens(5, 6, 7).hole(20).steps(5);
  }

  @Test
  void revisionsReplayedOnAnEmptyCanvasGiveTheResult() {
    Generation generation = engine.submit(request().tokens(8, 9).hole(3).build());
    List<Revision> revisions = generation.revisions().toList();
    Canvas canvas = new Canvas(engine.config().maskToken());
    revisions.forEach(canvas::apply);
    GenerationResult result = generation.result().join();
    assertArrayEquals(
        canvas.tokens(), result.tokens().stream().mapToInt(Integer::intValue).toArray());
    assertEquals(List.of(0, 1, 2, 3, 4, 5), revisions.stream().map(Revision::step).toList());
    assertEquals(5, result.networkCalls());
    assertEquals(23, result.newTokens());
    assertEquals(0, revisions.getLast().masked());
    assertEquals(List.of(5, 6, 7), result.tokens().subList(0, 3));
    assertEquals(List.of(8, 9), result.tokens().subList(23, 25));
  }

  @Test
  void aLoopOnTheDeviceIsRefusedOnTheProcessor() {
    EngineOptions options =
        EngineOptions.DEFAULT
            .withDevice(EngineOptions.DeviceChoice.CPU)
            .withLoop(EngineOptions.Loop.GRAPH);
    Path model = GoldenPaths.of("llada-tiny");
    IllegalStateException e =
        assertThrows(IllegalStateException.class, () -> Engine.open(model, options));
    assertTrue(e.getMessage().contains("take loop auto or host"), e.getMessage());
  }

  @Test
  void revisionsCanBeReadLateButOnce() {
    Generation generation = engine.submit(request().build());
    generation.result().join();
    assertEquals(6, generation.revisions().count());
    assertThrows(IllegalStateException.class, generation::revisions);
  }

  @Test
  void callbacksMayWaitForOtherRequests() throws Exception {
    CompletableFuture<GenerationResult> second =
        engine
            .submit(request().build())
            .result()
            .thenApply(first -> engine.generate(request().seed(1).build()));
    assertEquals(23, second.get(60, TimeUnit.SECONDS).tokens().size());
  }

  @Test
  void cancellingTheFutureOrTheGenerationEndsIt() throws Exception {
    Generation generation;
    Generation other;
    try (Hold hold = new Hold(engine)) {
      generation = engine.submit(request().build());
      other = engine.submit(request().build());
      hold.turn();
      hold.turn();
      generation.cancel();
      other.result().cancel(true);
    }
    assertThrows(CancellationException.class, () -> generation.result().join());
    // The start, a step, and the one that was about to be taken; then the streams end.
    assertEquals(3, generation.revisions().count());
    assertEquals(3, other.revisions().count());
  }

  @Test
  void whatDoesNotFitIsRefusedByName() {
    refused("token 512", GenerationRequest.builder().tokens(512).hole(1));
    refused("token -3", GenerationRequest.builder().tokens(-3).hole(1));
    refused("4096", GenerationRequest.builder().tokens(1).hole(4096));
    refused(
        "base model",
        GenerationRequest.builder()
            .chat(List.of(new GenerationRequest.Message("user", "hi")))
            .hole(4));
    refused("block length", request().algorithm(Algorithm.ENTROPY).blockLength(4));
    refused("no use for factor 2", request().algorithm(Algorithm.LOW_CONFIDENCE).factor(2));
    // Only the engine knows that this family's algorithm counts steps.
    refused(
        "low-confidence takes a given number of steps and found max steps per block 4",
        GenerationRequest.builder().hole(4).maxStepsPerBlock(4));
    refused("temperature", request().temperature(-1));
    refused("top-p", request().topP(0));
    refused("top-k", request().topK(-1));
    refused("guidance", request().guidance(-1));
    assertTrue(
        assertThrows(
                IllegalStateException.class,
                () -> engine.submit(GenerationRequest.completing("x", 3).build()))
            .getMessage()
            .contains("tokenizer.json"));
    assertThrows(
        IllegalArgumentException.class, () -> GenerationRequest.builder().tokens(1).build());
  }

  private static void refused(String named, GenerationRequest.Builder builder) {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> engine.submit(builder.build()));
    assertTrue(e.getMessage().contains(named), e.getMessage());
  }

  @Test
  void greedyDecodingIgnoresTheSeedAndNoiseDoesNot() {
    List<Integer> greedy = engine.generate(request().seed(1).build()).tokens();
    assertEquals(greedy, engine.generate(request().seed(2).build()).tokens());
    List<Integer> noisy = engine.generate(request().temperature(2).seed(1).build()).tokens();
    assertEquals(noisy, engine.generate(request().temperature(2).seed(1).build()).tokens());
    assertTrue(!noisy.equals(engine.generate(request().temperature(2).seed(2).build()).tokens()));
  }

  @Test
  void logitsWantEnoughRoom() {
    try (Arena arena = Arena.ofConfined()) {
      IllegalArgumentException e =
          assertThrows(
              IllegalArgumentException.class,
              () -> engine.logits(new int[] {1, 2}, arena.allocate(4)));
      assertTrue(e.getMessage().contains("logits"), e.getMessage());
    }
  }

  @Test
  void logitsGoToMemoryOfTheCallersThreadAsWellAsToSharedMemory() {
    for (int length : new int[] {16, 17}) {
      int[] tokens = java.util.stream.IntStream.range(2, 2 + length).toArray();
      long bytes = 4L * length * engine.config().vocabulary();
      try (Arena shared = Arena.ofShared();
          Arena confined = Arena.ofConfined()) {
        MemorySegment first = shared.allocate(bytes, 4);
        MemorySegment second = confined.allocate(bytes, 4);
        MemorySegment third = MemorySegment.ofArray(new float[(int) (bytes / 4)]);
        engine.logits(tokens, first);
        engine.logits(tokens, second);
        engine.logits(tokens, third);
        assertEquals(-1, first.mismatch(second));
        assertEquals(-1, first.mismatch(third));
      }
    }
  }

  @Test
  void closingCancelsAndMayBeRepeated() throws Exception {
    Engine closing =
        Engine.open(GoldenPaths.of("dream-tiny"), EngineOptions.DEFAULT.withThreads(2));
    Generation generation;
    try (Hold hold = new Hold(closing)) {
      generation = closing.submit(request().algorithm(Algorithm.MASKGIT_PLUS).build());
      hold.turn();
      Thread reader =
          Thread.ofVirtual().start(() -> generation.revisions().forEach(revision -> {}));
      Thread closer = Thread.ofVirtual().start(closing::close);
      hold.untilClosed();
      closer.join();
      closing.close();
      reader.join();
    }
    assertInstanceOf(
        CancellationException.class,
        generation.result().<Throwable>handle((r, failure) -> failure).get(60, TimeUnit.SECONDS));
    assertThrows(IllegalStateException.class, () -> closing.submit(request().build()));
  }

  @Test
  void whatIsNotAModelIsSaidSo(@TempDir Path empty) {
    assertThrows(CheckpointException.class, () -> Engine.open(empty, EngineOptions.DEFAULT));
    assertThrows(
        CheckpointException.class,
        () -> Engine.open(empty.resolve("no-such"), EngineOptions.DEFAULT));
  }
}
