/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.network;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.family.HybridDescription;
import dev.palimpsest.family.HybridFamily;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.cpu.CpuDevice;
import dev.palimpsest.kernels.cpu.CpuOptions;
import dev.palimpsest.process.latent.NoisePath;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.Checkpoints;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The networks of the hybrid model against float64, and alone against in company. */
class HybridModelTest {
  private static final int[] LENGTHS = {1, 5, 24, 2, 13};
  private static final float[] TIMES = {0.15f, 0.4f, 0.7f};

  @TempDir Path folder;

  private static CpuOptions options(CpuOptions.ComputeType type, CpuOptions.Vector vector) {
    return CpuOptions.DEFAULT.withThreads(2).withComputeType(type).withVector(vector);
  }

  private static int[] tokens(int n) {
    return new Random(n).ints(n, 2, 47).toArray();
  }

  private static RowSpans spans(int... lengths) {
    RowSpans spans = new RowSpans();
    for (int length : lengths) {
      spans.add(length);
    }
    return spans;
  }

  private static List<float[]> rows(MemorySegment memory, int rows, int width) {
    List<float[]> out = new ArrayList<>();
    for (int i = 0; i < rows; i++) {
      out.add(memory.asSlice(4L * i * width, 4L * width).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED));
    }
    return out;
  }

  @ParameterizedTest
  @CsvSource({
    "F32, AUTO, LINEAR, 2, 2e-6",
    "F32, OFF, LINEAR, 2, 2e-6",
    "F32, AUTO, COSINE, 0, 2e-6",
    "BF16, AUTO, LINEAR, 2, 2e-2",
    "BF16, OFF, LINEAR, 2, 2e-2"
  })
  void agreesWithTheReference(
      CpuOptions.ComputeType type,
      CpuOptions.Vector vector,
      NoisePath path,
      int blocksHalf,
      double bound) {
    TinyHybrid.write(folder, TinyHybrid.config(path, blocksHalf), DType.BF16, 3);
    try (Checkpoint checkpoint = Checkpoints.open(folder);
        CpuDevice device = CpuDevice.open(options(type, vector))) {
      HybridDescription described = HybridFamily.describe(checkpoint);
      HybridConfig config = described.config();
      assertEquals(TinyHybrid.config(path, blocksHalf), config);
      HybridModel model = new HybridModel(device, config, described.weights());
      ReferenceHybrid reference = new ReferenceHybrid(config, described.weights());

      RowSpans spans = spans(LENGTHS);
      int[] tokens = tokens(spans.rows());
      int[] found = model.codes(spans, tokens).clone();
      List<double[]> decoded = new ArrayList<>();
      List<double[]> denoised = new ArrayList<>();
      Tensor state = device.allocate(DType.F32, spans.rows(), 2 * config.width());
      Tensor latents = device.allocate(DType.F32, spans.rows(), config.width());
      LatentBatch batch = new LatentBatch();
      batch.use(state);
      Random random = new Random(7);
      int different = 0;
      for (int s = 0; s < spans.sequences(); s++) {
        int start = spans.start(s);
        int length = spans.length(s);
        double[][] e = reference.encode(Arrays.copyOfRange(tokens, start, start + length));
        double[][] known = new double[length][];
        double[][] input = new double[length][2 * config.width()];
        int[] states = new int[length];
        double[] times = new double[length];
        batch.addSequence(length);
        for (int i = 0; i < length; i++) {
          int[] codes = reference.codes(e[i]);
          for (int g = 0; g < codes.length; g++) {
            different += codes[g] == found[(start + i) * codes.length + g] ? 0 : 1;
          }
          known[i] = reference.latent(codes);
          for (int c = 0; c < config.width(); c++) {
            latents
                .memory()
                .set(
                    ValueLayout.JAVA_FLOAT,
                    4L * ((start + i) * config.width() + c),
                    (float) known[i][c]);
          }
          states[i] = (start + i) % 4;
          times[i] = states[i] % 2 == 1 ? 1 : TIMES[(start + i) % 3];
          batch.see(
              start + i,
              states[i] == LatentBatch.HIDDEN ? -1 : start + i,
              states[i],
              (float) times[i]);
          for (int c = 0; c < 2 * config.width() && states[i] != LatentBatch.HIDDEN; c++) {
            float v = (float) random.nextGaussian();
            input[i][c] = v;
            state
                .memory()
                .set(ValueLayout.JAVA_FLOAT, 4L * ((start + i) * 2 * config.width() + c), v);
          }
        }
        decoded.addAll(List.of(reference.decode(known)));
        denoised.addAll(List.of(reference.denoise(input, states, times)));
      }
      // A product in bf16 may turn a close decision.
      assertTrue(different <= (type == CpuOptions.ComputeType.F32 ? 0 : 3), different + " codes");

      Tensor logits = model.denoiserLogits(batch);
      double error =
          ReferenceHybrid.relativeError(
              rows(logits.memory(), spans.rows(), config.logits()), denoised);
      assertTrue(error <= bound, "denoiser: " + error);
      try (Arena arena = Arena.ofShared()) {
        MemorySegment out = arena.allocate(4L * spans.rows() * config.vocabulary(), 64);
        model.decoderLogits(spans, latents, out);
        error =
            ReferenceHybrid.relativeError(rows(out, spans.rows(), config.vocabulary()), decoded);
        assertTrue(error <= bound, "decoder: " + error);
      }
    }
  }

  /** A hole of one position keeps both sides apart, as sequences of their own are. */
  @Test
  void aSequenceHasTheSameBitsInAnyBatch() {
    TinyHybrid.write(folder, TinyHybrid.config(), DType.BF16, 3);
    for (CpuOptions.ComputeType type :
        List.of(CpuOptions.ComputeType.F32, CpuOptions.ComputeType.BF16)) {
      float[] first = null;
      for (int threads : new int[] {1, 2}) {
        try (Checkpoint checkpoint = Checkpoints.open(folder);
            CpuDevice device =
                CpuDevice.open(options(type, CpuOptions.Vector.AUTO).withThreads(threads))) {
          HybridDescription described = HybridFamily.describe(checkpoint);
          HybridModel model = new HybridModel(device, described.config(), described.weights());
          for (int[] others : new int[][] {{}, {3}, {24, 24, 1, 7}}) {
            float[] found = logits(device, model, others);
            first = first == null ? found : first;
            assertArrayEquals(first, found, type + " among " + Arrays.toString(others));
          }
        }
      }
    }
  }

  /** Logits of a sequence of 17 after others. */
  private static float[] logits(CpuDevice device, HybridModel model, int[] others) {
    int before = Arrays.stream(others).sum();
    int width = 2 * model.config().width();
    Tensor state = device.allocate(DType.F32, before + 17, width);
    Random random = new Random(5);
    for (int i = 0; i < 17 * width; i++) {
      state
          .memory()
          .set(ValueLayout.JAVA_FLOAT, 4L * (before * width + i), (float) random.nextGaussian());
    }
    LatentBatch batch = new LatentBatch();
    batch.use(state);
    for (int length : others) {
      int start = batch.addSequence(length);
      for (int i = 0; i < length; i++) {
        batch.see(start + i, start + i, i % 4, i % 5 / 5f);
      }
    }
    int at = batch.addSequence(17);
    for (int i = 0; i < 17; i++) {
      batch.see(at + i, at + i, i % 2, i % 2 == 1 ? 1 : 0.35f);
    }
    int n = model.config().logits();
    return model
        .denoiserLogits(batch)
        .memory()
        .asSlice(4L * at * n, 4L * 17 * n)
        .toArray(ValueLayout.JAVA_FLOAT);
  }
}
