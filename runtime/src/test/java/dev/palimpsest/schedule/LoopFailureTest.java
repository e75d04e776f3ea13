/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.process.DiffusionProcess;
import dev.palimpsest.process.MaskedDiffusion;
import dev.palimpsest.process.MaskedOptions;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import dev.palimpsest.process.Pace;
import dev.palimpsest.process.Revision;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A loop of the device that fails costs a line in the log and no token. */
@Timeout(300)
class LoopFailureTest {
  private static final int BLOCK = 4;

  /** Canvases by the tokens they begin with; all have two blocks. */
  private static final int[] FIRST = {5, 6, 7};

  private static final Logger LOGGER = Logger.getLogger(Scheduler.class.getName());

  private final List<LogRecord> said = new CopyOnWriteArrayList<>();
  private final Handler handler =
      new Handler() {
        @Override
        public void publish(LogRecord record) {
          said.add(record);
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
      };

  @BeforeEach
  void listen() {
    LOGGER.setUseParentHandlers(false);
    LOGGER.addHandler(handler);
  }

  @AfterEach
  void hush() {
    LOGGER.removeHandler(handler);
    LOGGER.setUseParentHandlers(true);
  }

  /** A prompt of so many tokens as its first one says, and two blocks of masks. */
  private static MaskedDiffusion process(int first) {
    int[] tokens = new int[first + 2 * BLOCK];
    Arrays.fill(tokens, LeftToRight.MASK);
    Arrays.fill(tokens, 0, first, 8);
    tokens[0] = first;
    BitSet fixed = new BitSet();
    fixed.set(0, first);
    MaskedOptions options =
        MaskedOptions.greedy(Algorithm.LOW_CONFIDENCE, new Pace.TokensPerStep(1 + first % 2))
            .withBlockLength(BLOCK);
    return MaskedDiffusion.of(tokens, fixed, options, LeftToRight.MASK);
  }

  /** All canvases in one tick, each told of its revisions. */
  private static List<Recorder> write(
      LoopingNetwork network, UnaryOperator<DiffusionProcess> watched) {
    List<Recorder> recorders = new ArrayList<>();
    try (Scheduler scheduler = new Scheduler(network, false, 1000, 10)) {
      scheduler
          .call(
              () -> {
                for (int first : FIRST) {
                  Recorder recorder = new Recorder();
                  recorders.add(recorder);
                  scheduler.submit(watched.apply(process(first)), recorder);
                }
                return true;
              })
          .join();
      recorders.forEach(r -> r.done.handle((tokens, failure) -> 0).join());
    }
    return recorders;
  }

  private static List<Recorder> write(LoopingNetwork network) {
    return write(network, process -> process);
  }

  private static List<List<Revision>> revisions(List<Recorder> recorders) {
    return recorders.stream().map(r -> r.revisions).toList();
  }

  private static List<List<Revision>> byTheHost() {
    List<Recorder> recorders = write(new LoopingNetwork(false));
    recorders.forEach(r -> assertTrue(r.done.isDone() && !r.done.isCompletedExceptionally()));
    return revisions(recorders);
  }

  private void warned(int times, String because) {
    assertEquals(times, said.size());
    for (LogRecord record : said) {
      assertSame(Level.WARNING, record.getLevel());
      assertTrue(record.getMessage().contains("the device's own loop failed"), record.getMessage());
      assertTrue(record.getThrown().getMessage().contains(because), record.getThrown().toString());
    }
  }

  @Test
  void aLoopThatWorksIsUsed() {
    LoopingNetwork network = new LoopingNetwork(true);
    assertEquals(byTheHost(), revisions(write(network)));
    assertEquals(2, network.runs);
    assertEquals(0, network.forwards);
    assertEquals(List.of(), said);
  }

  /**
   * At once, or when it has written some of each canvas, or all: nothing of that is seen. The host
   * takes a step of each, and the loop is asked again for the next ones.
   */
  @ParameterizedTest
  @CsvSource({"0, 1", "2, 1", "31, 1", "0, 2", "2, 2"})
  void theHostGoesOn(int stepsBeforeFailure, int failures) {
    LoopingNetwork network = new LoopingNetwork(true);
    network.failures = failures;
    network.stepsBeforeFailure = stepsBeforeFailure;
    assertEquals(byTheHost(), revisions(write(network)));
    warned(failures, "the device is gone");
    assertEquals(2, network.runs);
    assertEquals(3 * failures, network.forwards);
  }

  /** A loop that failed three times in a row is not asked again. */
  @Test
  void theHostGoesOnForGood() {
    LoopingNetwork network = new LoopingNetwork(true);
    network.failures = 1000;
    assertEquals(byTheHost(), revisions(write(network)));
    warned(3, "the device is gone");
    assertTrue(said.get(2).getMessage().contains("from now on"), said.get(2).getMessage());
    assertEquals(0, network.runs);
    // The canvas that writes a token a step takes 8 of them, the others 4; three ticks one by one.
    assertEquals(3 * 3 + 5, network.forwards);
  }

  /** Nor does a loop that cannot be opened end anything. */
  @Test
  void theHostGoesOnWithoutALoop() {
    LoopingNetwork network = new LoopingNetwork(true);
    network.refusals = 1;
    assertEquals(byTheHost(), revisions(write(network)));
    warned(1, "no memory for a loop");
    assertEquals(1, network.forwards);
    assertEquals(2, network.runs);
  }

  /** Whose tokens are not those of the predictions is refused; the others are not concerned. */
  @Test
  void whatTheDeviceWroteOtherwiseIsRefused() throws Exception {
    LoopingNetwork network = new LoopingNetwork(true);
    network.miswritten = FIRST[1];
    List<Recorder> found = write(network);
    Throwable failure = found.get(1).failure();
    assertTrue(failure.getMessage().contains("loop host does without it"), failure.getMessage());
    othersAreDone(found);
  }

  private static void othersAreDone(List<Recorder> found) throws Exception {
    List<List<Revision>> host = byTheHost();
    for (int i : new int[] {0, 2}) {
      found.get(i).done.get(60, TimeUnit.SECONDS);
      assertEquals(host.get(i), found.get(i).revisions);
    }
  }

  /** A step whose predictions are broken ends its request there, with the steps before it. */
  @Test
  void aBrokenStepEndsItsRequestAlone() throws Exception {
    LoopingNetwork network = new LoopingNetwork(true);
    network.broken = FIRST[1];
    List<Recorder> found = write(network);
    assertTrue(found.get(1).failure().getMessage().contains("not finite"));
    assertEquals(byTheHost().get(1).subList(0, 2), found.get(1).revisions);
    othersAreDone(found);
  }

  /** Which masks there are is asked once before the device takes its steps, and once for each. */
  @Test
  void aBlockIsLaidOutOnce() {
    AtomicInteger asked = new AtomicInteger();
    UnaryOperator<DiffusionProcess> counted =
        process ->
            (DiffusionProcess)
                Proxy.newProxyInstance(
                    DiffusionProcess.class.getClassLoader(),
                    new Class<?>[] {DiffusionProcess.class},
                    (proxy, method, arguments) -> {
                      asked.addAndGet(method.getName().equals("wanted") ? 1 : 0);
                      return method.invoke(process, arguments);
                    });
    List<List<Revision>> found = revisions(write(new LoopingNetwork(true), counted));
    assertEquals(byTheHost(), found);
    int steps = found.stream().mapToInt(revisions -> revisions.size() - 1).sum();
    assertEquals(2 * FIRST.length + steps, asked.get());
  }
}
