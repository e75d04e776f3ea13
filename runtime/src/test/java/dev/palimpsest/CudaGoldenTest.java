/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.EngineOptions.ComputeType;
import dev.palimpsest.EngineOptions.DeviceChoice;
import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/**
 * Whole networks through JCuda, the bindings and our kernels, on the emulator: against the
 * reference, and token for token against the processor.
 */
@Tag("emulator")
class CudaGoldenTest {
  private static final Path JAVA_TINY = Path.of("..", "models", "java-tiny");

  @BeforeEach
  void emulator() {
    EmulatedDriver.required();
  }

  private static EngineOptions cuda(ComputeType dtype) {
    return EngineOptions.DEFAULT.withDevice(DeviceChoice.CUDA).withDtype(dtype).withThreads(1);
  }

  private static EngineOptions cpu(ComputeType dtype) {
    return cuda(dtype).withDevice(DeviceChoice.CPU);
  }

  @ParameterizedTest
  @CsvSource({
    "llada-tiny, F32, 1e-5",
    "dream-tiny, F32, 1e-5",
    "llada-tiny, BF16, 1.5e-2",
    "dream-tiny, BF16, 1.5e-2",
    "llada-tiny, INT8, 2.5e-2",
    "dream-tiny, INT8, 2.5e-2",
  })
  void logitsAgreeWithTheReference(String model, ComputeType dtype, double tolerance)
      throws IOException {
    Path folder = GoldenPaths.of(model);
    int[] tokens = tokens(folder);
    try (Engine engine = Engine.open(folder, cuda(dtype));
        Arena arena = Arena.ofConfined()) {
      assertTrue(engine.device().startsWith("cuda, emulated"), engine.device());
      MemorySegment logits = arena.allocate(4L * tokens.length * engine.config().vocabulary(), 64);
      engine.logits(tokens, logits);
      MemorySegment expected =
          MemorySegment.ofArray(Files.readAllBytes(folder.resolve("logits.f32")));
      double error = GoldenLogitsTest.relativeL2(logits, expected);
      assertTrue(error <= tolerance, "relative L2 " + error + " > " + tolerance);
    }
  }

  private static int[] tokens(Path folder) throws IOException {
    return Arrays.stream(Files.readString(folder.resolve("tokens.txt")).strip().split("\\s+"))
        .mapToInt(Integer::parseInt)
        .toArray();
  }

  @ParameterizedTest
  @CsvSource({
    "llada-tiny/trace-low-confidence.json",
    "llada-tiny/trace-threshold.json",
    "dream-tiny/trace-entropy.json",
  })
  void tracesEqualTheReference(String trace) throws IOException {
    Path file = GoldenPaths.of(trace);
    JsonNode golden = new ObjectMapper().readTree(Files.readString(file));
    try (Engine engine = Engine.open(file.getParent(), cuda(ComputeType.F32))) {
      List<int[]> rows = GoldenTraceTest.decode(engine, GoldenTraceTest.request(golden).build());
      JsonNode steps = golden.get("steps");
      assertEquals(steps.size(), rows.size() - 1, "steps");
      for (int i = 0; i < steps.size(); i++) {
        assertArrayEquals(
            GoldenTraceTest.tokens(steps.get(i)), rows.get(i + 1), "after step " + (i + 1));
      }
    }
  }

  /**
   * Quantised checkpoints multiply as they are stored, on tensor cores: what the processor computes
   * in f32 from the numbers they stand for, but for inputs in bf16.
   */
  @ParameterizedTest
  @CsvSource({
    "llada-tiny, I8",
    "llada-tiny, Q8_0",
    "llada-tiny, Q4_0",
    "dream-tiny, I8",
    "dream-tiny, Q8_0",
    "dream-tiny, Q4_0"
  })
  void quantisedCheckpointsRunAsTheyAreStored(String model, DType type, @TempDir Path temp)
      throws IOException {
    Path copy = QuantizedCopy.of(model, type, temp);
    int[] tokens = tokens(GoldenPaths.of(model));
    try (Engine there = Engine.open(copy, cuda(ComputeType.INT8));
        Engine here = Engine.open(copy, cpu(ComputeType.F32));
        Arena arena = Arena.ofConfined()) {
      assertTrue(there.device().contains("bf16 with int8 weights"), there.device());
      long bytes = 4L * tokens.length * there.config().vocabulary();
      MemorySegment found = arena.allocate(bytes, 64);
      MemorySegment expected = arena.allocate(bytes, 64);
      there.logits(tokens, found);
      here.logits(tokens, expected);
      double error = GoldenLogitsTest.relativeL2(found, expected);
      assertTrue(error <= 1e-2, "relative L2 " + error);
    }
  }

  /** Sampling with every filter, guidance, and each cache: what the processor writes. */
  @ParameterizedTest
  @CsvSource({
    "llada-tiny, low-confidence, 0.7, 0, 1, 0, NONE",
    "llada-tiny, low-confidence, 0.7, 0, 1, 1.5, DUAL",
    "llada-tiny, threshold, 1, 40, 0.9, 0, PREFIX",
    "dream-tiny, entropy, 0.4, 0, 0.95, 0, DUAL",
    "dream-tiny, margin, 1.3, 100, 1, 0, NONE",
  })
  void sampledTokensAreThoseOfTheProcessor(
      String model,
      String algorithm,
      float temperature,
      int topK,
      float topP,
      float guidance,
      CacheMode cache) {
    GenerationRequest.Builder builder =
        GenerationRequest.builder()
            .tokens(5, 9, 200, 31, 77, 140)
            .hole(16)
            .tokens(8, 9)
            .algorithm(Algorithm.parse(algorithm));
    GenerationRequest request =
        (algorithm.equals("threshold") ? builder.threshold(0.1) : builder.steps(6))
            .temperature(temperature)
            .topK(topK)
            .topP(topP)
            .guidance(guidance)
            .cache(cache)
            .seed(41)
            .build();
    List<int[]> there;
    try (Engine engine = Engine.open(GoldenPaths.of(model), cuda(ComputeType.F32))) {
      there = GoldenTraceTest.decode(engine, request);
    }
    try (Engine engine = Engine.open(GoldenPaths.of(model), cpu(ComputeType.F32))) {
      List<int[]> here = GoldenTraceTest.decode(engine, request);
      assertEquals(here.size(), there.size());
      for (int i = 0; i < here.size(); i++) {
        assertArrayEquals(here.get(i), there.get(i), "revision " + i);
      }
    }
  }

  /** The model that comes along, on tensor cores. */
  @Test
  void theTrainedModelWrites() {
    GenerationRequest request =
        GenerationRequest.builder()
            .text("public int size() {")
            .hole(12)
            .steps(4)
            .cache(CacheMode.DUAL)
            .build();
    String there;
    try (Engine engine = Engine.open(JAVA_TINY, cuda(ComputeType.BF16))) {
      there = engine.submit(request).result().join().text();
    }
    try (Engine engine = Engine.open(JAVA_TINY, cpu(ComputeType.F32))) {
      assertEquals(engine.submit(request).result().join().text(), there);
    }
  }

  /** The same from bytes with a scale a row: step for step what the processor writes from them. */
  @Test
  void theTrainedModelWritesFromBytes(@TempDir Path temp) throws IOException {
    Path copy = QuantizedCopy.folder(JAVA_TINY, temp);
    GenerationRequest request =
        GenerationRequest.builder()
            .text("public int size() {")
            .hole(12)
            .steps(4)
            .cache(CacheMode.DUAL)
            .build();
    try (Engine there = Engine.open(copy, cuda(ComputeType.INT8));
        Engine here = Engine.open(copy, cpu(ComputeType.F32))) {
      List<int[]> rows = GoldenTraceTest.decode(there, request);
      List<int[]> wanted = GoldenTraceTest.decode(here, request);
      assertEquals(wanted.size(), rows.size());
      for (int i = 0; i < rows.size(); i++) {
        assertArrayEquals(wanted.get(i), rows.get(i), "revision " + i);
      }
    }
  }
}
