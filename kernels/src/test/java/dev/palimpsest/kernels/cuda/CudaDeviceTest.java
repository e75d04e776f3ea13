/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.bindings.LibrarySearch;
import dev.palimpsest.bindings.LibrarySearch.Missing;
import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.EmbeddingTable;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.kernels.cpu.Fixture;
import dev.palimpsest.kernels.cuda.CudaOptions.ComputeType;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** What a CUDA device answers when it cannot be had, is misused, fails, and is closed. */
class CudaDeviceTest {
  @BeforeEach
  void emulator() {
    Emulator.required();
  }

  private static void missing(String words) {
    LibrarySearch<CudaDevice> answer = CudaDevice.find(CudaOptions.DEFAULT);
    String message = assertInstanceOf(Missing.class, answer).message();
    assertTrue(message.contains(words), message);
    Emulator.reset();
    assertEquals(0, Emulator.memoryUsed(), "what was opened halfway is given back");
  }

  @Test
  void whatCannotBeUsedIsAnAnswerThatSaysWhy() {
    // The first answer counts for the whole JVM: the driver must be found before it is broken.
    CudaDevice.find(CudaOptions.DEFAULT).orThrow().close();
    Emulator.devices(0);
    missing("knows 0 devices");
    Emulator.driverVersion(11080);
    missing("supports CUDA 11.8; 12.0 or later is needed: install a newer driver");
    Emulator.capability(75);
    missing("compute capability 7.5; 8.0 or later is needed");
    Emulator.moduleStatus(209);
    Emulator.capability(110);
    missing("its compute capability is 11.0; packed are 8.0");
    Emulator.moduleStatus(222);
    missing("the driver is too old to compile the PTX");
    Emulator.moduleStatus(200);
    missing("CUDA_ERROR_INVALID_IMAGE");
    LibrarySearch<CudaDevice> third = CudaDevice.find(CudaOptions.DEFAULT.withOrdinal(2));
    assertTrue(
        assertInstanceOf(Missing.class, third).message().contains("asked for number 2"),
        third.toString());
  }

  @Test
  void aModelThatDoesNotFitIsRefusedWithBothNumbers() {
    try (CudaFixture f = new CudaFixture(ComputeType.F32)) {
      Emulator.memory(Emulator.memoryUsed() + 4096);
      IllegalStateException e =
          assertThrows(IllegalStateException.class, () -> f.device.allocate(DType.F32, 1024, 1024));
      assertTrue(e.getMessage().contains("4194304 bytes"), e.getMessage());
      assertTrue(e.getMessage().contains("4096 of"), e.getMessage());
      // The device goes on.
      f.device.free(f.device.allocate(DType.F32, 1, 16));
    }
    Emulator.reset();
    assertEquals(0, Emulator.memoryUsed());
  }

  /** A kernel that faults takes the context with it; the JVM lives, and says what it was. */
  @Test
  void aKernelThatFaultsIsNamedWithItsShapes() {
    Emulator.only();
    try (CudaFixture f = new CudaFixture(ComputeType.F32)) {
      Tensor x = f.tensor(DType.F32, new float[48], 24);
      Tensor w = f.device.vector(Fixture.view(f.arena, "w", DType.F32, new float[24], 24));
      // An index that the host has checked turns bad on its way.
      Tensor gone = f.device.allocate(DType.F32, 2, 24);
      Modules modules = new Modules(new CudaContext(0, true));
      Kernel norm =
          modules.kernel(
              "norm",
              "rms_norm_f32",
              256,
              128,
              "x*",
              "index*",
              "weight*",
              "out*",
              "width",
              "eps_f");
      IllegalStateException e =
          assertThrows(
              IllegalStateException.class,
              () ->
                  norm.set(0, x.memory())
                      .set(1, 0L)
                      .set(2, w.memory())
                      .set(3, gone.memory())
                      .set(4, 24)
                      .set(5, 1e-5f)
                      .launch(900));
      assertTrue(e.getMessage().contains("rms_norm_f32"), e.getMessage());
      assertTrue(e.getMessage().contains("grid 900 x 1 x 1"), e.getMessage());
      assertTrue(e.getMessage().contains("width=24, eps=1.0E-5"), e.getMessage());
      assertThrows(RuntimeException.class, () -> f.device.rmsNorm(x, 2, w, 1e-5f, gone));
    }
    Emulator.reset();
    assertEquals(0, Emulator.memoryUsed());
  }

  @Test
  void wrongShapesAreRefusedByTheNameOfTheOp() {
    try (CudaFixture f = new CudaFixture(ComputeType.BF16);
        CudaFixture stranger = new CudaFixture(ComputeType.BF16)) {
      CudaDevice device = f.device;
      DType type = device.computeType();
      WeightView w = Fixture.view(f.arena, "w", DType.F32, new float[8 * 16], 8, 16);
      WeightView flat = Fixture.view(f.arena, "flat", DType.F32, new float[16], 16);
      PackedLinear map = device.pack(w);
      PackedLinear gated = device.packGated(w, w);
      Tensor x = device.allocate(type, 4, 16);
      Tensor wide = device.allocate(DType.F32, 4, 16);
      Tensor out = device.allocate(DType.F32, 4, 8);
      Tensor row = device.vector(flat);
      Tensor foreign = stranger.device.allocate(type, 4, 16);
      HeadShape shape = new HeadShape(2, 1, 4);
      RowSpans five = new RowSpans();
      five.add(5);

      refused("pack", () -> device.pack());
      refused("flat", () -> device.pack(flat));
      refused(
          "shapes",
          () -> device.pack(w, Fixture.view(f.arena, "v", DType.F32, new float[8], 2, 4)));
      refused("allocate", () -> device.allocate(DType.Q8_0, 1, 32));
      refused("allocate", () -> device.allocate(DType.F32, 0, 32));
      refused("linear: x", () -> device.linear(x, 5, map, out));
      refused("linear: x", () -> device.linear(out, 4, map, out));
      refused("linear: x was not allocated", () -> device.linear(foreign, 4, map, out));
      refused("linear: out", () -> device.linear(x, 4, map, wide));
      refused("linear: bias", () -> device.linear(x, 4, map, row, out));
      refused("another device", () -> device.linear(x, 4, stranger.device.pack(w), out));
      refused("packGated", () -> device.linear(x, 4, gated, out));
      refused("packGated", () -> device.gatedSilu(x, 4, map, device.allocate(type, 4, 8)));
      refused("rmsNorm: weight", () -> device.rmsNorm(out, 4, row, 1e-5f, out));
      refused("rmsNormRows: index", () -> device.rmsNormRows(wide, new int[] {4}, 1, row, 0, x));
      refused("embed: token 8", () -> device.embed(device.table(w), new int[] {8}, 1, wide));
      refused("embed", () -> device.embed(stranger.device.table(w), new int[] {1}, 1, wide));
      refused(
          "rotate: positions",
          () ->
              device.rotate(
                  wide, 1, shape, new Rope(10, 4, Rope.Pairing.INTERLEAVED), new int[] {-1}));
      refused(
          "attention: fused", () -> device.attention(wide, shape, five, AttentionMask.FULL, out));
      refused("logits", () -> device.logits(x, 4, map, MemorySegment.ofArray(new float[31])));
      PredictionRows wanted = new PredictionRows();
      wanted.add(4, Sampling.GREEDY, 0, 0, 0);
      refused("predict: entry 0", () -> device.predict(x, 4, map, wanted, new Predictions()));
    }
  }

  private static void refused(String word, Executable call) {
    IllegalArgumentException e = assertThrows(IllegalArgumentException.class, call);
    assertTrue(e.getMessage().contains(word), e.getMessage());
  }

  @Test
  void freedTensorsAndClosedDevicesAnswerWithAnException() {
    CudaFixture f = new CudaFixture(ComputeType.F32);
    CudaDevice device = f.device;
    PackedLinear map = device.pack(Fixture.view(f.arena, "w", DType.F32, new float[8 * 16], 8, 16));
    Tensor x = device.allocate(DType.F32, 4, 16);
    Tensor out = device.allocate(DType.F32, 4, 8);
    device.linear(x, 4, map, out);
    Tensor gone = device.allocate(DType.F32, 4, 16);
    device.free(gone);
    device.free(gone);
    assertThrows(IllegalStateException.class, () -> device.linear(gone, 4, map, out));
    f.close();
    device.close();
    assertThrows(IllegalStateException.class, () -> device.linear(x, 4, map, out));
    assertThrows(IllegalStateException.class, () -> device.allocate(DType.F32, 1, 1));
    assertThrows(IllegalStateException.class, () -> device.free(x));
    assertEquals(0, Emulator.memoryUsed());
  }

  /** What the last call brought already is not copied to the device again. */
  @Test
  void aStepsInputIsUploadedOnce() {
    try (CudaFixture f = new CudaFixture(ComputeType.F32)) {
      Tensor x = f.tensor(DType.F32, new float[3 * 16], 16);
      HeadShape shape = new HeadShape(2, 1, 4);
      Rope rope = new Rope(10, 4, Rope.Pairing.HALF_SPLIT);
      f.device.rotate(x, 3, shape, rope, new int[] {0, 1, 2});
      long copies = Emulator.copies();
      f.device.rotate(x, 3, shape, rope, new int[] {0, 1, 2});
      f.device.rotate(x, 2, shape, rope, new int[] {0, 1});
      assertEquals(copies, Emulator.copies());
      f.device.rotate(x, 3, shape, rope, new int[] {0, 1, 3});
      assertEquals(copies + 1, Emulator.copies());
    }
  }

  /** Embeds, normalises and multiplies; what varies is the tokens and the rows. */
  private static float[] step(CudaFixture f, Model m, int[] tokens) {
    f.device.embed(m.table, tokens, tokens.length, m.x);
    f.device.rmsNorm(m.x, tokens.length, m.weight, 1e-5f, m.normed);
    float[] logits = new float[tokens.length * 8];
    f.device.logits(m.normed, tokens.length, m.map, MemorySegment.ofArray(logits));
    return logits;
  }

  private record Model(
      EmbeddingTable table, Tensor x, Tensor weight, Tensor normed, PackedLinear map) {
    static Model on(CudaFixture f) {
      float[] w = Fixture.gaussian(1, 8 * 16);
      return new Model(
          f.device.table(Fixture.view(f.arena, "t", DType.F32, w, 8, 16)),
          f.device.allocate(DType.F32, 9, 16),
          f.device.vector(Fixture.view(f.arena, "w", DType.F32, Fixture.gaussian(2, 16), 16)),
          f.device.allocate(f.type, 9, 16),
          f.device.pack(Fixture.view(f.arena, "m", DType.F32, w, 8, 16)));
    }
  }

  /** Steps of the same launches are replayed as a graph, with what is new in them. */
  @Test
  void stepsThatRepeatAreReplayedAsGraphs() {
    try (CudaFixture one = new CudaFixture(ComputeType.BF16, true);
        CudaFixture f = new CudaFixture(ComputeType.BF16, false)) {
      Model byOne = Model.on(one);
      Model model = Model.on(f);
      long before = Emulator.graphLaunches();
      for (int i = 0; i < 6; i++) {
        int[] tokens = {i, 7 - i, 3};
        assertArrayEquals(step(one, byOne, tokens), step(f, model, tokens), "step " + i);
      }
      // The first time they are launched one by one; the checked device never makes a graph.
      Emulator.replayed(5, before);
      // Other shapes are other launches; the old ones are remembered.
      assertArrayEquals(step(one, byOne, new int[] {1, 2}), step(f, model, new int[] {1, 2}));
      Emulator.replayed(5, before);
      assertArrayEquals(step(one, byOne, new int[] {4, 4, 4}), step(f, model, new int[] {4, 4, 4}));
      Emulator.replayed(6, before);
    }
  }

  /**
   * As tokens are committed fewer rows are predicted; what comes before is one replay all the same.
   */
  @Test
  void layersAreReplayedHoweverManyRowsArePredicted() {
    try (CudaFixture f = new CudaFixture(ComputeType.BF16, false)) {
      Model m = Model.on(f);
      long before = Emulator.graphLaunches();
      for (int wanted = 5; wanted > 0; wanted--) {
        f.device.embed(m.table, new int[] {wanted, 1, 2, 3, 4, 5}, 6, m.x);
        f.device.rmsNorm(m.x, 6, m.weight, 1e-5f, m.x);
        f.device.rmsNormRows(m.x, new int[] {0, 1, 2, 3, 4}, wanted, m.weight, 1e-5f, m.normed);
        float[] logits = new float[wanted * 8];
        f.device.logits(m.normed, wanted, m.map, MemorySegment.ofArray(logits));
      }
      Emulator.replayed(4, before);
    }
  }

  /** A second input in the same step waits for the launches that read the first. */
  @Test
  void inputOfAKeptLaunchIsNotOverwritten() {
    try (CudaFixture f = new CudaFixture(ComputeType.F32, false)) {
      Model m = Model.on(f);
      Tensor other = f.device.allocate(DType.F32, 9, 16);
      // The tokens lie on the device from a step that is over; the launch that reads them is kept.
      step(f, m, new int[] {1, 2, 3});
      f.device.embed(m.table, new int[] {1, 2, 3}, 3, m.x);
      f.device.embed(m.table, new int[] {4, 5, 6}, 3, other);
      float[] first = new float[24];
      f.device.logits(m.x, 3, m.map, MemorySegment.ofArray(first));
      f.device.embed(m.table, new int[] {1, 2, 3}, 3, m.x);
      float[] again = new float[24];
      f.device.logits(m.x, 3, m.map, MemorySegment.ofArray(again));
      assertArrayEquals(again, first);
    }
  }
}
