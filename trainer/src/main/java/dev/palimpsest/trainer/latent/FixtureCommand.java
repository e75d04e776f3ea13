/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.trainer.TrainCommand;
import java.io.IOException;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code palimpsest train latent fixture}: a tiny random model with what libtorch makes of it. */
@Command(
    name = "fixture",
    description = {
      "Writes a tiny latent model with random weights and, in cases.safetensors, what libtorch"
          + " computes of it in float32.",
      "It is the golden of the runtime's tests."
    },
    showDefaultValues = true)
final class FixtureCommand implements Runnable {
  private static final int[] LENGTHS = {1, 2, 7, 12};

  @Mixin private TrainCommand.Help help;

  @Option(
      names = "--out",
      defaultValue = "runtime/src/test/resources/goldens/latent-tiny",
      description = "folder to write into")
  private Path out;

  @Option(names = "--half", defaultValue = "2", description = "blocks over pairs")
  private int half;

  @Option(names = "--path", defaultValue = "linear", description = "linear or cosine")
  private LatentPath path;

  @Override
  public void run() {
    torch.set_num_threads(1);
    AutoencoderShape codes = new AutoencoderShape(40, 16, 2, 2, 2, 24, 2, 12, 8, 4, 1, 0);
    HybridShape shape = new HybridShape(codes, 24, 2, 40, 32, 4, 48, 1, half, 1, 8, 12, 16, path);
    try (Autoencoder autoencoder = new Autoencoder(codes, 1, false, false);
        HybridNetwork network = new HybridNetwork(shape, 2, false, false)) {
      float[] first = shaken(Autoencoder.layout(codes), 3);
      autoencoder.parameters().load(first);
      SplittableRandom random = new SplittableRandom(4);
      float[] book = normal(random, codes.groups() * codes.codes() * codes.width());
      FlatParameters.fill(autoencoder.codebook(), book);
      try (NoGradGuard _ = new NoGradGuard();
          PointerScope _ = new PointerScope()) {
        autoencoder.codebook().copy_(Autoencoder.unit(autoencoder.codebook()));
      }
      float[] weights = shaken(HybridNetwork.layout(shape), 5);
      network.parameters().load(weights);
      double[] grid = {0, 0.15, 0.3, 0.6};
      HybridFolder.write(
          out,
          autoencoder,
          shape,
          weights,
          DType.F32,
          64,
          HybridFolder.sampling(LatentSampler.Plan.of(grid.length), grid, grid),
          Map.of("format", "pt"));
      write(autoencoder, network, grid, random);
    } catch (IOException e) {
      throw new TrainCommand.Failure(e.getMessage(), e);
    }
  }

  /** Parameters of which none is at a value that would hide a mistake. */
  private static float[] shaken(List<FlatParameters.Slot> slots, long seed) {
    float[] values = new float[Math.toIntExact(FlatParameters.size(slots))];
    SplittableRandom random = new SplittableRandom(seed);
    for (FlatParameters.Slot slot : slots) {
      boolean norm = slot.name().endsWith("norm");
      double deviation = slot.matrix() ? 1 / Math.sqrt(slot.dims().getLast()) : norm ? 0.3 : 0.5;
      for (long i = slot.offset(); i < slot.offset() + slot.size(); i++) {
        values[(int) i] = (float) ((norm ? 1 : 0) + deviation * random.nextGaussian());
      }
    }
    return values;
  }

  private static float[] normal(SplittableRandom random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private void write(
      Autoencoder autoencoder, HybridNetwork network, double[] grid, SplittableRandom random) {
    AutoencoderShape codes = autoencoder.shape();
    int width = codes.latent();
    List<HybridFolder.Named> tensors = new ArrayList<>();
    for (int c = 0; c < LENGTHS.length; c++) {
      int length = LENGTHS[c];
      String at = "case" + c + ".";
      int[] ids = new int[length];
      int[] states = new int[length];
      float[] times = new float[length];
      float[] known = new float[length];
      boolean[] holes = new boolean[length];
      for (int i = 0; i < length; i++) {
        ids[i] = 2 + random.nextInt(codes.vocabulary() - 2);
        states[i] = random.nextInt(4);
        times[i] = states[i] == 1 || states[i] == 3 ? 1 : (float) grid[random.nextInt(grid.length)];
        holes[i] = random.nextInt(2) == 0;
        known[i] = holes[i] ? 0 : 1;
      }
      float[] z = normal(random, length * width);
      float[] x0 = normal(random, length * width);
      long[] all = new long[length];
      Arrays.setAll(all, i -> i);
      add(tensors, at + "ids", floats(ids), length);
      add(tensors, at + "states", floats(states), length);
      add(tensors, at + "times", times, length);
      add(tensors, at + "known", known, length);
      add(tensors, at + "z", z, length, width);
      add(tensors, at + "x0", x0, length, width);
      try (NoGradGuard _ = new NoGradGuard();
          PointerScope _ = new PointerScope()) {
        Tensor logits =
            network.logits(
                Tensor.create(z, 1, length, width),
                Tensor.create(x0, 1, length, width),
                states,
                Times.of(times, 1),
                Tensor.create(all));
        add(tensors, at + "logits", logits, length, network.shape().outputs());
        Tensor expected = HybridNetwork.expected(codes, logits, autoencoder.codebook());
        add(tensors, at + "expected", expected, length, width);
        Tensor encoded = autoencoder.encode(ids, known, 1);
        add(tensors, at + "encoded", encoded, length, width);
        Tensor nearest = autoencoder.codes(encoded);
        LongBuffer host = nearest.contiguous().createBuffer();
        float[] chosen = new float[length * codes.groups()];
        for (int i = 0; i < chosen.length; i++) {
          chosen[i] = host.get(i);
        }
        add(tensors, at + "codes", chosen, length, codes.groups());
        Tensor latents = autoencoder.latents(nearest).view(1, length, width);
        add(
            tensors,
            at + "tokens",
            autoencoder.decode(latents, Tensor.create(all)),
            length,
            codes.vocabulary());
        add(
            tensors,
            at + "decoded",
            autoencoder.decode(Tensor.create(z, 1, length, width), Tensor.create(all)),
            length,
            codes.vocabulary());
      }
    }
    HybridFolder.write(out.resolve("cases.safetensors"), tensors, DType.F32, Map.of());
  }

  private static float[] floats(int[] values) {
    float[] out = new float[values.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = values[i];
    }
    return out;
  }

  private static void add(
      List<HybridFolder.Named> tensors, String name, Tensor values, long... dims) {
    add(tensors, name, FlatParameters.copy(values.contiguous()), dims);
  }

  private static void add(
      List<HybridFolder.Named> tensors, String name, float[] values, long... dims) {
    tensors.add(new HybridFolder.Named(name, Arrays.stream(dims).boxed().toList(), values));
  }
}
