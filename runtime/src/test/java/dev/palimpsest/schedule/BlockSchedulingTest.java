/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cache.KvPool;
import dev.palimpsest.cache.PageBytes;
import dev.palimpsest.cache.RequestCache;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.cpu.CpuDevice;
import dev.palimpsest.kernels.cpu.CpuOptions;
import dev.palimpsest.network.StepBatch;
import dev.palimpsest.process.MaskedDiffusion;
import dev.palimpsest.process.MaskedOptions;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import dev.palimpsest.process.Revision;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the block cache feeds a model that attends in blocks of four. */
@Timeout(300)
class BlockSchedulingTest {
  private static final int MASK = 99;
  private static final int BLOCK = 4;

  private final List<String> fed = new ArrayList<>();
  // Predicted as MASK in the first two steps.
  private int staysMasked = -1;
  private CpuDevice device;
  private KvPool pool;

  @BeforeEach
  void open() {
    device = CpuDevice.open(CpuOptions.DEFAULT.withThreads(1));
    HeadShape shape = new HeadShape(1, 1, 8);
    pool = new KvPool(device, 1, shape, 20 * PageBytes.of(device, 1, shape));
  }

  @AfterEach
  void close() {
    pool.close();
    device.close();
  }

  /**
   * Notes each sequence's positions and, after a colon, those predicted; with one sequence, sees to
   * it that all it may see has been stored, and no mask outside the block being written.
   */
  private final class Network implements Stepper {
    private final boolean shifted;
    private final boolean alone;
    private final int[] stored = new int[100];

    Network(boolean shifted, boolean alone) {
      this.shifted = shifted;
      this.alone = alone;
      Arrays.fill(stored, -1);
    }

    @Override
    public void forward(StepBatch batch, Predictions out) {
      String step =
          IntStream.range(0, batch.spans().sequences())
              .mapToObj(
                  s ->
                      batch.positions()[batch.spans().start(s)]
                          + "-"
                          + (batch.positions()[batch.spans().start(s + 1) - 1] + 1))
              .collect(Collectors.joining(", "));
      out.resize(batch.wanted().size());
      List<Integer> wanted = new ArrayList<>();
      for (int i = 0; i < out.size(); i++) {
        int position = batch.wanted().position(i);
        assertEquals(
            shifted ? Math.max(0, position - 1) : position,
            batch.positions()[batch.wanted().row(i)]);
        wanted.add(position);
        boolean stays = position == staysMasked && fed.size() < 2;
        out.set(i, stays ? MASK : position, 1.0 / (1 + position), 0, 0);
      }
      fed.add(step + ":" + wanted.stream().map(String::valueOf).collect(Collectors.joining(" ")));
      if (alone) {
        seesWhatIsThere(batch);
      }
    }

    private void seesWhatIsThere(StepBatch batch) {
      int context = batch.spans().context(0);
      int last = batch.positions()[batch.rows() - 1];
      assertEquals(last + 1, context, "what follows is not seen, and not there to be seen");
      for (int row = 0; row < batch.rows(); row++) {
        stored[batch.positions()[row]] = batch.tokens()[row];
      }
      for (int p = 0; p < context; p++) {
        assertTrue(stored[p] >= 0, "position " + p + " was never stored");
        assertTrue(stored[p] != MASK || p >= batch.positions()[0], "a mask was kept at " + p);
      }
    }
  }

  private static final class Recorder implements RequestObserver {
    final CompletableFuture<Void> done = new CompletableFuture<>();
    int revisions;

    @Override
    public void revised(Revision revision) {
      revisions++;
    }

    @Override
    public void finished() {
      done.complete(null);
    }

    @Override
    public void expired() {
      done.completeExceptionally(new TimeoutException());
    }

    @Override
    public void failed(Throwable cause) {
      done.completeExceptionally(cause);
    }

    @Override
    public boolean cancelled() {
      return false;
    }
  }

  /** Masks where a character is an underscore. */
  private static MaskedDiffusion process(String canvas, int steps) {
    int[] tokens = canvas.chars().map(c -> c == '_' ? MASK : 7).toArray();
    BitSet fixed = new BitSet();
    IntStream.range(0, tokens.length).filter(p -> tokens[p] != MASK).forEach(fixed::set);
    return MaskedDiffusion.inBlocksOf(
        BLOCK, tokens, fixed, MaskedOptions.greedy(Algorithm.LOW_CONFIDENCE, steps), MASK, 1);
  }

  private List<String> feeds(MaskedDiffusion process, boolean shifted, int mostRows) {
    fed.clear();
    Recorder recorder = new Recorder();
    try (Scheduler scheduler = new Scheduler(new Network(shifted, true), shifted, mostRows, 10)) {
      RequestCache cache =
          RequestCache.ofBlocks(BLOCK, mostRows, pool, process.canvas().length(), false);
      scheduler.submit(process, cache, Terms.DEFAULT, recorder);
      recorder.done.join();
    }
    assertEquals(20, pool.freePages());
    return fed;
  }

  @Test
  void theFirstStepOfABlockStoresTheOneBefore() {
    assertEquals(
        List.of("0-8:6 7", "4-8:7", "4-12:8 9 10 11", "8-12:10 11", "8-14:12 13", "12-14:13"),
        feeds(process("......________", 6), false, 100));
    assertEquals(List.of("0-4:0 1 2 3", "0-8:4 5 6 7"), feeds(process("________", 2), false, 100));
    // Row i predicts position i + 1: the row before the block is fed again.
    assertEquals(
        List.of("0-8:6 7", "4-8:7", "4-12:8 9 10 11", "7-12:10 11", "8-14:12 13", "11-14:13"),
        feeds(process("......________", 6), true, 100));
  }

  @Test
  void whatIsFixedBetweenHolesIsStoredOnTheWay() {
    assertEquals(
        List.of("0-8:5 6", "4-20:17 18"), feeds(process(".....__..........__.", 2), false, 100));
  }

  @Test
  void aLongPromptIsStoredInWholeBlocksStepByStep() {
    String prompt = ".".repeat(30);
    assertEquals(
        List.of("0-8:", "8-16:", "16-24:", "24-32:30 31", "28-36:32 33 34 35"),
        feeds(process(prompt + "______", 2), false, 11));
    // A block is the least.
    assertEquals(
        List.of("0-4:", "4-8:", "8-12:10 11"), feeds(process("..........__", 1), false, 1));
  }

  @Test
  void guidanceHalvesWhatAStepStoresOfAPrompt() {
    MaskedDiffusion process = process(".".repeat(30) + "__", 2);
    assertEquals(8, RequestCache.ofBlocks(BLOCK, 16, pool, 32, true).next(process, false).size());
    assertEquals(16, RequestCache.ofBlocks(BLOCK, 16, pool, 32, false).next(process, false).size());
  }

  /** Where MASK is predicted a mask is left behind: from its block on nothing is final. */
  @Test
  void aMaskLeftBehindKeepsItsBlockOpen() {
    staysMasked = 9;
    assertEquals(
        List.of(
            "0-12:8 9 10 11",
            "8-12:9 10 11",
            "8-16:9 11 12 13 14 15",
            "8-16:12 13 14 15",
            "8-20:14 15 16 17 18 19",
            "12-20:16 17 18 19"),
        feeds(process("........____________", 6), false, 100));
  }

  @Test
  void othersStepWhileAPromptIsStored() {
    List<Recorder> recorders = List.of(new Recorder(), new Recorder());
    try (Scheduler scheduler = new Scheduler(new Network(false, false), false, 16, 10)) {
      scheduler
          .call(
              () -> {
                String prompt = ".".repeat(20);
                for (int i = 0; i < 2; i++) {
                  MaskedDiffusion process = process(i == 0 ? prompt + "____" : "____", 2);
                  int length = process.canvas().length();
                  scheduler.submit(
                      process,
                      RequestCache.ofBlocks(BLOCK, 12, pool, length, false),
                      Terms.DEFAULT,
                      recorders.get(i));
                }
                return true;
              })
          .join();
      recorders.forEach(recorder -> recorder.done.join());
    }
    assertEquals(List.of("0-12, 0-4:0 1 2 3", "12-24, 0-4:20 21 22 23 2 3", "20-24:22 23"), fed);
    // The initial canvas and two steps: storing a prompt is no revision.
    assertEquals(List.of(3, 3), recorders.stream().map(r -> r.revisions).toList());
  }
}
