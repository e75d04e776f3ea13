/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weightstool;

import dev.palimpsest.family.HybridFamily;
import dev.palimpsest.family.HybridTensors;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.network.HybridConfig;
import dev.palimpsest.network.HybridConfig.Level;
import dev.palimpsest.process.latent.LatentDefaults;
import dev.palimpsest.process.latent.NoisePath;
import dev.palimpsest.weights.ElementCodec;
import dev.palimpsest.weights.SafetensorsWriter;
import dev.palimpsest.weights.TensorSink;
import dev.palimpsest.weights.TensorSpec;
import java.io.PrintWriter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Random weights of a hybrid latent model. Numbers depend on the seed, the tensor and the row only;
 * matrices have a spread of 1/√in, norms are about 1, codes of length √width.
 */
final class HybridSynthesis {
  private static final int NORM_GROUPS = 8;

  private final HybridConfig config;
  private final DType dtype;
  private final long seed;
  private final List<TensorSpec> specs = new ArrayList<>();

  HybridSynthesis(HybridConfig config, DType dtype, long seed) {
    this.config = config;
    this.dtype = dtype;
    this.seed = seed;
    HybridTensors.shapes(config)
        .forEach((name, shape) -> specs.add(new TensorSpec(name, dtype, shape)));
  }

  /**
   * A model of some width: half of its full-resolution blocks before the others, three
   * half-resolution ones for every four, a third wider; a VQ-VAE of two thirds of the width, 2
   * groups of 512 codes of 32 elements.
   *
   * @param layers blocks at full resolution
   * @param hidden their width
   * @param window positions it is said to be trained on
   */
  static HybridConfig config(
      int layers, int hidden, int heads, int ffn, int vocabulary, int positions, int window) {
    int half = rounded(hidden * 4 / 3, heads);
    int autoencoder = rounded(hidden * 2 / 3, heads);
    return new HybridConfig(
        vocabulary,
        2,
        512,
        32,
        NoisePath.LINEAR,
        new Level(autoencoder, heads, 3 * autoencoder),
        2,
        3,
        NORM_GROUPS,
        new Level(hidden, heads, ffn),
        new Level(half, heads, 3 * half),
        layers / 2,
        Math.max(1, layers * 3 / 4),
        layers - layers / 2,
        64,
        64,
        1e-5f,
        10_000,
        positions,
        Math.min(window, positions),
        LatentDefaults.USUAL,
        vocabulary - 1,
        vocabulary - 2,
        vocabulary - 2);
  }

  /** The next width whose heads are even and whose groups are equal. */
  private static int rounded(int width, int heads) {
    int unit = 2 * heads * NORM_GROUPS;
    return (width + unit - 1) / unit * unit;
  }

  /** Whether a width can be divided as that of such a model has to be. */
  static boolean divides(int hidden, int heads) {
    return hidden % NORM_GROUPS == 0 && hidden % (2 * heads) == 0;
  }

  long parameters() {
    return specs.stream().mapToLong(TensorSpec::elements).sum();
  }

  /** Writes the folder; returns its tensors' bytes. */
  long write(Path out, boolean force, PrintWriter err) {
    Path file = Format.safetensors.file(out).toAbsolutePath();
    OutputFiles files = new OutputFiles(file.getParent(), force);
    Path target = files.claim(file.getFileName().toString());
    files.claim("config.json");
    long bytes = specs.stream().mapToLong(TensorSpec::bytes).sum();
    try (TensorSink sink = SafetensorsWriter.open(target, specs, Map.of("format", "pt"));
        ProgressLine progress = new ProgressLine(err, "writing", bytes)) {
      for (int t = 0; t < specs.size(); t++) {
        write(t, sink, progress);
      }
      sink.commit();
    }
    files.writeJson(
        "config.json",
        HybridFamily.configJson(config).put("torch_dtype", Synthesis.torchName(dtype)));
    return bytes;
  }

  private void write(int tensor, TensorSink sink, ProgressLine progress) {
    TensorSpec spec = specs.get(tensor);
    boolean matrix = spec.shape().size() == 2;
    int width = Math.toIntExact(spec.shape().getLast());
    long rows = matrix ? spec.shape().getFirst() : 1;
    float[] row = new float[width];
    try (Arena buffers = Arena.ofConfined()) {
      MemorySegment bytes = buffers.allocate(spec.dtype().bytes(width), 64);
      for (long r = 0; r < rows; r++) {
        numbers(spec, new SplittableRandom((seed * 31 + tensor) * 0x9E3779B97F4A7C15L + r), row);
        ElementCodec.encode(row, width, spec.dtype(), bytes, 0);
        sink.write(bytes.asSlice(0, spec.dtype().bytes(width)));
        progress.advance(spec.dtype().bytes(width));
      }
    }
  }

  private static void numbers(TensorSpec spec, SplittableRandom random, float[] row) {
    boolean matrix = spec.shape().size() == 2;
    double centre = spec.name().endsWith("norm") ? 1 : 0;
    double spread = matrix ? 1 / Math.sqrt(row.length) : 0.1;
    double squares = 0;
    for (int i = 0; i < row.length; i++) {
      row[i] = (float) (centre + spread * random.nextGaussian());
      squares += row[i] * row[i];
    }
    if (spec.name().equals("vq.codebook")) {
      for (int i = 0; i < row.length; i++) {
        row[i] *= (float) Math.sqrt(row.length / squares);
      }
    }
  }
}
