/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.weights.TinyModel;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.node.ObjectNode;

/**
 * A warm step leaves no garbage that grows with vocabulary × length: what the scheduler's and the
 * device's threads allocate is counted over whole requests.
 */
@Timeout(900)
class AllocationTest {
  private static final int VOCABULARY = 8192;
  private static final int NEW_TOKENS = 240;
  private static final int STEPS = 120;
  private static final long MOST_BYTES = 128 << 10;

  /**
   * Vectors and segments are objects until the JIT has compiled what uses them, whenever that is;
   * this much time it has at least.
   */
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  private static final int FEWEST_ROUNDS = 25;

  @ParameterizedTest
  @CsvSource({
    "F32, true, 0, 0, NONE",
    "BF16, true, 0.8, 0, NONE",
    "INT8, true, 0.8, 0, NONE",
    "F32, true, 0.8, 1.5, DELAYED",
    "F32, false, 0.8, 0, NONE"
  })
  void aWarmStepAllocatesNextToNothing(
      EngineOptions.ComputeType dtype,
      boolean vectorApi,
      float temperature,
      float guidance,
      CacheMode cache,
      @TempDir Path folder) {
    ObjectNode config = TinyModel.config();
    config.put("vocab_size", VOCABULARY).put("embedding_size", VOCABULARY);
    config.put("max_sequence_length", 512);
    TinyModel.folder(folder, config, TinyModel.folderTensors(VOCABULARY));
    EngineOptions options =
        EngineOptions.DEFAULT.withThreads(2).withDtype(dtype).withVectorApi(vectorApi);
    try (Engine engine = Engine.open(folder, options)) {
      GenerationRequest request =
          GenerationRequest.builder()
              .tokens(3, 4, 5)
              .hole(NEW_TOKENS)
              .steps(STEPS)
              .temperature(temperature)
              .guidance(guidance)
              .cache(cache)
              .build();
      List<Long> bytesPerStep = new ArrayList<>();
      long begun = System.nanoTime();
      do {
        long before = allocated();
        int calls = engine.generate(request).networkCalls();
        bytesPerStep.add((allocated() - before) / calls);
      } while (bytesPerStep.getLast() >= MOST_BYTES
          && (bytesPerStep.size() < FEWEST_ROUNDS
              || System.nanoTime() - begun < PATIENCE.toNanos()));
      assertTrue(
          bytesPerStep.getLast() < MOST_BYTES, "bytes per step, by request: " + bytesPerStep);
    }
  }

  /** Bytes that the threads of engines have allocated so far. */
  private static long allocated() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    return Thread.getAllStackTraces().keySet().stream()
        .filter(
            t ->
                t.getName().equals("palimpsest-scheduler")
                    || t.getName().startsWith("palimpsest-cpu-"))
        .mapToLong(t -> threads.getThreadAllocatedBytes(t.threadId()))
        .sum();
  }
}
