/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.cache.KvPool;
import dev.palimpsest.cache.PageBytes;
import dev.palimpsest.cache.RequestCache;
import dev.palimpsest.kernels.Device;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.KvStore;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.cpu.CpuDevice;
import dev.palimpsest.kernels.cpu.CpuOptions;
import dev.palimpsest.network.StepBatch;
import dev.palimpsest.process.MaskedDiffusion;
import dev.palimpsest.process.MaskedOptions;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import dev.palimpsest.process.Revision;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the scheduler feeds when there is a cache, and that pages never stay behind. */
@Timeout(300)
class CachedSchedulingTest {
  private static final int MASK = 99;
  private static final int BROKEN = 13;

  private final List<String> fed = new ArrayList<>();
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

  /** A sequence's positions, e.g. {@code 3-7+9-10}. */
  private static String ranges(StepBatch batch, int s) {
    StringBuilder out = new StringBuilder();
    int end = batch.spans().start(s + 1);
    for (int row = batch.spans().start(s); row < end; row++) {
      int p = batch.positions()[row];
      boolean begins = row == batch.spans().start(s) || batch.positions()[row - 1] != p - 1;
      boolean ends = row == end - 1 || batch.positions()[row + 1] != p + 1;
      out.append(begins ? (out.isEmpty() ? "" : "+") + p : "").append(ends ? "-" + (p + 1) : "");
    }
    return out.toString();
  }

  /** Notes each sequence's positions; refuses broken tokens; checks that wanted rows are fed. */
  private void network(StepBatch batch, Predictions out, boolean shifted) {
    fed.add(
        IntStream.range(0, batch.spans().sequences())
            .mapToObj(s -> ranges(batch, s) + (batch.spans().paged(s) ? "" : " whole"))
            .collect(Collectors.joining(", ")));
    for (int row = 0; row < batch.rows(); row++) {
      if (batch.tokens()[row] == BROKEN) {
        throw new IllegalArgumentException("token 13 is broken");
      }
    }
    out.resize(batch.wanted().size());
    for (int i = 0; i < out.size(); i++) {
      int position = batch.wanted().position(i);
      int row = batch.wanted().row(i);
      assertEquals(shifted ? Math.max(0, position - 1) : position, batch.positions()[row]);
      if (!shifted) {
        assertEquals(MASK, batch.tokens()[row]);
      }
      out.set(i, position, 1.0 / (1 + position), 0, 0);
    }
  }

  private static MaskedDiffusion process(int[] tokens, BitSet fixed, int block, int steps) {
    return MaskedDiffusion.of(
        tokens,
        fixed,
        MaskedOptions.greedy(Algorithm.LOW_CONFIDENCE, steps).withBlockLength(block),
        MASK,
        1);
  }

  private static MaskedDiffusion completing(int first, int prompt, int written, int block) {
    int[] tokens = new int[prompt + written];
    Arrays.fill(tokens, 0, prompt, first);
    Arrays.fill(tokens, prompt, tokens.length, MASK);
    BitSet fixed = new BitSet();
    fixed.set(0, prompt);
    return process(tokens, fixed, block, written / 2);
  }

  private static final class Recorder implements RequestObserver {
    final CompletableFuture<Void> done = new CompletableFuture<>();
    volatile boolean cancelled;

    @Override
    public void revised(Revision revision) {}

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
      return cancelled;
    }
  }

  private List<String> feeds(
      CacheMode mode, int refresh, boolean shifted, MaskedDiffusion process) {
    Recorder recorder = new Recorder();
    fed.clear();
    try (Scheduler scheduler =
        new Scheduler((batch, out) -> network(batch, out, shifted), shifted, 1000, 10)) {
      int length = process.canvas().length();
      scheduler.submit(
          process, RequestCache.of(mode, refresh, pool, length, false), Terms.DEFAULT, recorder);
      recorder.done.join();
    }
    assertEquals(20, pool.freePages());
    return fed;
  }

  @Test
  void blocksAreRefreshedOnceAndThenFedAlone() {
    assertEquals(
        List.of("0-82", "70-74", "70-74", "0-82", "74-78", "74-78", "0-82", "78-82"),
        feeds(CacheMode.DUAL, 0, false, eightSteps()));
    assertEquals(
        List.of("0-82", "70-82", "70-82", "0-82", "74-82", "74-82", "0-82", "78-82"),
        feeds(CacheMode.PREFIX, 0, false, eightSteps()));
    assertEquals(
        List.of("0-82", "69-74", "0-82", "0-82", "73-78", "0-82", "0-82", "77-82"),
        feeds(CacheMode.DUAL, 2, true, eightSteps()));
    assertEquals(
        List.of("0-82", "70-82", "72-82", "0-82", "74-82", "76-82", "0-82", "78-82"),
        feeds(CacheMode.DELAYED, 0, false, eightSteps()));
    assertEquals(
        List.of("0-82", "70-82", "0-82", "0-82", "74-82", "0-82", "0-82", "78-82"),
        feeds(CacheMode.DELAYED, 2, true, eightSteps()));
    assertEquals(
        java.util.Collections.nCopies(8, "0-82 whole"),
        feeds(CacheMode.NONE, 0, false, eightSteps()));
  }

  /** 70 of prompt, 12 to write in blocks of 4, by 3, 3 and 2 steps. */
  private static MaskedDiffusion eightSteps() {
    int[] tokens = new int[82];
    Arrays.fill(tokens, 70, 82, MASK);
    BitSet fixed = new BitSet();
    fixed.set(0, 70);
    return process(tokens, fixed, 4, 8);
  }

  private static MaskedDiffusion scattered() {
    int[] tokens = new int[60];
    BitSet fixed = new BitSet();
    fixed.set(0, 60);
    for (int p : new int[] {20, 21, 30, 31, 40, 50}) {
      tokens[p] = MASK;
      fixed.clear(p);
    }
    return process(tokens, fixed, 3, 6);
  }

  @Test
  void aBlockOfScatteredHolesReachesFromTheFirstToTheLast() {
    assertEquals(
        List.of("0-60", "20-31", "20-31", "0-60", "31-51", "31-51"),
        feeds(CacheMode.DUAL, 0, false, scattered()));
  }

  /** Masks of all blocks, what has just been written, and with a shift what precedes the wanted. */
  @Test
  void delayedFeedsWhatIsMaskedOrNewWhereverItIs() {
    assertEquals(
        List.of(
            "0-60",
            "20-22+30-32+40-41+50-51",
            "21-22+30-32+40-41+50-51",
            "0-60",
            "31-32+40-41+50-51",
            "40-41+50-51"),
        feeds(CacheMode.DELAYED, 0, false, scattered()));
    assertEquals(
        List.of(
            "0-60",
            "20-22+29-32+40-41+50-51",
            "21-22+29-32+40-41+50-51",
            "0-60",
            "31-32+39-41+49-51",
            "40-41+49-51"),
        feeds(CacheMode.DELAYED, 0, true, scattered()));
  }

  @Test
  void aBatchMixesRefreshesBlocksAndWholeCanvases() {
    List<Recorder> recorders = new ArrayList<>();
    try (Scheduler scheduler =
        new Scheduler((batch, out) -> network(batch, out, false), false, 1000, 10)) {
      CompletableFuture<Void> submitted =
          scheduler.call(
              () -> {
                for (CacheMode mode :
                    List.of(CacheMode.NONE, CacheMode.PREFIX, CacheMode.DUAL, CacheMode.DELAYED)) {
                  Recorder recorder = new Recorder();
                  recorders.add(recorder);
                  scheduler.submit(
                      completing(5, 70, 8, 4),
                      RequestCache.of(mode, 0, pool, 78, false),
                      Terms.DEFAULT,
                      recorder);
                }
                return null;
              });
      submitted.join();
      recorders.forEach(recorder -> recorder.done.join());
    }
    assertEquals(
        List.of(
            "0-78 whole, 0-78, 0-78, 0-78",
            "0-78 whole, 70-78, 70-74, 70-78",
            "0-78 whole, 0-78, 0-78, 0-78",
            "0-78 whole, 74-78, 74-78, 74-78"),
        fed);
  }

  /** A device that has less memory than the budget says. */
  @Test
  void pagesWithoutMemoryEndTheirRequestAlone() {
    HeadShape shape = new HeadShape(1, 1, 8);
    Device small =
        (Device)
            Proxy.newProxyInstance(
                Device.class.getClassLoader(),
                new Class<?>[] {Device.class},
                (proxy, method, arguments) -> exhausted(device.keyValues(1, shape, 1 << 16)));
    try (KvPool empty = new KvPool(small, 1, shape, 1 << 16);
        Scheduler scheduler =
            new Scheduler((batch, out) -> network(batch, out, false), false, 1000, 10)) {
      Recorder refused = new Recorder();
      Recorder served = new Recorder();
      int pages = empty.freePages();
      scheduler.submit(
          completing(5, 70, 8, 4),
          RequestCache.of(CacheMode.DUAL, 0, empty, 78, false),
          Terms.DEFAULT,
          refused);
      scheduler.submit(completing(5, 70, 8, 4), served);
      CompletionException e = assertThrows(CompletionException.class, refused.done::join);
      assertTrue(e.getCause().getMessage().contains("no memory"), e.toString());
      served.done.join();
      assertEquals(pages, empty.freePages());
    }
  }

  private static KvStore exhausted(KvStore store) {
    return (KvStore)
        Proxy.newProxyInstance(
            KvStore.class.getClassLoader(),
            new Class<?>[] {KvStore.class},
            (proxy, method, arguments) -> {
              if (method.getName().equals("grow")) {
                throw new IllegalStateException("there is no memory");
              }
              return method.invoke(store, arguments);
            });
  }

  @Test
  void aFaultGivesThePagesBackAndLeavesTheOthersTheirs() {
    List<Recorder> recorders = new ArrayList<>();
    try (Scheduler scheduler =
        new Scheduler((batch, out) -> network(batch, out, false), false, 1000, 10)) {
      CompletableFuture<Void> submitted =
          scheduler.call(
              () -> {
                for (int first : new int[] {5, BROKEN, 6}) {
                  Recorder recorder = new Recorder();
                  recorders.add(recorder);
                  scheduler.submit(
                      completing(first, 70, 40, 8),
                      RequestCache.of(CacheMode.DUAL, 0, pool, 110, false),
                      Terms.DEFAULT,
                      recorder);
                }
                return null;
              });
      submitted.join();
      recorders.get(0).done.join();
      recorders.get(2).done.join();
      CompletionException e =
          assertThrows(CompletionException.class, () -> recorders.get(1).done.join());
      assertTrue(e.getCause().getMessage().contains("13"), e.toString());
    }
    assertEquals(20, pool.freePages());
    // After the batch that failed each is tried alone, and none of them believes it has stored.
    assertEquals(
        List.of("0-110, 0-110, 0-110", "0-110", "0-110", "0-110", "70-78, 70-78"),
        fed.subList(0, 5));
  }

  /** Its turn would have come two ticks later. */
  @Test
  void whoIsCancelledGivesThePagesBackBeforeTheNextBatch() {
    List<Recorder> recorders = List.of(new Recorder(), new Recorder(), new Recorder());
    List<Integer> free = new ArrayList<>();
    Stepper network =
        (batch, out) -> {
          free.add(pool.freePages());
          recorders.get(2).cancelled = true;
          network(batch, out, false);
        };
    // Each fills a batch.
    try (Scheduler scheduler = new Scheduler(network, false, 120, 10)) {
      scheduler
          .call(
              () -> {
                for (Recorder recorder : recorders) {
                  scheduler.submit(
                      completing(5, 70, 40, 40),
                      RequestCache.of(CacheMode.DUAL, 1, pool, 110, false),
                      Terms.DEFAULT,
                      recorder);
                }
                return true;
              })
          .join();
      recorders.get(0).done.join();
      recorders.get(1).done.join();
    }
    assertThrows(CancellationException.class, recorders.get(2).done::join);
    assertEquals(List.of(14, 16, 16), free.subList(0, 3));
  }
}
