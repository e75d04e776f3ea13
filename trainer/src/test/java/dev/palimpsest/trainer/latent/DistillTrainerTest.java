/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.trainer.RowSource;
import dev.palimpsest.trainer.TokenFile;
import dev.palimpsest.trainer.Training;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class DistillTrainerTest {
  private static final List<Double> GRID = List.of(0.0, 0.15, 0.3, 0.55);

  @TempDir Path folder;

  /** One step with the mixture ends where the two steps do. */
  @ParameterizedTest
  @EnumSource(LatentPath.class)
  void theSharesAreThoseOfTwoSteps(LatentPath path) {
    for (double[] t : new double[][] {{0, 0.1, 0.3}, {0.2, 0.25, 0.7}, {0.5, 0.8, 1}}) {
      double z = 0.7;
      double x1 = -1.2;
      double x2 = 0.4;
      double twice = step(path, step(path, z, x1, t[0], t[1]), x2, t[1], t[2]);
      double[] shares = DistillTrainer.shares(path, t[0], t[1], t[2]);
      assertEquals(1, shares[0] + shares[1], 1e-12);
      assertTrue(shares[0] >= 0 && shares[1] > 0);
      assertEquals(twice, step(path, z, shares[0] * x1 + shares[1] * x2, t[0], t[2]), 1e-12);
    }
  }

  private static double step(LatentPath path, double z, double x, double now, double next) {
    double noise = (z - path.alpha(now) * x) / path.sigma(now);
    return path.alpha(next) * x + path.sigma(next) * noise;
  }

  @Test
  void aStudentComesNearerToItsTeachersTwoSteps() throws IOException {
    LatentSettings base = LatentFixture.settings(false);
    try (TokenFile tokens = LatentFixture.tokens(folder);
        Autoencoder codes = LatentFixture.autoencoder(false)) {
      RowSource source = LatentFixture.source(tokens);
      float[] teacher;
      try (LatentTrainer trainer = new LatentTrainer(base, codes, 2, source, source, 6)) {
        for (int i = 0; i < 150; i++) {
          trainer.train(i / 150.0);
        }
        teacher = trainer.network().parameters().values();
      }
      DistillSettings settings = new DistillSettings(base, GRID, 0.7, 2e-3, 0.9);
      try (DistillTrainer round =
          new DistillTrainer(settings, codes, teacher, 2, source, source, 48)) {
        double before = round.evaluate().values().get("held_out_codes");
        for (int i = 0; i < 80; i++) {
          round.train(i / 80.0);
        }
        double after = round.evaluate().values().get("held_out_codes");
        assertTrue(after < before - 0.02, before + " → " + after);
        Path file = folder.resolve("round.safetensors");
        round.save(file, 1, 0.5);
        Training.Resumed again =
            DistillTrainer.course(settings, codes, teacher, 2, source, source, 48).resume(file);
        try (DistillTrainer resumed = (DistillTrainer) again.training()) {
          assertEquals(round.train(0.5), resumed.train(0.5));
          assertArrayEquals(
              round.student().parameters().values(), resumed.student().parameters().values());
        }
      }
    }
  }

  @Test
  void aTeacherOfAnOddNumberOfCallsIsRefused() {
    LatentSettings base = LatentFixture.settings(false);
    assertThrows(
        IllegalArgumentException.class,
        () -> new DistillSettings(base, List.of(0.0, 0.2, 0.4), 1, 1e-3, 0.9));
  }
}
