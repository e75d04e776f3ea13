/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TrainerTest {
  private static final PrintStream QUIET = new PrintStream(PrintStream.nullOutputStream());

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({"false,1", "false,2", "true,2"})
  void aResumedRunIsTheSameRunBitForBit(boolean bf16, int workers) throws IOException {
    RunState whole = run("whole", bf16, workers, 20);
    // Between two checkpoints: it leaves one where it stops.
    assertEquals(10, run("parts", bf16, workers, 20, 10).step());
    assertSame(whole, run("parts", bf16, workers, 20));
    assertEquals(losses("whole"), losses("parts"));
  }

  /** What was logged after the last checkpoint is not told twice. */
  @Test
  void aBrokenRunGoesOnFromItsLastCheckpoint() throws IOException {
    RunState whole = run("whole", false, 1, 20);
    Path run = folder.resolve("broken");
    try (TokenFile tokens = Fixture.tokens(folder)) {
      MaskedBatch.Source source = Fixture.source(tokens);
      StoppedRun.breakAt(
          run, Trainer.course(Fixture.settings(false), 1, source, source, 8), 20, 10);
    }
    assertEquals(8, RunState.read(TrainingLoop.checkpointFile(run)).step());
    assertSame(whole, run("broken", false, 1, 20));
    assertEquals(losses("whole"), losses("broken"));
  }

  private static void assertSame(RunState whole, RunState parts) {
    assertEquals(20, whole.step());
    assertEquals(20, parts.step());
    assertArrayEquals(whole.weights(), parts.weights());
    assertArrayEquals(whole.average(), parts.average());
    assertArrayEquals(whole.moment1(), parts.moment1());
    assertArrayEquals(whole.moment2(), parts.moment2());
  }

  /** The log lines of training, without the times in them. */
  private List<String> losses(String name) throws IOException {
    return Files.readAllLines(TrainingLoop.logFile(folder.resolve(name))).stream()
        .filter(l -> l.contains("\"loss\""))
        .map(l -> l.replaceAll(",\"tokens_per_second.*", ""))
        .toList();
  }

  private RunState run(String name, boolean bf16, int workers, int steps) throws IOException {
    return run(name, bf16, workers, steps, steps);
  }

  /** Trains towards {@code steps} but is interrupted, as by a signal, at {@code stopAt}. */
  private RunState run(String name, boolean bf16, int workers, int steps, int stopAt)
      throws IOException {
    Path run = folder.resolve(name);
    try (TokenFile tokens = Fixture.tokens(folder)) {
      MaskedBatch.Source source = Fixture.source(tokens);
      StoppedRun.train(
          run, Trainer.course(Fixture.settings(bf16), workers, source, source, 8), steps, stopAt);
    }
    return RunState.read(TrainingLoop.checkpointFile(run));
  }

  @Test
  void aRunOfOtherSettingsIsNotContinued() throws IOException {
    run("one", false, 1, 2);
    try (TokenFile tokens = Fixture.tokens(folder)) {
      MaskedBatch.Source source = Fixture.source(tokens);
      TrainingLoop other =
          new TrainingLoop(
              folder.resolve("one"),
              Trainer.course(Fixture.settings(true), 1, source, source, 8),
              new TrainingLoop.Limit(4, 0, null),
              new TrainingLoop.Rhythm(1, 7, 6),
              QUIET,
              false);
      IOException e = assertThrows(IOException.class, other::run);
      assertTrue(e.getMessage().contains("--work"), e.getMessage());
    }
  }

  @Test
  void aTornCheckpointIsAnErrorWithAReason() throws IOException {
    run("torn", false, 1, 2);
    Path file = TrainingLoop.checkpointFile(folder.resolve("torn"));
    byte[] bytes = Files.readAllBytes(file);
    for (int length : new int[] {0, 5, 8, 100, bytes.length / 2, bytes.length - 1}) {
      Files.write(file, Arrays.copyOf(bytes, length));
      assertThrows(IOException.class, () -> RunState.read(file), length + " bytes");
    }
  }

  @Test
  void itLearnsWhatItsNeighboursTell() throws IOException {
    // A cycle of eight tokens: one that is visible gives all others away.
    byte[] cycle = new byte[2 * 1000];
    for (int i = 0; i < cycle.length / 2; i++) {
      cycle[2 * i] = (byte) (2 + i % 8);
    }
    Path file = folder.resolve("cycle.tokens");
    Files.write(file, cycle);
    DenoiserShape shape = new DenoiserShape(10, 32, 2, 2, 64, 16, 1, 0);
    Settings settings = new Settings(shape, 16, 3, 1e-2, 20, 0.1, 0, 1, 0.9, 0.4, 0, false);
    try (TokenFile tokens = TokenFile.open(file)) {
      MaskedBatch.Source source = new MaskedBatch.Source(tokens, shape, new boolean[10]);
      try (Trainer trainer = new Trainer(settings, 2, source, source, 32)) {
        double before = trainer.evaluate().values().get("held_out_nats");
        for (int i = 0; i < 400; i++) {
          trainer.train(i / 400.0);
        }
        Training.HeldOut after = trainer.evaluate();
        assertEquals(Math.log(10), before, 0.6);
        // Who knows no neighbours has ln 8 = 2.1 nats, and one in eight right. How much better it gets
        // depends on the order of sums, which is the processor's.
        assertTrue(after.values().get("held_out_nats") < 1.2, before + " → " + after);
        assertTrue(after.values().get("held_out_accuracy") > 0.4, after.text());
        assertTrue(after.text().endsWith("% of masked tokens right"), after.text());
      }
    }
  }

  @Test
  void workersShareTheGradientOfOneBatch() throws IOException {
    try (TokenFile tokens = Fixture.tokens(folder)) {
      MaskedBatch.Source source = Fixture.source(tokens);
      try (Trainer alone = new Trainer(Fixture.settings(false), 1, source, source, 8);
          Trainer three = new Trainer(Fixture.settings(false), 3, source, source, 8)) {
        Training.Step a = alone.train(0);
        Training.Step b = three.train(0);
        assertEquals(a.loss(), b.loss(), 1e-5);
        assertEquals(a.gradientNorm(), b.gradientNorm(), 1e-5);
      }
    }
  }

  @Test
  void theRateWarmsUpAndDecaysWithProgress() {
    Settings s = Fixture.settings(false);
    assertEquals(s.peakRate() / 5, s.rate(0, 0), 1e-9);
    assertEquals(s.peakRate(), s.rate(10, 0), 1e-9);
    assertEquals(s.peakRate() * 0.55, s.rate(10, 0.5), 1e-9);
    assertEquals(s.peakRate() * 0.1, s.rate(10, 1), 1e-9);
    assertEquals(s.peakRate() * 0.1, s.rate(10, 7), 1e-9);
  }

  @Test
  void theClockOfARunIsStepsOrMinutes() {
    assertEquals(0.25, new TrainingLoop.Limit(40, 1, null).progress(10, 1e9));
    assertEquals(0.5, new TrainingLoop.Limit(0, 2, null).progress(10, 60));
    assertFalse(new TrainingLoop.Limit(0, 2, null).progress(10, 119) >= 1);
  }
}
