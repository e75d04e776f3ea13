/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.EngineOptions.ComputeType;
import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.cache.RequestCache;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.process.Bounds;
import dev.palimpsest.process.Correction;
import dev.palimpsest.process.Correction.Edit;
import dev.palimpsest.process.Correction.Remask;
import dev.palimpsest.process.MaskedDiffusion;
import dev.palimpsest.process.MaskedOptions;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import dev.palimpsest.process.Pace;
import dev.palimpsest.process.Revision;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** With a model that attends in blocks, keeping what is finished changes nothing, bit for bit. */
class BlockCacheTest {
  private static final int BLOCK = 4;

  /** Confidences and all; prompts in one step and, where a step is small, over several. */
  @ParameterizedTest
  @CsvSource({"F32, 21", "BF16, 8192"})
  void decodesAsWithoutACache(ComputeType dtype, int mostRows) {
    EngineOptions options =
        EngineOptions.DEFAULT.withDtype(dtype).withThreads(2).withMaxBatchTokens(mostRows);
    try (Engine engine = Engine.open(GoldenPaths.of("sdar-tiny"), options)) {
      Random random = new Random(5);
      Correction none = Correction.NONE;
      Correction[] corrections = {none, none, none, new Remask(0.05, 9), new Edit(0.02)};
      for (Algorithm algorithm : Algorithm.values()) {
        for (int i = 0; i < corrections.length; i++) {
          GenerationRequest.Builder request =
              GenerationRequest.builder()
                  .tokens(random.ints(1 + random.nextInt(90), 2, 450).toArray())
                  .hole(20 + random.nextInt(20))
                  .algorithm(algorithm)
                  .pace(algorithm.countsSteps() ? new Pace.Steps(25) : new Pace.AsNeeded(3))
                  .temperature(i == 1 ? 1 : 0)
                  .guidance(i == 2 ? 1.5f : 0)
                  .correction(corrections[i])
                  .seed(i);
          List<Revision> exact = revisions(engine, request.cache(CacheMode.NONE));
          assertTrue(exact.size() > 5, algorithm + " takes too few steps to show anything");
          assertEquals(
              exact, revisions(engine, request.cache(CacheMode.BLOCK)), algorithm + " " + i);
        }
      }
    }
  }

  @Test
  void itIsTheModelsOwnChoice() {
    GenerationRequest.Builder request = GenerationRequest.builder().tokens(5, 6, 7).hole(9);
    try (LocalEngine engine =
        (LocalEngine) Engine.open(GoldenPaths.of("sdar-tiny"), EngineOptions.DEFAULT)) {
      assertEquals(0, engine.cachePages().heldBytes());
      engine.generate(request.build());
      assertTrue(engine.cachePages().heldBytes() > 0, "nothing was kept");
    }
    try (LocalEngine engine =
        (LocalEngine) Engine.open(GoldenPaths.of("llada-tiny"), EngineOptions.DEFAULT)) {
      engine.generate(request.build());
      assertEquals(0, engine.cachePages().heldBytes());
    }
  }

  private static List<Revision> revisions(Engine engine, GenerationRequest.Builder request) {
    Generation generation = engine.submit(request.build());
    List<Revision> revisions = generation.revisions().toList();
    generation.result().join();
    return revisions;
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void shiftedOrNotTheHeadSeesTheMasksOfTheBlockAlone(boolean shifted) {
    try (DirectDecoding decoding = new DirectDecoding(GoldenPaths.of("sdar-tiny"), shifted)) {
      for (int prompt : new int[] {1, 3, 4, 77}) {
        for (float guidance : new float[] {0, 0.7f}) {
          int[] tokens = new int[prompt + 18];
          Arrays.setAll(tokens, p -> p < prompt ? 2 + 31 * p % 450 : decoding.config().maskToken());
          List<Revision> exact =
              decoding.decode(process(decoding, tokens, prompt, guidance), RequestCache.none());
          int sequences = guidance == 0 ? 1 : 2;
          assertEquals(List.of(tokens.length * sequences), distinct(decoding.fedRows));
          List<Integer> heads = List.copyOf(decoding.headRows);

          RequestCache cache =
              RequestCache.ofBlocks(BLOCK, 999, decoding.pool(), tokens.length, guidance != 0);
          assertEquals(exact, decoding.decode(process(decoding, tokens, prompt, guidance), cache));
          assertEquals(heads, decoding.headRows);
          assertEquals(masks(exact, tokens.length, sequences), heads);
          int most = decoding.fedRows.stream().skip(1).mapToInt(Integer::intValue).max().orElse(0);
          assertTrue(most <= 2 * BLOCK * sequences, "fed " + decoding.fedRows);
        }
      }
    }
  }

  /** One position a step: masks of the block in every step, for each sequence. */
  private static List<Integer> masks(List<Revision> revisions, int length, int sequences) {
    return IntStream.range(0, revisions.size() - 1)
        .map(i -> revisions.get(i).masked())
        .map(left -> left - (length - Math.min(length, blockEnd(length - left))))
        .map(masks -> masks * sequences)
        .boxed()
        .toList();
  }

  private static int blockEnd(int firstMask) {
    return (firstMask / BLOCK + 1) * BLOCK;
  }

  private static List<Integer> distinct(List<Integer> rows) {
    return rows.stream().distinct().toList();
  }

  private static MaskedDiffusion process(
      DirectDecoding decoding, int[] tokens, int prompt, float guidance) {
    BitSet fixed = new BitSet();
    fixed.set(0, prompt);
    MaskedOptions options =
        new MaskedOptions(
            Algorithm.LOW_CONFIDENCE,
            new Pace.Steps(100),
            0,
            Bounds.USUAL,
            0,
            new Sampling(0, 0, 1, Sampling.Distribution.RAW, decoding.config().maskToken()),
            guidance,
            Correction.NONE,
            false,
            0);
    return MaskedDiffusion.inBlocksOf(
        BLOCK, tokens, fixed, options, decoding.config().maskToken(), 1);
  }

  @Test
  void whatDoesNotFitTheModelIsRefusedByName() {
    try (Engine sdar = Engine.open(GoldenPaths.of("sdar-tiny"), EngineOptions.DEFAULT);
        Engine llada = Engine.open(GoldenPaths.of("llada-tiny"), EngineOptions.DEFAULT)) {
      GenerationRequest.Builder request = GenerationRequest.builder().tokens(5, 6, 7).hole(9);
      refused(llada, request.cache(CacheMode.BLOCK), "none, prefix, dual or delayed");
      refused(sdar, request.cache(CacheMode.DUAL), "cache dual", "blocks of 4", "choose block");
      refused(sdar, request.cache(CacheMode.DELAYED), "cache delayed");
      refused(sdar, request.cache(CacheMode.BLOCK).cacheRefresh(3), "every 3 steps");
      request.cacheRefresh(0);
      refused(sdar, request.blockLength(8), "block length 8", "blocks of 4");
      assertEquals(12, sdar.generate(request.blockLength(4).build()).tokens().size());
      refused(
          sdar,
          request.blockLength(0).algorithm(Algorithm.LOW_CONFIDENCE).steps(2),
          "3 blocks",
          "at least 3 steps");
      refused(
          sdar,
          GenerationRequest.builder().tokens(5).hole(9).tokens(6),
          "text follows a hole",
          "blocks of 4");
      // Two holes side by side are one.
      GenerationRequest two = GenerationRequest.builder().tokens(5).hole(3).hole(4).build();
      assertEquals(8, sdar.generate(two).tokens().size());
    }
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
