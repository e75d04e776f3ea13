/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.DType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LatentPartsTest {
  @TempDir Path folder;

  @Test
  void everyTokenGetsCodesOfItsOwnAndIsFoundAgain() {
    try (Autoencoder network = LatentFixture.autoencoder(false)) {
      int[] ids = new int[32];
      Arrays.setAll(ids, i -> i);
      Gates gates = AutoencoderTrainer.measure(network, 16, ids, new int[0]);
      assertEquals(1, gates.clean());
      assertEquals(1, gates.noisy());
      assertEquals(List.of(0, 0), gates.dead());
      assertTrue(gates.perplexity().stream().allMatch(p -> p > 7), gates.text());
      assertEquals(List.of(), gates.failures());
    }
  }

  @Test
  void assignedCodesAreAsEvenAsTheText() {
    AutoencoderShape shape = new AutoencoderShape(60, 16, 1, 1, 2, 24, 2, 10, 8, 4, 1, 0);
    SplittableRandom random = new SplittableRandom(3);
    double[] frequencies = new double[60];
    for (int i = 0; i < 60; i++) {
      frequencies[i] = 1.0 / (i + 3);
    }
    double sum = Arrays.stream(frequencies).sum();
    for (int i = 0; i < 60; i++) {
      frequencies[i] /= sum;
    }
    float[] same = new float[60 * 16];
    for (int i = 0; i < same.length; i++) {
      // All alike but for a little: nearness alone would give everything one code.
      same[i] = (float) (1 + 0.1 * random.nextGaussian());
    }
    CodeAssignment assignment = CodeAssignment.of(shape, same, frequencies, random);
    Set<String> seen = new HashSet<>();
    double[] mass = new double[10];
    for (int token = 0; token < 60; token++) {
      assertTrue(seen.add(Arrays.toString(assignment.codes()[token])), "two tokens share codes");
      mass[assignment.codes()[token][0]] += frequencies[token];
    }
    assertTrue(Arrays.stream(mass).max().orElse(1) < 0.2, Arrays.toString(mass));
    assertThrows(
        IllegalArgumentException.class,
        () ->
            CodeAssignment.of(
                shape, new float[101 * 16], new double[101], new SplittableRandom(1)));
  }

  /** What is known does not see what is not: its codes are those of a text that ends there. */
  @Test
  void holesDoNotLeakIntoTheCodesBesideThem() {
    AutoencoderShape shape = new AutoencoderShape(32, 16, 2, 1, 2, 24, 2, 8, 8, 4, 1, 0);
    try (Autoencoder network = new Autoencoder(shape, 4, false, false);
        NoGradGuard _ = new NoGradGuard();
        PointerScope _ = new PointerScope()) {
      network.parameters().flat().add_(Layers.scalar(0.05));
      int[] ids = {5, 6, 7, 8, 9, 10};
      int[] other = {5, 6, 7, 30, 31, 10};
      float[] known = {1, 1, 1, 0, 0, 1};
      float[] a = encoded(network, ids, known);
      float[] b = encoded(network, other, known);
      float[] alone = encoded(network, new int[] {5, 6, 7}, new float[] {1, 1, 1});
      float[] all = encoded(network, ids, new float[] {1, 1, 1, 1, 1, 1});
      assertArrayEquals(Arrays.copyOf(a, 48), Arrays.copyOf(b, 48));
      assertArrayEquals(alone, Arrays.copyOf(a, 48), 1e-6f);
      assertArrayEquals(Arrays.copyOfRange(a, 80, 96), Arrays.copyOfRange(b, 80, 96));
      assertTrue(Math.abs(all[40] - a[40]) > 1e-4, "a neighbour that is known is seen");
    }
  }

  private static float[] encoded(Autoencoder network, int[] ids, float[] known) {
    return FlatParameters.copy(network.encode(ids, known, 1).contiguous());
  }

  @Test
  void timesOfPairsAreTheNoisierOnes() {
    Times times = Times.of(new float[] {1, 0.25f, 1, 1, 0.5f}, 1);
    assertEquals(3, times.kinds());
    assertArrayEquals(new float[] {0.25f, 0.5f, 1}, times.distinct());
    assertArrayEquals(new float[] {0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 1, 0, 1, 0}, times.full());
    assertArrayEquals(new float[] {1, 0, 0, 0, 0, 1, 0, 1, 0}, times.pairs());
  }

  @Test
  void noiseLevelsFollowTheLoss() {
    NoiseLevels plain = new NoiseLevels(LatentPath.LINEAR, 64, true);
    float[] before = plain.draw(2000, 0.5, 0);
    assertEquals(0.1, share(before, 0, 0.05), 0.12);
    double centre = LatentPath.LINEAR.timeOf(0.5 * Math.log(6 / 64.0));
    assertEquals(0.5, share(before, 0, centre), 0.06);
    // All the loss falls between 0.5 and 0.6.
    for (int i = 0; i < 300; i++) {
      float[] times = new float[32];
      double[] losses = new double[32];
      for (int r = 0; r < 32; r++) {
        times[r] = (r + 0.5f) / 32;
        losses[r] = times[r] < 0.5 ? 5 : times[r] < 0.6 ? 50 * (0.6 - times[r]) : 0;
      }
      plain.observe(times, losses);
    }
    float[] after = plain.draw(2000, 0.5, 0);
    assertTrue(share(after, 0.45, 0.65) > 2 * share(before, 0.45, 0.65));
    NoiseLevels resumed = new NoiseLevels(LatentPath.LINEAR, 64, true);
    resumed.load(plain.state());
    assertArrayEquals(after, resumed.draw(2000, 0.5, 0));
    double[] quantiles = plain.quantiles(4);
    for (int q = 0; q < 4; q++) {
      assertEquals(q / 4.0, share(after, -1, quantiles[q]), 0.01, "quantile " + q);
    }
    float[] easy = plain.draw(2000, 0.5, 1);
    assertTrue(mean(easy) > mean(after) + 0.1, "a curriculum begins with less noise");
    assertTrue(share(easy, 0, 0.05) >= 0.1, "and never without pure noise");
  }

  private static double share(float[] values, double low, double high) {
    int n = 0;
    for (float v : values) {
      n += v >= low && v < high ? 1 : 0;
    }
    return (double) n / values.length;
  }

  private static double mean(float[] values) {
    double sum = 0;
    for (float v : values) {
      sum += v;
    }
    return sum / values.length;
  }

  @Test
  void holesComeInEveryKind() {
    SplittableRandom random = new SplittableRandom(1);
    int all = 0;
    int prefix = 0;
    int suffix = 0;
    int inner = 0;
    for (int i = 0; i < 4000; i++) {
      boolean[] holes = Holes.draw(random, 32);
      int count = 0;
      for (boolean hole : holes) {
        count += hole ? 1 : 0;
      }
      assertTrue(count > 0);
      all += count == 32 ? 1 : 0;
      prefix += !holes[0] && holes[31] ? 1 : 0;
      suffix += holes[0] && !holes[31] ? 1 : 0;
      inner += !holes[0] && !holes[31] ? 1 : 0;
    }
    assertEquals(0.1, all / 4000.0, 0.03);
    assertTrue(prefix > 1100 && suffix > 700 && inner > 1000, prefix + " " + suffix + " " + inner);
  }

  /** Written and read back, both networks compute what they did. */
  @Test
  void aWrittenModelIsTheSameModel() throws IOException {
    HybridShape shape = LatentFixture.SHAPE;
    try (Autoencoder codes = LatentFixture.autoencoder(false);
        HybridNetwork network = new HybridNetwork(shape, 5, false, false);
        NoGradGuard _ = new NoGradGuard();
        PointerScope _ = new PointerScope()) {
      network.parameters().flat().add_(Layers.scalar(0.03));
      codes.parameters().flat().add_(Layers.scalar(0.02));
      HybridFolder.write(
          folder,
          codes,
          shape,
          network.parameters().values(),
          DType.F32,
          64,
          HybridFolder.sampling(new double[] {0, 0.5}, new double[] {0, 0.5}),
          Map.of());
      HybridFolder.Read read = HybridFolder.read(folder, false);
      try (Autoencoder codesAgain = read.autoencoder();
          HybridNetwork again = read.network()) {
        assertArrayEquals(network.parameters().values(), again.parameters().values());
        assertArrayEquals(codes.parameters().values(), codesAgain.parameters().values());
        assertArrayEquals(
            FlatParameters.copy(codes.codebook()), FlatParameters.copy(codesAgain.codebook()));
        assertEquals(shape, again.shape());
      }
    }
  }

  /** A row's logits depend neither on the other rows of its batch nor on what is behind noise. */
  @Test
  void rowsAreIndependent() {
    HybridShape shape = LatentFixture.SHAPE;
    SplittableRandom random = new SplittableRandom(2);
    try (HybridNetwork network = new HybridNetwork(shape, 5, false, false);
        NoGradGuard _ = new NoGradGuard();
        PointerScope _ = new PointerScope()) {
      network.parameters().flat().add_(Layers.scalar(0.03));
      int length = 7;
      int width = shape.latent().latent();
      float[] z = new float[2 * length * width];
      for (int i = 0; i < z.length; i++) {
        z[i] = (float) random.nextGaussian();
      }
      int[] states = {0, 1, 2, 3, 0, 0, 1, 1, 0, 0, 3, 3, 1, 2};
      float[] times = {.2f, 1, .2f, 1, .2f, .2f, 1, 1, .6f, .6f, 1, 1, 1, .6f};
      float[] both = logits(network, z, states, times, 2);
      float[] second =
          logits(
              network,
              Arrays.copyOfRange(z, length * width, z.length),
              Arrays.copyOfRange(states, length, 14),
              Arrays.copyOfRange(times, length, 14),
              1);
      assertArrayEquals(second, Arrays.copyOfRange(both, both.length / 2, both.length), 2e-5f);
    }
  }

  private static float[] logits(
      HybridNetwork network, float[] z, int[] states, float[] times, int batch) {
    long length = states.length / batch;
    long width = network.shape().latent().latent();
    long[] all = new long[states.length];
    Arrays.setAll(all, i -> i);
    Tensor rows = Tensor.create(z, batch, length, width);
    return FlatParameters.copy(
        network.logits(
            rows,
            rows.mul(Layers.scalar(0.5)),
            states,
            Times.of(times, batch),
            Tensor.create(all)));
  }
}
