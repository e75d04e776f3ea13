/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.EngineOptions.ComputeType;
import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.process.Correction.Edit;
import dev.palimpsest.process.Correction.Remask;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import dev.palimpsest.process.Pace;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Same seed, same tokens: alone, in batches of 2, 7 and 33, on one thread and two. */
class DeterminismTest {
  private static final int REQUESTS = 33;

  @ParameterizedTest
  @CsvSource({
    "llada-tiny, F32",
    "llada-tiny, BF16",
    "llada-tiny, INT8",
    "dream-tiny, F32",
    "dream-tiny, BF16",
    "dream-tiny, INT8",
    "sdar-tiny, F32",
    "sdar-tiny, BF16",
    "sdar-tiny, INT8"
  })
  void tokensDoNotDependOnBatchOrThreads(String model, ComputeType dtype, @TempDir Path temp)
      throws Exception {
    Path path = GoldenPaths.of(model);
    List<GenerationRequest> requests = requests(model);
    EngineOptions one = EngineOptions.DEFAULT.withDtype(dtype).withThreads(1);
    List<List<Integer>> alone = new ArrayList<>();
    try (Engine engine = Engine.open(path, one)) {
      for (GenerationRequest request : requests) {
        alone.add(engine.generate(request).tokens());
      }
    }
    assertTrue(alone.stream().distinct().count() > REQUESTS / 2, "the requests should differ");
    Path file = temp.resolve("steps.jfr");
    try (Recording recording = new Recording()) {
      recording.enable("dev.palimpsest.Step");
      recording.start();
      for (int threads : new int[] {1, 2}) {
        try (Engine engine = Engine.open(path, one.withThreads(threads))) {
          for (int batch : new int[] {2, 7, 33}) {
            assertEquals(
                alone,
                inBatches(engine, requests, batch),
                "batches of " + batch + ", " + threads + " threads");
          }
        }
      }
      recording.stop();
      recording.dump(file);
    }
    assertTrue(largestBatch(file) >= 33, "requests never shared a batch, so nothing was shown");
  }

  private static List<List<Integer>> inBatches(
      Engine engine, List<GenerationRequest> requests, int size) throws InterruptedException {
    List<List<Integer>> tokens = new ArrayList<>();
    for (int from = 0; from < requests.size(); from += size) {
      List<Generation> running;
      try (Hold _ = new Hold(engine)) {
        running =
            requests.subList(from, Math.min(from + size, requests.size())).stream()
                .map(engine::submit)
                .toList();
      }
      running.forEach(generation -> tokens.add(generation.result().join().tokens()));
    }
    return tokens;
  }

  private static int largestBatch(Path file) throws Exception {
    int largest = 0;
    for (RecordedEvent event : RecordingFile.readAllEvents(file)) {
      if (event.getEventType().getName().equals("dev.palimpsest.Step")) {
        largest = Math.max(largest, event.getInt("sequences"));
      }
    }
    return largest;
  }

  /** Requests of many lengths, algorithms and kinds of noise. */
  private static List<GenerationRequest> requests(String model) {
    Algorithm[] algorithms = Algorithm.values();
    Random random = new Random(model.hashCode());
    List<GenerationRequest> requests = new ArrayList<>();
    for (int i = 0; i < REQUESTS; i++) {
      GenerationRequest.Builder builder =
          GenerationRequest.builder()
              .tokens(random.ints(1 + random.nextInt(20), 2, 450).toArray())
              .hole(1 + random.nextInt(30))
              .algorithm(algorithms[i % algorithms.length])
              .pace(
                  pace(
                      algorithms[i % algorithms.length],
                      random,
                      model.equals("sdar-tiny") ? 12 : 1))
              .temperature(i % 3 == 0 ? 0 : 0.7f)
              .topK(i % 5 == 0 ? 20 : 0)
              .topP(i % 4 == 0 ? 0.9f : 1)
              .guidance(i % 6 == 0 ? 1.5f : 0)
              .seed(i);
      if (model.equals("sdar-tiny")) {
        // One step for each block at least, and nothing after a hole.
        builder.cache(i % 4 == 0 ? CacheMode.NONE : CacheMode.BLOCK);
      } else {
        CacheMode[] modes = {CacheMode.NONE, CacheMode.PREFIX, CacheMode.DUAL, CacheMode.DELAYED};
        builder.cache(modes[i / 2 % modes.length]).cacheRefresh(i % 4);
      }
      if (i % 7 == 0) {
        builder.correction(new Remask(0.02, 4));
        if (!model.equals("sdar-tiny")) {
          builder.tokens(random.ints(5, 2, 450).toArray());
        }
      }
      if (i % 7 == 3) {
        builder.correction(new Edit(0.002));
      }
      requests.add(builder.build());
    }
    return requests;
  }

  /**
   * @param fewest steps where they are counted: one for each block at least
   */
  private static Pace pace(Algorithm algorithm, Random random, int fewest) {
    if (!algorithm.countsSteps()) {
      return new Pace.AsNeeded(1 + random.nextInt(20));
    }
    return algorithm != Algorithm.ORIGIN && random.nextBoolean()
        ? new Pace.TokensPerStep(1 + random.nextInt(6))
        : new Pace.Steps(fewest + random.nextInt(8));
  }
}
