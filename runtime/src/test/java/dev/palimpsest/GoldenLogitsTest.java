/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.EngineOptions.ComputeType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Logits of one forward against an independent float64 reference, from both formats. */
class GoldenLogitsTest {
  @ParameterizedTest
  @CsvSource({
    "llada-tiny, '', F32, 1e-5",
    "llada-tiny, model.gguf, F32, 1e-5",
    "dream-tiny, '', F32, 1e-5",
    "dream-tiny, model.gguf, F32, 1e-5",
    "llada-tiny, '', BF16, 1.5e-2",
    "llada-tiny, model.gguf, BF16, 1.5e-2",
    "dream-tiny, '', BF16, 1.5e-2",
    "dream-tiny, model.gguf, BF16, 1.5e-2",
    "llada-tiny, '', INT8, 3.5e-2",
    "llada-tiny, model.gguf, INT8, 3.5e-2",
    "dream-tiny, '', INT8, 3.5e-2",
    "dream-tiny, model.gguf, INT8, 3.5e-2",
    "sdar-tiny, '', F32, 1e-5",
    "sdar-tiny, '', BF16, 2e-2"
  })
  void agreeWithTheReference(String model, String file, ComputeType dtype, double tolerance)
      throws IOException {
    Path folder = GoldenPaths.of(model);
    int[] tokens =
        Arrays.stream(Files.readString(folder.resolve("tokens.txt")).strip().split("\\s+"))
            .mapToInt(Integer::parseInt)
            .toArray();
    try (Engine engine =
            Engine.open(
                folder.resolve(file), EngineOptions.DEFAULT.withDtype(dtype).withThreads(2));
        Arena arena = Arena.ofConfined()) {
      MemorySegment logits = arena.allocate(4L * tokens.length * engine.config().vocabulary(), 64);
      engine.logits(tokens, logits);
      MemorySegment expected =
          MemorySegment.ofArray(Files.readAllBytes(folder.resolve("logits.f32")));
      double error = relativeL2(logits, expected);
      assertTrue(error <= tolerance, "relative L2 " + error + " > " + tolerance);
    }
  }

  static double relativeL2(MemorySegment actual, MemorySegment expected) {
    double difference = 0;
    double norm = 0;
    for (long i = 0; i < expected.byteSize(); i += 4) {
      double e = expected.get(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
      double a = actual.get(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
      difference += (a - e) * (a - e);
      norm += e * e;
    }
    return Math.sqrt(difference / norm);
  }
}
