/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.trainer.Checkpoint;
import dev.palimpsest.trainer.RowSource;
import dev.palimpsest.trainer.StoppedRun;
import dev.palimpsest.trainer.TokenFile;
import dev.palimpsest.trainer.Training;
import dev.palimpsest.trainer.TrainingLoop;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

class LatentTrainerTest {
  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({"false,1", "false,2", "true,2"})
  void aResumedRunIsTheSameRunBitForBit(boolean bf16, int workers) throws IOException {
    try (TokenFile tokens = LatentFixture.tokens(folder);
        Autoencoder codes = LatentFixture.autoencoder(bf16)) {
      RowSource source = LatentFixture.source(tokens);
      Training.Course course =
          LatentTrainer.course(LatentFixture.settings(bf16), codes, workers, source, source, 6);
      same(course);
    }
  }

  /** The last steps have the adversary in them. */
  @ParameterizedTest
  @CsvSource({"false,2", "true,2"})
  void soIsOneWithAnAdversary(boolean bf16, int workers) throws IOException {
    try (TokenFile tokens = LatentFixture.tokens(folder);
        Autoencoder codes = LatentFixture.autoencoder(bf16)) {
      RowSource source = LatentFixture.source(tokens);
      LatentSettings settings = with(LatentFixture.settings(bf16), "adversarial", 0.1);
      same(LatentTrainer.course(settings, codes, workers, source, source, 6), 30, 27);
    }
  }

  @ParameterizedTest
  @CsvSource({"false,1", "true,2"})
  void soIsTheAutoencoders(boolean bf16, int workers) throws IOException {
    try (TokenFile tokens = LatentFixture.tokens(folder)) {
      same(
          AutoencoderTrainer.course(
              LatentFixture.autoencoderSettings(bf16),
              workers,
              LatentFixture.source(tokens),
              tokens));
    }
  }

  private void same(Training.Course course) throws IOException {
    same(course, 12, 5);
  }

  private void same(Training.Course course, int steps, int stop) throws IOException {
    Checkpoint whole = run("whole", course, steps, steps);
    run("parts", course, steps, stop);
    Checkpoint parts = run("parts", course, steps, steps);
    assertEquals(steps, whole.step());
    assertEquals(steps, parts.step());
    assertEquals(whole.tensors().keySet(), parts.tensors().keySet());
    for (String name : whole.tensors().keySet()) {
      assertArrayEquals(whole.require(name), parts.require(name), name);
    }
  }

  private Checkpoint run(String name, Training.Course course, int steps, int stopAt)
      throws IOException {
    Path run = folder.resolve(name);
    StoppedRun.train(run, course, steps, stopAt);
    return Checkpoint.read(TrainingLoop.checkpointFile(run));
  }

  @Test
  void everySwitchChangesTheRun() throws IOException {
    LatentSettings usual = LatentFixture.settings(false);
    float[] weights = trained(usual, 6);
    assertArrayEquals(weights, trained(usual, 6));
    for (Map.Entry<String, Object> change :
        Map.<String, Object>of(
                "curriculum", 0,
                "selfConditioning", 0,
                "codeLoss", 0.5,
                "velocityLoss", 0,
                "tokenLoss", 0,
                "qualityLoss", 0,
                "written", 0,
                "guidanceDropout", 0,
                "wrong", 0.3,
                "shape", shape(LatentPath.COSINE, 1, 1, 16))
            .entrySet()) {
      LatentSettings other = with(usual, change.getKey(), change.getValue());
      assertFalse(Arrays.equals(weights, trained(other, 6)), change.getKey() + " does nothing");
    }
  }

  /** Sooner in rows of a batch than in steps: warping waits for 2000 rows. */
  @Test
  void theNoiseLevelsFollowTheLossOfTheRun() throws IOException {
    LatentSettings usual =
        with(
            with(with(LatentFixture.settings(false), "batch", 700), "written", 0),
            "shape",
            shape(LatentPath.LINEAR, 1, 1, 4));
    LatentSettings fixed = with(usual, "timeWarp", false);
    assertArrayEquals(trained(usual, 3), trained(fixed, 3), "not yet");
    assertFalse(Arrays.equals(trained(usual, 4), trained(fixed, 4)), "timeWarp does nothing");
  }

  @Test
  void aPlainTransformerLearnsToo() throws IOException {
    LatentSettings plain =
        with(LatentFixture.settings(false), "shape", shape(LatentPath.LINEAR, 2, 0, 16));
    float[] weights = trained(plain, 1);
    assertEquals(FlatParameters.size(HybridNetwork.layout(plain.shape())), weights.length);
    assertFalse(Arrays.equals(weights, trained(plain, 3)));
  }

  private static HybridShape shape(LatentPath path, int before, int half, int length) {
    return new HybridShape(
        LatentFixture.CODES, 16, 2, 24, 24, 2, 32, before, half, 1, 8, 8, length, path);
  }

  static LatentSettings with(LatentSettings settings, String name, Object value) {
    JsonMapper json = JsonMapper.shared();
    ObjectNode node = (ObjectNode) json.readTree(json.writeValueAsString(settings));
    assertTrue(node.has(name), name);
    node.putPOJO(name, value);
    return json.readValue(json.writeValueAsString(node), LatentSettings.class);
  }

  private float[] trained(LatentSettings settings, int steps) throws IOException {
    return trained(settings, steps, i -> i / 100.0);
  }

  private float[] trained(LatentSettings settings, int steps, IntToDoubleFunction progress)
      throws IOException {
    try (TokenFile tokens = LatentFixture.tokens(folder);
        Autoencoder codes = LatentFixture.autoencoder(false)) {
      RowSource source = LatentFixture.source(tokens);
      try (LatentTrainer trainer = new LatentTrainer(settings, codes, 1, source, source, 6)) {
        for (int i = 0; i < steps; i++) {
          trainer.train(progress.applyAsDouble(i));
        }
        return trainer.network().parameters().values();
      }
    }
  }

  /** After a few steps have opened the gates, nothing is left out of the gradient. */
  @Test
  void theGradientReachesEveryParameter() throws IOException {
    float[] before = trained(LatentFixture.settings(false), 4);
    float[] after = trained(LatentFixture.settings(false), 6);
    List<String> untouched = new ArrayList<>();
    for (FlatParameters.Slot slot : HybridNetwork.layout(LatentFixture.SHAPE)) {
      int from = (int) slot.offset();
      int to = from + (int) slot.size();
      boolean moved = false;
      for (int i = from; i < to; i++) {
        // Decay alone shrinks a weight by less than a thousandth.
        moved |= Math.abs(after[i] - before[i]) > 1e-3 * Math.abs(before[i]);
      }
      if (!moved) {
        untouched.add(slot.name());
      }
    }
    assertEquals(List.of(), untouched);
  }

  @Test
  void workersShareTheGradientOfOneBatch() throws IOException {
    try (TokenFile tokens = LatentFixture.tokens(folder);
        Autoencoder codes = LatentFixture.autoencoder(false)) {
      RowSource source = LatentFixture.source(tokens);
      LatentSettings settings = LatentFixture.settings(false);
      try (LatentTrainer alone = new LatentTrainer(settings, codes, 1, source, source, 6);
          LatentTrainer three = new LatentTrainer(settings, codes, 3, source, source, 6)) {
        Training.Step a = alone.train(0);
        Training.Step b = three.train(0);
        assertEquals(a.loss(), b.loss(), 1e-5);
        assertEquals(a.gradientNorm(), b.gradientNorm(), 1e-5);
      }
    }
  }

  @Test
  void itLearnsWhatItsNeighboursTell() throws IOException {
    try (TokenFile tokens = LatentFixture.tokens(folder);
        Autoencoder codes = LatentFixture.autoencoder(false)) {
      RowSource source = LatentFixture.source(tokens);
      LatentSettings settings = LatentFixture.settings(false);
      try (LatentTrainer trainer = new LatentTrainer(settings, codes, 2, source, source, 48)) {
        double before = trainer.evaluate().values().get("held_out_codes");
        for (int i = 0; i < 200; i++) {
          trainer.train(i / 200.0);
        }
        double after = trainer.evaluate().values().get("held_out_codes");
        assertEquals(Math.log(8), before, 0.4);
        assertTrue(after < 0.6 * before, before + " → " + after);
      }
    }
  }

  @Test
  void theAdversaryPullsLateAndLeavesWhenPredictionsAreLessDiverse() throws IOException {
    LatentSettings usual = LatentFixture.settings(false);
    LatentSettings opposed = with(usual, "adversarial", 0.1);
    assertArrayEquals(trained(usual, 6), trained(opposed, 6), "it does nothing before its time");
    assertFalse(Arrays.equals(late(usual, 30), late(opposed, 30)), "then it does");
    try (Adversary adversary = new Adversary(LatentFixture.SHAPE, 1, false, 1)) {
      assertFalse(adversary.active(0.5));
      for (int i = 0; i < 100; i++) {
        assertTrue(adversary.active(0.9));
        adversary.update(2 * 0.97);
      }
      for (int i = 0; i < 100 && adversary.active(0.9); i++) {
        adversary.update(2 * 0.9);
      }
      assertFalse(adversary.active(0.9));
      assertEquals(1, adversary.log().get("adversary_off"));
      adversary.update(3);
      assertFalse(adversary.active(0.9), "for good");
    }
  }

  private float[] late(LatentSettings settings, int steps) throws IOException {
    return trained(settings, steps, _ -> 0.9);
  }

  @Test
  void anotherAutoencoderOrOtherSettingsAreNotContinued() throws IOException {
    try (TokenFile tokens = LatentFixture.tokens(folder);
        Autoencoder codes = LatentFixture.autoencoder(false)) {
      RowSource source = LatentFixture.source(tokens);
      LatentSettings settings = LatentFixture.settings(false);
      run("run", LatentTrainer.course(settings, codes, 1, source, source, 6), 12, 12);
      Path file = TrainingLoop.checkpointFile(folder.resolve("run"));
      LatentSettings other = with(settings, "velocityLoss", 0);
      IOException e =
          assertThrows(
              IOException.class,
              () -> LatentTrainer.course(other, codes, 1, source, source, 6).resume(file));
      assertTrue(e.getMessage().contains("--work"), e.getMessage());
      codes.codebook().mul_(Layers.scalar(0.5));
      e =
          assertThrows(
              IOException.class,
              () -> LatentTrainer.course(settings, codes, 1, source, source, 6).resume(file));
      assertTrue(e.getMessage().contains("another VQ-VAE"), e.getMessage());
    }
  }
}
