/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.network;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.family.HybridDescription;
import dev.palimpsest.family.HybridFamily;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.SolverStep;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.kernels.cpu.CpuDevice;
import dev.palimpsest.kernels.cpu.CpuOptions;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.Checkpoints;
import dev.palimpsest.weights.ElementCodec;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The networks against what the trainer's libtorch makes of the same weights. */
class HybridGoldenTest {
  private static final int CASES = 4;

  private static Path folder() {
    try {
      return Path.of(HybridGoldenTest.class.getResource("/goldens/latent-tiny").toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  @ParameterizedTest
  @CsvSource({"F32, AUTO, 1e-5", "F32, OFF, 1e-5", "BF16, AUTO, 2e-2"})
  void agreesWithTheTrainer(CpuOptions.ComputeType type, CpuOptions.Vector vector, double bound) {
    CpuOptions options = CpuOptions.DEFAULT.withThreads(2).withComputeType(type).withVector(vector);
    try (Checkpoint checkpoint = Checkpoints.open(folder().resolve("model.safetensors"));
        Checkpoint cases = Checkpoints.open(folder().resolve("cases.safetensors"));
        CpuDevice device = CpuDevice.open(options)) {
      HybridDescription described = HybridFamily.describe(checkpoint);
      HybridModel model = new HybridModel(device, described.config(), described.weights());
      for (int c = 0; c < CASES; c++) {
        String at = "case" + c + ".";
        codes(cases, at, model, type == CpuOptions.ComputeType.F32);
        denoiser(cases, at, device, model, bound);
        decoder(cases, at, device, model, bound);
      }
    }
  }

  /** Holes are left out: every run of known positions is a sequence of its own. */
  private static void codes(Checkpoint cases, String at, HybridModel model, boolean exact) {
    float[] ids = read(cases, at + "ids");
    float[] known = read(cases, at + "known");
    float[] expected = read(cases, at + "codes");
    RowSpans spans = new RowSpans();
    int[] tokens = new int[ids.length];
    int[] positions = new int[ids.length];
    for (int i = 0; i < ids.length; i++) {
      int from = i;
      while (i < ids.length && known[i] != 0) {
        tokens[spans.rows() + i - from] = (int) ids[i];
        positions[spans.rows() + i - from] = i;
        i++;
      }
      if (i > from) {
        spans.add(i - from);
      }
    }
    if (spans.rows() == 0) {
      return;
    }
    int[] found = model.codes(spans, tokens);
    int groups = model.config().groups();
    int different = 0;
    for (int i = 0; i < spans.rows() * groups; i++) {
      float code = expected[positions[i / groups] * groups + i % groups];
      different += found[i] == code % model.config().codes() ? 0 : 1;
    }
    assertTrue(different <= (exact ? 0 : 1), at + " " + different + " codes differ");
  }

  private static void denoiser(
      Checkpoint cases, String at, CpuDevice device, HybridModel model, double bound) {
    HybridConfig config = model.config();
    int width = config.width();
    float[] z = read(cases, at + "z");
    float[] x0 = read(cases, at + "x0");
    float[] states = read(cases, at + "states");
    float[] times = read(cases, at + "times");
    int rows = states.length;
    Tensor state = device.allocate(DType.F32, rows, 2 * width);
    LatentBatch batch = new LatentBatch();
    batch.use(state);
    batch.addSequence(rows);
    for (int i = 0; i < rows; i++) {
      MemorySegment.copy(
          z, i * width, state.memory(), ValueLayout.JAVA_FLOAT, 8L * i * width, width);
      MemorySegment.copy(
          x0,
          i * width,
          state.memory(),
          ValueLayout.JAVA_FLOAT,
          8L * i * width + 4L * width,
          width);
      batch.see(i, i, (int) states[i], times[i]);
    }
    float[] logits = floats(model.denoiserLogits(batch).memory(), rows * config.logits());
    check(at + "logits", logits, read(cases, at + "logits"), bound);

    // A step of a solver that keeps nothing but the estimate.
    batch.wanted().clear();
    for (int i = 0; i < rows; i++) {
      batch.wanted().add(i, -1, 0, 1, i, new SolverStep(0, 1, 0, 0), 0, 0, i);
    }
    model.forward(batch);
    float[] after = floats(state.memory(), 2 * rows * width);
    float[] estimates = new float[rows * width];
    for (int i = 0; i < rows; i++) {
      System.arraycopy(after, 2 * i * width, estimates, i * width, width);
    }
    check(at + "expected", estimates, read(cases, at + "expected"), bound);
  }

  private static void decoder(
      Checkpoint cases, String at, CpuDevice device, HybridModel model, double bound) {
    float[] z = read(cases, at + "z");
    float[] expected = read(cases, at + "decoded");
    int width = model.config().width();
    RowSpans spans = new RowSpans();
    spans.add(z.length / width);
    Tensor latents = device.allocate(DType.F32, spans.rows(), width);
    MemorySegment.copy(z, 0, latents.memory(), ValueLayout.JAVA_FLOAT, 0, z.length);
    try (Arena arena = Arena.ofShared()) {
      MemorySegment out = arena.allocate(4L * expected.length, 64);
      model.decoderLogits(spans, latents, out);
      check(at + "decoded", floats(out, expected.length), expected, bound);
    }
  }

  private static void check(String what, float[] found, float[] expected, double bound) {
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < expected.length; i++) {
      difference += Math.pow((double) found[i] - expected[i], 2);
      norm += Math.pow(expected[i], 2);
    }
    double error = Math.sqrt(difference / norm);
    assertTrue(error <= bound, what + ": relative L2 " + error);
  }

  private static float[] floats(MemorySegment memory, int n) {
    return memory.asSlice(0, 4L * n).toArray(ValueLayout.JAVA_FLOAT);
  }

  private static float[] read(Checkpoint cases, String name) {
    WeightView view = cases.tensor(name);
    float[] out = new float[(int) view.elements()];
    assertEquals(DType.F32, view.dtype());
    ElementCodec.decode(view, 0, out.length, out);
    return Arrays.copyOf(out, out.length);
  }
}
