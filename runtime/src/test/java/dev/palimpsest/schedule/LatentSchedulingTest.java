/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cache.LatentPool;
import dev.palimpsest.cache.RequestCache;
import dev.palimpsest.family.Families;
import dev.palimpsest.family.HybridDescription;
import dev.palimpsest.family.HybridFamily;
import dev.palimpsest.family.ModelDescription;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.Denoised;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.kernels.cpu.CpuDevice;
import dev.palimpsest.kernels.cpu.CpuOptions;
import dev.palimpsest.network.HybridConfig;
import dev.palimpsest.network.HybridModel;
import dev.palimpsest.network.Networks;
import dev.palimpsest.network.ReferenceHybrid;
import dev.palimpsest.network.TinyHybrid;
import dev.palimpsest.network.Transformer;
import dev.palimpsest.process.Canvas;
import dev.palimpsest.process.MaskedDiffusion;
import dev.palimpsest.process.MaskedOptions;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import dev.palimpsest.process.Revision;
import dev.palimpsest.process.latent.LatentDefaults;
import dev.palimpsest.process.latent.LatentDiffusion;
import dev.palimpsest.process.latent.LatentModel;
import dev.palimpsest.process.latent.LatentOptions;
import dev.palimpsest.process.latent.NoisePath;
import dev.palimpsest.process.latent.Solver;
import dev.palimpsest.process.latent.TimeGrid;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.Checkpoints;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Latent requests through the scheduler: against float64, alone and in company. */
@Timeout(300)
class LatentSchedulingTest {
  private static final int MASK = TinyHybrid.MASK;

  @TempDir Path folder;

  /** Both kinds of model on one device, and a scheduler. */
  private static final class Served implements AutoCloseable {
    final CpuDevice device;
    final Checkpoint checkpoint;
    final HybridDescription hybrid;
    final Checkpoint masked;
    final LatentPool pool;
    final Scheduler scheduler;
    final AtomicInteger mixed = new AtomicInteger();

    Served(Path folder, CpuOptions.ComputeType type, int slots) {
      device = CpuDevice.open(CpuOptions.DEFAULT.withThreads(2).withComputeType(type));
      checkpoint = Checkpoints.open(folder);
      hybrid = HybridFamily.describe(checkpoint);
      masked = Checkpoints.open(golden("llada-tiny"));
      ModelDescription description = Families.describe(masked);
      Networks networks =
          new Networks(
              Optional.of(
                  new Transformer(
                      device, description.config(), description.weights(), layer -> {})),
              Optional.of(new HybridModel(device, hybrid.config(), hybrid.weights())));
      pool = new LatentPool(device, hybrid.config().width(), slots * 8L * hybrid.config().width());
      Stepper stepper =
          (batch, out) -> {
            mixed.addAndGet(batch.rows() > 0 && !batch.latent().isEmpty() ? 1 : 0);
            networks.forward(batch, out);
          };
      scheduler = new Scheduler(stepper, false, 1000, 100);
    }

    private static Path golden(String name) {
      try {
        return Path.of(LatentSchedulingTest.class.getResource("/goldens/" + name).toURI());
      } catch (URISyntaxException e) {
        throw new IllegalStateException(e);
      }
    }

    Told submit(int[] tokens, LatentOptions options) {
      LatentDiffusion process = process(tokens, options, hybrid.config());
      Told told = new Told(MASK);
      Sampling decoding = new Sampling(0, 0, 1, Sampling.Distribution.RAW, MASK);
      scheduler.submit(Steps.latent(process, pool, decoding), Terms.DEFAULT, told);
      return told;
    }

    /** A masked request whose prompt begins with {@code first}. */
    Told submitMasked(int first, long seed) {
      int[] tokens = new int[20];
      Arrays.fill(tokens, 8, 20, 510);
      for (int i = 0; i < 8; i++) {
        tokens[i] = first + i;
      }
      BitSet fixed = new BitSet();
      fixed.set(0, 8);
      MaskedOptions greedy = MaskedOptions.greedy(Algorithm.LOW_CONFIDENCE, 6).withSeed(seed);
      Told told = new Told(510);
      scheduler.submit(
          MaskedDiffusion.of(tokens, fixed, greedy, 510), RequestCache.none(), Terms.DEFAULT, told);
      return told;
    }

    @Override
    public void close() {
      scheduler.close();
      device.close();
      masked.close();
      checkpoint.close();
    }
  }

  private static LatentDiffusion process(int[] tokens, LatentOptions options, HybridConfig c) {
    return process(tokens, options, c, TinyHybrid.END);
  }

  private static LatentDiffusion process(
      int[] tokens, LatentOptions options, HybridConfig c, int end) {
    BitSet fixed = new BitSet();
    for (int i = 0; i < tokens.length; i++) {
      fixed.set(i, tokens[i] != MASK);
    }
    LatentModel model =
        new LatentModel(c.path(), c.groups(), c.trainedLength(), c.sampling(), MASK, List.of(end));
    return new LatentDiffusion(tokens, fixed, options, model);
  }

  /** Replays what it is told. */
  private static final class Told implements RequestObserver {
    final Canvas replay;
    final List<Revision> revisions = new ArrayList<>();
    final CompletableFuture<List<Integer>> done = new CompletableFuture<>();
    volatile boolean cancelled;

    Told(int mask) {
      replay = new Canvas(mask);
    }

    @Override
    public void revised(Revision revision) {
      replay.apply(revision);
      revisions.add(revision);
    }

    @Override
    public void finished() {
      done.complete(Arrays.stream(replay.tokens()).boxed().toList());
    }

    @Override
    public void expired() {
      done.completeExceptionally(new IllegalStateException("expired"));
    }

    @Override
    public void failed(Throwable cause) {
      done.completeExceptionally(cause);
    }

    @Override
    public boolean cancelled() {
      return cancelled;
    }

    List<Integer> tokens() throws Exception {
      return done.get(60, TimeUnit.SECONDS);
    }

    Throwable failure() throws Exception {
      return done.<Throwable>handle((tokens, failure) -> failure).get(60, TimeUnit.SECONDS);
    }
  }

  /** A text with MASK at {@code holes}: pairs of from and to. */
  private static int[] text(int length, int... holes) {
    int[] tokens = new Random(length).ints(length, 2, 47).toArray();
    for (int i = 0; i < holes.length; i += 2) {
      Arrays.fill(tokens, holes[i], holes[i + 1], MASK);
    }
    return tokens;
  }

  private static LatentOptions options(Solver solver, double churn, int refine, long seed) {
    return new LatentOptions(
        5,
        TimeGrid.RECOMMENDED,
        solver,
        1,
        0,
        (float) churn,
        refine,
        0.6,
        0.4,
        0,
        false,
        false,
        seed);
  }

  private static LatentOptions more(LatentOptions o, float temperature, float guidance) {
    return new LatentOptions(
        o.steps(),
        TimeGrid.UNIFORM,
        o.solver(),
        temperature,
        guidance,
        o.churn(),
        o.refineSteps(),
        o.refineThreshold(),
        o.refineTime(),
        o.blockLength(),
        o.previews(),
        o.stopAtEnd(),
        o.seed());
  }

  private static LatentOptions with(LatentOptions o, boolean previews, boolean stop, int block) {
    return new LatentOptions(
        o.steps(),
        o.grid(),
        o.solver(),
        o.temperature(),
        o.guidance(),
        o.churn(),
        o.refineSteps(),
        o.refineThreshold(),
        o.refineTime(),
        block,
        previews,
        stop,
        o.seed());
  }

  @ParameterizedTest
  @EnumSource(NoisePath.class)
  void givesTheTokensOfTheReference(NoisePath path) throws Exception {
    TinyHybrid.write(folder, TinyHybrid.config(path, 2), DType.F32, 11);
    try (Served served = new Served(folder, CpuOptions.ComputeType.F32, 200)) {
      HybridConfig config = served.hybrid.config();
      ReferenceSampler reference =
          new ReferenceSampler(new ReferenceHybrid(config, served.hybrid.weights()), config);
      int[][] whole = {{0, 20}};
      int[] completion = text(20, 8, 20);
      int[] infill = text(20, 3, 4, 9, 16);
      int[] long1 = text(40, 6, 40);
      Object[][] cases = {
        {completion, options(Solver.DDIM, 0, 0, 1), whole},
        {infill, options(Solver.DPM_SOLVER_2M, 0, 0, 2), whole},
        {completion, options(Solver.DPM_SOLVER_2M, 0.5, 0, 3), whole},
        {infill, options(Solver.DDIM, 1, 0, 1L << 40), whole},
        {completion, options(Solver.DDIM, 0, 3, 5), whole},
        {infill, more(options(Solver.DPM_SOLVER_2M, 0, 2, 6), 0.7f, 1.5f), whole},
        {completion, more(options(Solver.DDIM, 0, 0, 7), 0, 0), whole},
        {long1, options(Solver.DPM_SOLVER_2M, 0, 0, 8), new int[][] {{0, 18}, {6, 30}, {16, 40}}},
      };
      int refined = 0;
      for (Object[] c : cases) {
        int[] expected = ((int[]) c[0]).clone();
        LatentOptions o = (LatentOptions) c[1];
        int calls = 0;
        int[][] windows = (int[][]) c[2];
        for (int[] window : windows) {
          // Positions beyond the window are still MASK and not seen.
          calls = reference.write(expected, o, new int[][] {window}, calls);
        }
        Told told = served.submit((int[]) c[0], o);
        assertEquals(Arrays.stream(expected).boxed().toList(), told.tokens(), o.toString());
        assertEquals(calls + windows.length, told.revisions.getLast().step(), o.toString());
        refined += calls > o.steps() * windows.length ? 1 : 0;
      }
      assertTrue(refined > 0, "nothing was ever doubted");
      assertEquals(200, served.pool.freeSlots());
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = CpuOptions.ComputeType.class,
      names = {"F32", "BF16"})
  void mixedBatchesGiveTheTokensOfEachAlone(CpuOptions.ComputeType type) throws Exception {
    TinyHybrid.write(folder, TinyHybrid.config(), DType.BF16, 12);
    int[][] texts = {
      text(20, 8, 20), text(24, 0, 24), text(9, 2, 3), text(40, 6, 40), text(33, 4, 8, 20, 25)
    };
    LatentOptions[] options = {
      options(Solver.DDIM, 0, 0, 1),
      options(Solver.DPM_SOLVER_2M, 0.5, 2, 2),
      more(options(Solver.EULER, 0, 0, 3), 0.5f, 2),
      options(Solver.DPM_SOLVER_2M, 0, 0, 4),
      options(Solver.DDIM, 1, 3, 5)
    };
    try (Served served = new Served(folder, type, 200)) {
      List<List<Integer>> alone = new ArrayList<>();
      for (int i = 0; i < texts.length; i++) {
        alone.add(served.submit(texts[i], options[i]).tokens());
      }
      List<List<Integer>> maskedAlone = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        maskedAlone.add(served.submitMasked(10 + 3 * i, i).tokens());
      }
      assertEquals(0, served.mixed.get());
      CountDownLatch gate = new CountDownLatch(1);
      served.scheduler.call(() -> await(gate));
      List<Told> latent = new ArrayList<>();
      List<Told> masked = new ArrayList<>();
      for (int i = 0; i < texts.length; i++) {
        // Watched or not.
        latent.add(served.submit(texts[i], with(options[i], i % 2 == 0, false, 0)));
        masked.add(served.submitMasked(10 + 3 * (i % 4), i % 4));
      }
      gate.countDown();
      for (int i = 0; i < texts.length; i++) {
        assertEquals(alone.get(i), latent.get(i).tokens(), options[i].toString());
        assertEquals(maskedAlone.get(i % 4), masked.get(i).tokens());
      }
      assertTrue(served.mixed.get() > 0, "no batch was mixed");
      assertEquals(200, served.pool.freeSlots());
    }
  }

  private static Boolean await(CountDownLatch gate) {
    try {
      gate.await();
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  @Test
  void aFaultInOneDoesNotTouchTheOthers() throws Exception {
    TinyHybrid.write(folder, TinyHybrid.config(), DType.BF16, 12);
    int[] text = text(20, 8, 20);
    int[] broken = text.clone();
    broken[2] = 470;
    LatentOptions options = options(Solver.DPM_SOLVER_2M, 0.5, 2, 2);
    try (Served served = new Served(folder, CpuOptions.ComputeType.F32, 200)) {
      List<Integer> alone = served.submit(text, options).tokens();
      List<Integer> maskedAlone = served.submitMasked(10, 0).tokens();
      CountDownLatch gate = new CountDownLatch(1);
      served.scheduler.call(() -> await(gate));
      Told good = served.submit(text, options);
      Told bad = served.submit(broken, options);
      Told masked = served.submitMasked(10, 0);
      Told badMasked = served.submitMasked(5000, 0);
      gate.countDown();
      assertEquals(alone, good.tokens());
      assertEquals(maskedAlone, masked.tokens());
      assertTrue(bad.failure().getMessage().contains("token 470"), bad.failure().toString());
      assertTrue(badMasked.failure().getMessage().contains("token 500"));
      assertEquals(200, served.pool.freeSlots());
    }
  }

  @Test
  void previewsSharpenIntoTheTextAndAreCounted() throws Exception {
    TinyHybrid.write(folder, TinyHybrid.config(), DType.F32, 13);
    int[] text = text(40, 6, 40);
    LatentOptions quiet = options(Solver.DDIM, 1, 0, 4);
    try (Served served = new Served(folder, CpuOptions.ComputeType.F32, 200)) {
      Told unwatched = served.submit(text, quiet);
      List<Integer> tokens = unwatched.tokens();
      Told watched = served.submit(text, with(quiet, true, false, 0));
      assertEquals(tokens, watched.tokens());
      assertEquals(3 * (5 + 1), unwatched.revisions.getLast().step());
      assertEquals(3 * (5 + 4 + 1), watched.revisions.getLast().step());
      long shown = watched.revisions.stream().filter(r -> !r.changes().isEmpty()).count();
      assertTrue(shown > 6, "only " + shown + " revisions changed anything");
      assertEquals(34, watched.revisions.getFirst().masked());
      assertEquals(22, watched.revisions.get(2).masked());
      assertEquals(0, watched.revisions.getLast().masked());
    }
  }

  @Test
  void anEndTokenEndsTheText() throws Exception {
    TinyHybrid.write(folder, TinyHybrid.config(), DType.F32, 14);
    int[] text = text(70, 6, 70);
    try (Served served = new Served(folder, CpuOptions.ComputeType.F32, 200)) {
      LatentOptions o = options(Solver.DDIM, 0, 0, 1);
      List<Integer> all = served.submit(text, o).tokens();
      // Any token that was written may count as the end; this one stands in the second block.
      int end = all.get(25);
      int at = all.subList(6, 70).indexOf(end) + 6;
      Told told = new Told(MASK);
      LatentDiffusion process = process(text, with(o, false, true, 0), served.hybrid.config(), end);
      Sampling decoding = new Sampling(0, 0, 1, Sampling.Distribution.RAW, MASK);
      served.scheduler.submit(Steps.latent(process, served.pool, decoding), Terms.DEFAULT, told);
      List<Integer> tokens = told.tokens();
      assertEquals(all.subList(0, at), tokens.subList(0, at));
      assertTrue(tokens.subList(at, 70).stream().allMatch(t -> t == end), tokens.toString());
      assertEquals(((at - 6) / 12 + 1) * 6, told.revisions.getLast().step());
      assertEquals(0, told.revisions.getLast().masked());
    }
  }

  @Test
  void cancelledRequestsGiveTheirSlotsBackAndOthersWaitForThem() throws Exception {
    TinyHybrid.write(folder, TinyHybrid.config(), DType.BF16, 12);
    int[] text = text(24, 8, 24);
    LatentOptions options = options(Solver.DDIM, 0, 0, 1);
    LatentOptions endless =
        new LatentOptions(
            1 << 16, TimeGrid.UNIFORM, Solver.DDIM, 1, 0, 0, 0, 0.5, 0.5, 0, false, false, 1);
    // Room for one request and a half.
    try (Served served = new Served(folder, CpuOptions.ComputeType.F32, 36)) {
      Told first = served.submit(text, endless);
      Told second = served.submit(text, options);
      while (served.scheduler.running() == 0) {
        Thread.onSpinWait();
      }
      assertEquals(12, served.pool.freeSlots());
      assertEquals(1, served.scheduler.waiting());
      first.cancelled = true;
      assertInstanceOf(CancellationException.class, first.failure());
      assertEquals(24, second.tokens().size());
      assertEquals(36, served.pool.freeSlots());
    }
    try (Served served = new Served(folder, CpuOptions.ComputeType.F32, 20)) {
      String refused =
          assertThrows(IllegalArgumentException.class, () -> served.submit(text, options))
              .getMessage();
      assertTrue(refused.contains("24 positions") && refused.contains("(20 positions)"), refused);
    }
  }

  @Test
  void whatCannotBeWrittenIsRefused() throws ExecutionException {
    HybridConfig config = TinyHybrid.config();
    LatentOptions options = options(Solver.DDIM, 0, 0, 1);
    BitSet all = new BitSet();
    all.set(0, 3);
    LatentModel model =
        new LatentModel(config.path(), 2, 24, LatentDefaults.USUAL, MASK, List.of());
    assertTrue(
        refusal(() -> new LatentDiffusion(new int[] {2, MASK, 4}, all, options, model))
            .contains("position 1 is MASK"));
    assertTrue(
        refusal(() -> new LatentDiffusion(new int[] {2, 3}, new BitSet(), options, model))
            .contains("holds token 2 already"));
    assertTrue(
        refusal(
                () ->
                    new LatentDiffusion(
                        new int[] {MASK}, new BitSet(), with(options, false, true, 0), model))
            .contains("needs an end token"));
    assertTrue(
        refusal(() -> process(text(30, 3, 30), with(options, false, false, 25), config))
            .contains("block length 25"));
  }

  private static String refusal(Executable code) {
    return assertThrows(IllegalArgumentException.class, code).getMessage();
  }

  @Test
  void hurryTakesFewerCalls() throws Exception {
    HybridConfig config = TinyHybrid.config();
    LatentDiffusion process = process(text(40, 6, 40), options(Solver.DDIM, 0, 3, 1), config);
    double[] before = {process.time()};
    process.hurry(9);
    assertEquals(before[0], process.time());
    int calls = 0;
    TimesOf times = new TimesOf();
    while (!process.finished()) {
      times.step(process);
      calls++;
    }
    assertEquals(9, calls);
    // Two calls for each of three blocks at least.
    LatentDiffusion late = process(text(40, 6, 40), options(Solver.DDIM, 0, 3, 1), config);
    late.hurry(1);
    calls = 0;
    while (!late.finished()) {
      times.step(late);
      calls++;
    }
    assertEquals(6, calls);
  }

  /** Answers whatever is asked. */
  private static final class TimesOf {
    private final Denoised denoised = new Denoised();
    private final Predictions predictions = new Predictions();

    void step(LatentDiffusion process) {
      denoised.resize(process.noisy().size(), 2);
      predictions.resize(process.block().size());
      for (int i = 0; i < predictions.size(); i++) {
        predictions.set(i, 5, 0.5, 0, 0);
      }
      process.advance(denoised, 0, predictions, 0);
    }
  }
}
