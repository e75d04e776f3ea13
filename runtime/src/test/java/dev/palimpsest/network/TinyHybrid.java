/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.network;

import dev.palimpsest.family.HybridFamily;
import dev.palimpsest.family.HybridTensors;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.network.HybridConfig.Level;
import dev.palimpsest.process.latent.LatentDefaults;
import dev.palimpsest.process.latent.NoisePath;
import dev.palimpsest.process.latent.Solver;
import dev.palimpsest.weights.SafetensorsWriter;
import dev.palimpsest.weights.TensorSink;
import dev.palimpsest.weights.TensorSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** A hybrid latent model of random weights, large enough that nothing in it vanishes. */
public final class TinyHybrid {
  public static final int MASK = 1;
  public static final int END = 0;
  public static final int WINDOW = 24;

  private TinyHybrid() {}

  /** With an odd number of everything that may be odd. */
  public static HybridConfig config(NoisePath path, int blocksHalf) {
    return new HybridConfig(
        47,
        2,
        19,
        12,
        path,
        new Level(40, 2, 56),
        2,
        2,
        4,
        new Level(48, 3, 72),
        new Level(56, 2, 80),
        1,
        blocksHalf,
        2,
        16,
        24,
        1e-5f,
        10_000,
        64,
        WINDOW,
        new LatentDefaults(
            4,
            List.of(0.0, 0.2, 0.45, 0.7),
            Solver.DPM_SOLVER_2M,
            1,
            0,
            0,
            0,
            0.5,
            0.5,
            List.of(0.0, 0.3, 0.5, 1.0)),
        MASK,
        END,
        END);
  }

  public static HybridConfig config() {
    return config(NoisePath.LINEAR, 2);
  }

  /** Writes the folder of a model with {@code config}. */
  public static Path write(Path folder, HybridConfig config, DType dtype, long seed) {
    List<TensorSpec> specs = new ArrayList<>();
    HybridTensors.shapes(config)
        .forEach((name, shape) -> specs.add(new TensorSpec(name, dtype, shape)));
    Random random = new Random(seed);
    try (TensorSink sink =
        SafetensorsWriter.open(
            folder.resolve("model.safetensors"), specs, Map.of("format", "pt"))) {
      for (TensorSpec spec : specs) {
        sink.write(values(spec, random));
      }
      sink.commit();
    }
    try {
      Files.writeString(folder.resolve("config.json"), HybridFamily.configJson(config).toString());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return folder;
  }

  private static MemorySegment values(TensorSpec spec, Random random) {
    boolean matrix = spec.shape().size() == 2;
    boolean norm = spec.name().endsWith("norm");
    double scale = matrix ? 1 / Math.sqrt(spec.shape().getLast()) : 0.3;
    if (spec.name().equals("denoiser.state") || spec.name().endsWith("embedding")) {
      scale = 1;
    }
    float[] values = new float[(int) spec.elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (scale * random.nextGaussian() + (norm ? 1 : 0));
    }
    if (spec.name().equals("vq.codebook")) {
      toLength(values, spec.shape().getLast().intValue());
    }
    ByteBuffer bytes = ByteBuffer.allocate((int) spec.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      if (spec.dtype() == DType.F32) {
        bytes.putFloat(value);
      } else {
        // Cut off, not rounded: any bf16 will do.
        bytes.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
      }
    }
    return MemorySegment.ofArray(bytes.array());
  }

  /** Every code of length √width. */
  private static void toLength(float[] values, int width) {
    for (int at = 0; at < values.length; at += width) {
      double squares = 0;
      for (int i = 0; i < width; i++) {
        squares += values[at + i] * values[at + i];
      }
      for (int i = 0; i < width; i++) {
        values[at + i] *= (float) Math.sqrt(width / squares);
      }
    }
  }
}
