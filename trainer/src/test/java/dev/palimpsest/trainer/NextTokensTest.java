/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NextTokensTest {
  private static final DenoiserShape CAUSAL = new DenoiserShape(10, 32, 2, 2, 64, 16, -1, 0);

  @TempDir Path folder;

  /** A cycle of eight tokens. */
  private TokenFile cycle() throws IOException {
    byte[] cycle = new byte[2 * 1024];
    for (int i = 0; i < cycle.length / 2; i++) {
      cycle[2 * i] = (byte) (2 + i % 8);
    }
    Path file = folder.resolve("cycle.tokens");
    Files.write(file, cycle);
    return TokenFile.open(file);
  }

  @Test
  void everyPositionButTheLastPredictsTheNextOne() throws IOException {
    try (TokenFile tokens = cycle()) {
      MaskedBatch.Source source = new MaskedBatch.Source(tokens, CAUSAL, new boolean[10]);
      MaskedBatch batch = MaskedBatch.draw(source, 3, 5, 7, 0.4, 0);
      assertArrayEquals(batch.ids(), MaskedBatch.draw(source, 3, 5, 7, 0.4, 0).ids());
      assertEquals(3 * 15, batch.positions().length);
      for (int i = 0; i < batch.positions().length; i++) {
        int at = batch.positions()[i];
        assertTrue(at % 16 < 15);
        assertEquals(batch.ids()[at + 1], batch.targets()[i]);
        assertEquals(1, batch.weights()[i]);
      }
      MaskedBatch part = batch.part(1, 2);
      assertEquals(15, part.positions().length);
      assertEquals(0, part.positions()[0]);
    }
  }

  /** Without flags for lines the rows of the file are the rows of a batch. */
  @Test
  void wholeRowsAreTakenAsTheyAre() throws IOException {
    byte[] rows = new byte[2 * 16 * 5];
    for (int i = 0; i < rows.length / 2; i++) {
      rows[2 * i] = (byte) (2 + i / 16);
    }
    Path file = folder.resolve("rows.tokens");
    Files.write(file, rows);
    try (TokenFile tokens = TokenFile.open(file)) {
      MaskedBatch.Source source = new MaskedBatch.Source(tokens, CAUSAL, new boolean[0]);
      int[] ids = MaskedBatch.draw(source, 40, 5, 7, 0, 0).ids();
      for (int r = 0; r < 40; r++) {
        assertEquals(1, Arrays.stream(ids, 16 * r, 16 * r + 16).distinct().count());
      }
      int[] firsts = IntStream.range(0, 40).map(r -> ids[16 * r]).distinct().sorted().toArray();
      assertArrayEquals(new int[] {2, 3, 4, 5, 6}, firsts);
    }
  }

  /** One token tells the next: nearly nothing is left to learn, though no later one is seen. */
  @Test
  void itLearnsWhatComesNext() throws IOException {
    Settings settings = new Settings(CAUSAL, 16, 3, 1e-2, 20, 0.1, 0, 1, 0.9, 0, 0, false);
    try (TokenFile tokens = cycle()) {
      MaskedBatch.Source source = new MaskedBatch.Source(tokens, CAUSAL, new boolean[10]);
      try (Trainer trainer = new Trainer(settings, 2, source, source, 32)) {
        assertEquals(Math.log(10), nats(trainer), 0.3);
        for (int i = 0; i < 100; i++) {
          trainer.train(i / 100.0);
        }
        Training.HeldOut after = trainer.evaluate();
        assertTrue(after.values().get("held_out_nats") < 0.1, after.text());
        assertTrue(after.values().get("held_out_accuracy") > 0.99, after.text());
        assertTrue(after.text().endsWith("% of tokens right"), after.text());
        Path file = folder.resolve("state.safetensors");
        trainer.state(1, 1).write(file);
        assertEquals(settings, RunState.read(file).settings());
      }
    }
  }

  private static double nats(Trainer trainer) {
    return trainer.evaluate().values().get("held_out_nats");
  }

  /** Random tokens cannot be foretold; a network that saw the next one would copy it. */
  @Test
  void itDoesNotSeeWhatComesNext() throws IOException {
    byte[] bytes = new byte[2 * 4096];
    java.util.SplittableRandom random = new java.util.SplittableRandom(1);
    for (int i = 0; i < bytes.length / 2; i++) {
      bytes[2 * i] = (byte) (2 + random.nextInt(8));
    }
    Path file = folder.resolve("noise.tokens");
    Files.write(file, bytes);
    Settings settings = new Settings(CAUSAL, 16, 3, 3e-3, 20, 0.1, 0, 1, 0.9, 0, 0, false);
    try (TokenFile tokens = TokenFile.open(file)) {
      MaskedBatch.Source source = new MaskedBatch.Source(tokens, CAUSAL, new boolean[10]);
      try (Trainer trainer = new Trainer(settings, 2, source, source, 64)) {
        for (int i = 0; i < 60; i++) {
          trainer.train(i / 60.0);
        }
        assertEquals(Math.log(8), nats(trainer), 0.15);
      }
    }
  }
}
