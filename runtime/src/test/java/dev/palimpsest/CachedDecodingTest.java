/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.EngineOptions.ComputeType;
import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.process.Canvas;
import dev.palimpsest.process.Correction;
import dev.palimpsest.process.Correction.Edit;
import dev.palimpsest.process.Correction.Remask;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import dev.palimpsest.process.Pace;
import dev.palimpsest.process.Revision;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What cached decoding writes, against the same rule written down plainly in float64. */
class CachedDecodingTest {
  /**
   * A refresh in every step is a step without a cache, confidences and all: keys and values in
   * pages give the bits of those in rows.
   */
  @ParameterizedTest
  @CsvSource({"llada-tiny, F32", "llada-tiny, BF16", "dream-tiny, F32", "dream-tiny, BF16"})
  void refreshedInEveryStepNothingDiffers(String model, ComputeType dtype) {
    EngineOptions options = EngineOptions.DEFAULT.withDtype(dtype).withThreads(2);
    try (Engine engine = Engine.open(GoldenPaths.of(model), options)) {
      Random random = new Random(3);
      for (Algorithm algorithm : Algorithm.values()) {
        for (int i = 0; i < 4; i++) {
          GenerationRequest.Builder request =
              GenerationRequest.builder()
                  .tokens(random.ints(1 + random.nextInt(90), 2, 450).toArray())
                  .hole(30 + random.nextInt(30))
                  .algorithm(algorithm)
                  .blockLength(algorithm.knowsBlocks() ? 8 : 0)
                  .pace(algorithm.countsSteps() ? new Pace.Steps(16) : new Pace.AsNeeded(5))
                  .temperature(i == 1 ? 1 : 0)
                  .guidance(i == 2 ? 1.5f : 0)
                  .correction(i == 1 ? new Edit(0.002) : Correction.NONE)
                  .seed(i);
          if (i == 3) {
            request
                .tokens(random.ints(20, 2, 450).toArray())
                .hole(9)
                .correction(new Remask(0.02, 9));
          }
          List<Revision> exact = revisions(engine, request.cache(CacheMode.NONE));
          assertTrue(exact.size() > 8, algorithm + " takes too few steps to show anything");
          for (CacheMode mode : List.of(CacheMode.PREFIX, CacheMode.DUAL, CacheMode.DELAYED)) {
            assertEquals(
                exact,
                revisions(engine, request.cache(mode).cacheRefresh(1)),
                algorithm + " " + mode);
          }
        }
      }
    }
  }

  private static List<Revision> revisions(Engine engine, GenerationRequest.Builder request) {
    Generation generation = engine.submit(request.build());
    List<Revision> revisions = generation.revisions().toList();
    generation.result().join();
    return revisions;
  }

  /** How a test decodes: LLaDA's even share, or by threshold. */
  private record Rule(
      Algorithm algorithm,
      CacheMode cache,
      int refresh,
      float guidance,
      int block,
      int steps,
      double threshold) {}

  @ParameterizedTest
  @CsvSource({
    "llada-tiny, LOW_CONFIDENCE, PREFIX, 0, 0",
    "llada-tiny, LOW_CONFIDENCE, DUAL, 0, 0",
    "llada-tiny, LOW_CONFIDENCE, DUAL, 2, 0",
    "llada-tiny, LOW_CONFIDENCE, PREFIX, 3, 0",
    "llada-tiny, THRESHOLD, PREFIX, 0, 0",
    "llada-tiny, THRESHOLD, DUAL, 0, 0",
    "llada-tiny, THRESHOLD, DUAL, 3, 0",
    "dream-tiny, LOW_CONFIDENCE, PREFIX, 0, 0",
    "dream-tiny, LOW_CONFIDENCE, DUAL, 0, 0",
    "dream-tiny, THRESHOLD, DUAL, 0, 0",
    "dream-tiny, THRESHOLD, PREFIX, 2, 0",
    "dream-tiny, ENTROPY, PREFIX, 0, 0",
    "dream-tiny, ENTROPY, DUAL, 3, 0",
    "llada-tiny, LOW_CONFIDENCE, DELAYED, 0, 0",
    "llada-tiny, LOW_CONFIDENCE, DELAYED, 3, 0",
    "llada-tiny, THRESHOLD, DELAYED, 0, 0",
    "dream-tiny, LOW_CONFIDENCE, DELAYED, 0, 0",
    "dream-tiny, THRESHOLD, DELAYED, 2, 0",
    "dream-tiny, ENTROPY, DELAYED, 0, 0",
    "dream-tiny, ENTROPY, DELAYED, 4, 0",
    "llada-tiny, LOW_CONFIDENCE, DUAL, 0, 1.5",
    "llada-tiny, LOW_CONFIDENCE, DELAYED, 3, 1.5",
    "dream-tiny, LOW_CONFIDENCE, DELAYED, 0, 0.5"
  })
  void everyStepEqualsThePlainRule(
      String model, Algorithm algorithm, CacheMode cache, int refresh, float guidance) {
    ReferenceNetwork network = ReferenceNetwork.open(GoldenPaths.of(model));
    EngineOptions options = EngineOptions.DEFAULT.withDtype(ComputeType.F32).withThreads(2);
    int unlike = 0;
    try (Engine engine = Engine.open(GoldenPaths.of(model), options)) {
      for (int seed = 0; seed < (cache == CacheMode.DELAYED ? 2 : 3); seed++) {
        Random random = new Random(seed);
        int[] prompt = random.ints(5 + 21 * seed, 2, 450).toArray();
        int written = 24 + 8 * seed;
        boolean blocks = algorithm.knowsBlocks();
        Rule rule =
            new Rule(
                algorithm,
                cache,
                refresh,
                guidance,
                blocks ? 8 : written,
                blocks ? written / 2 : 9,
                0.15);
        GenerationRequest.Builder request =
            GenerationRequest.builder()
                .tokens(prompt)
                .hole(written)
                .algorithm(algorithm)
                .blockLength(blocks ? rule.block : 0)
                .guidance(guidance)
                .cache(cache)
                .cacheRefresh(refresh);
        if (algorithm == Algorithm.THRESHOLD) {
          request.threshold(rule.threshold);
        } else {
          request.steps(rule.steps);
        }
        List<List<Integer>> rows = rows(engine, request);
        assertEquals(plain(network, prompt, written, rule), rows, rule + " seed " + seed);
        unlike += rows.equals(rows(engine, request.cache(CacheMode.NONE))) ? 0 : 1;
      }
    }
    assertNotEquals(0, unlike, "what is stale never mattered, so nothing was shown");
  }

  /** The canvas after every step. */
  private static List<List<Integer>> rows(Engine engine, GenerationRequest.Builder request) {
    Canvas canvas = new Canvas(engine.config().maskToken());
    List<List<Integer>> rows = new ArrayList<>();
    for (Revision revision : revisions(engine, request)) {
      canvas.apply(revision);
      rows.add(Arrays.stream(canvas.tokens()).boxed().toList());
    }
    return rows.subList(1, rows.size());
  }

  /** Decodes block by block; which keys and values are kept is all there is to it. */
  private static List<List<Integer>> plain(
      ReferenceNetwork network, int[] prompt, int written, Rule rule) {
    int mask = network.config().maskToken();
    int shift = network.config().shiftedLogits() ? 1 : 0;
    List<Integer> x = new ArrayList<>(Arrays.stream(prompt).boxed().toList());
    for (int i = 0; i < written; i++) {
      x.add(mask);
    }
    ReferenceNetwork.Memory memory = network.memory(x.size());
    ReferenceNetwork.Memory unconditional = network.memory(x.size());
    List<List<Integer>> rows = new ArrayList<>();
    Set<Integer> justWritten = new TreeSet<>();
    int blocks = (written + rule.block - 1) / rule.block;
    for (int b = 0; b < blocks; b++) {
      int start = prompt.length + b * rule.block;
      int end = Math.min(x.size(), start + rule.block);
      int planned = rule.steps / blocks + (b < rule.steps % blocks ? 1 : 0);
      int share = end - start;
      for (int s = 0; masked(x, start, end, mask).size() > 0; s++) {
        boolean refresh = s == 0 || (rule.refresh > 0 && s % rule.refresh == 0);
        int from = refresh ? 0 : Math.max(0, start - shift);
        int to = refresh || rule.cache == CacheMode.PREFIX ? x.size() : end;
        Set<Integer> fed = new TreeSet<>(IntStream.range(from, to).boxed().toList());
        if (rule.cache == CacheMode.DELAYED && !refresh) {
          fed.clear();
          fed.addAll(justWritten);
          fed.addAll(masked(x, 0, x.size(), mask));
          masked(x, start, end, mask).forEach(p -> fed.add(Math.max(0, p - shift)));
        }
        List<Integer> at = List.copyOf(fed);
        int[] positions = at.stream().mapToInt(Integer::intValue).toArray();
        double[][] logits = network.feed(x, positions, memory);
        if (rule.guidance != 0) {
          List<Integer> promptless = new ArrayList<>(x);
          Collections.fill(promptless.subList(0, prompt.length), mask);
          guide(logits, network.feed(promptless, positions, unconditional), rule.guidance);
        }
        List<Guess> guesses =
            new ArrayList<>(
                masked(x, start, end, mask).stream()
                    .map(p -> guess(p, logits[at.indexOf(Math.max(0, p - shift))]))
                    .toList());
        int left = guesses.size();
        int n =
            switch (rule.algorithm) {
              case LOW_CONFIDENCE -> share / planned + (s < share % planned ? 1 : 0);
              case ENTROPY ->
                  s == planned - 1 ? left : (int) (left * (1 - t(s + 1, planned) / t(s, planned)));
              case THRESHOLD ->
                  Math.max(1, (int) guesses.stream().filter(g -> g.sure >= rule.threshold).count());
              default -> throw new IllegalArgumentException(rule.toString());
            };
        ToDoubleFunction<Guess> score =
            rule.algorithm == Algorithm.ENTROPY ? Guess::negativeEntropy : Guess::sure;
        guesses.sort(Comparator.comparingDouble(score).reversed());
        justWritten.clear();
        for (Guess g : guesses.subList(0, Math.min(n, left))) {
          x.set(g.position, g.token);
          justWritten.add(g.position);
        }
        rows.add(List.copyOf(x));
      }
    }
    return rows;
  }

  private static void guide(double[][] logits, double[][] unconditional, double scale) {
    for (int i = 0; i < logits.length; i++) {
      for (int v = 0; v < logits[i].length; v++) {
        double u = unconditional[i][v];
        logits[i][v] = u + (scale + 1) * (logits[i][v] - u);
      }
    }
  }

  private static double t(int step, int steps) {
    return 1 - (1 - 1e-3) * step / steps;
  }

  private record Guess(int position, int token, double sure, double negativeEntropy) {}

  private static Guess guess(int position, double[] logits) {
    int best =
        IntStream.range(0, logits.length)
            .boxed()
            .max(Comparator.comparingDouble(i -> logits[i]))
            .orElseThrow();
    double sum = Arrays.stream(logits).map(l -> Math.exp(l - logits[best])).sum();
    double entropy =
        Arrays.stream(logits)
            .map(l -> Math.exp(l - logits[best]) / sum)
            .map(p -> p * Math.log(p + 1e-10))
            .sum();
    return new Guess(position, best, 1 / sum, entropy);
  }

  private static List<Integer> masked(List<Integer> x, int from, int to, int mask) {
    return IntStream.range(from, to).filter(p -> x.get(p) == mask).boxed().toList();
  }
}
