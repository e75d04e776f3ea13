/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.WeightView;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a device answers when it is opened, misused and closed. */
class CpuDeviceTest {
  static List<CpuOptions> devices() {
    return Fixture.everyDevice().toList();
  }

  @Test
  void itTellsWhoComputes() {
    try (CpuDevice device =
        CpuDevice.open(
            CpuOptions.DEFAULT
                .withThreads(3)
                .withGemm(CpuOptions.Gemm.PLAIN)
                .withVector(CpuOptions.Vector.OFF))) {
      assertEquals(DType.F32, device.computeType());
      assertEquals("cpu, 3 threads, f32 by plain Java, plain Java", device.describe());
    }
    try (CpuDevice device =
        CpuDevice.open(
            CpuOptions.DEFAULT
                .withThreads(1)
                .withGemm(CpuOptions.Gemm.PLAIN)
                .withVector(CpuOptions.Vector.OFF)
                .withWeights(CpuOptions.Weights.INT8))) {
      assertEquals(DType.F32, device.computeType());
      assertEquals(
          "cpu, 1 thread, int8 by plain Java, f32 between products, plain Java", device.describe());
    }
    assertThrows(IllegalArgumentException.class, () -> CpuOptions.DEFAULT.withThreads(-1));
    assertThrows(
        IllegalArgumentException.class,
        () ->
            CpuOptions.DEFAULT.withGemm(CpuOptions.Gemm.VECTOR).withVector(CpuOptions.Vector.OFF));
  }

  @ParameterizedTest
  @MethodSource("devices")
  void wrongShapesAreRefusedByTheNameOfTheOp(CpuOptions options) {
    try (CpuDevice device = CpuDevice.open(options);
        CpuDevice stranger = CpuDevice.open(options);
        Arena arena = Arena.ofShared()) {
      DType type = device.computeType();
      WeightView w = Fixture.view(arena, "w", DType.F32, new float[8 * 16], 8, 16);
      WeightView flat = Fixture.view(arena, "flat", DType.F32, new float[16], 16);
      PackedLinear map = device.pack(w);
      PackedLinear gated = device.packGated(w, w);
      PackedLinear foreign = stranger.pack(w);
      Tensor x = device.allocate(type, 4, 16);
      Tensor wide = device.allocate(DType.F32, 4, 16);
      Tensor out = device.allocate(DType.F32, 4, 8);
      Tensor row = device.vector(flat);
      HeadShape shape = new HeadShape(2, 1, 4);
      RowSpans five = new RowSpans();
      five.add(5);
      Rope rope = new Rope(10_000, 8, Rope.Pairing.HALF_SPLIT);

      refused("pack", () -> device.pack());
      refused("flat", () -> device.pack(flat));
      refused(
          "shapes", () -> device.pack(w, Fixture.view(arena, "v", DType.F32, new float[8], 2, 4)));
      refused("allocate", () -> device.allocate(DType.Q8_0, 1, 32));
      refused("allocate", () -> device.allocate(DType.F32, 0, 32));
      refused("linear: x", () -> device.linear(x, 5, map, out));
      refused("linear: x", () -> device.linear(out, 4, map, out));
      refused("linear: out", () -> device.linear(x, 4, map, wide));
      refused("linear: bias", () -> device.linear(x, 4, map, row, out));
      refused("another device", () -> device.linear(x, 4, foreign, out));
      refused("packGated", () -> device.linear(x, 4, gated, out));
      refused("packGated", () -> device.gatedSilu(x, 4, map, device.allocate(type, 4, 8)));
      refused("rmsNorm: weight", () -> device.rmsNorm(out, 4, row, 1e-5f, out));
      refused("rmsNormRows: index", () -> device.rmsNormRows(wide, new int[] {4}, 1, row, 0, x));
      refused("embed: token", () -> device.embed(device.table(w), new int[] {8}, 1, wide));
      refused("embed", () -> device.embed(stranger.table(w), new int[] {1}, 1, wide));
      refused("rotate", () -> device.rotate(wide, 4, shape, rope, new int[4]));
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

  @ParameterizedTest
  @MethodSource("devices")
  void freedTensorsAndClosedDevicesAnswerWithAnException(CpuOptions options) {
    Arena arena = Arena.ofShared();
    WeightView w = Fixture.view(arena, "w", DType.F32, new float[8 * 16], 8, 16);
    CpuDevice device = CpuDevice.open(options);
    PackedLinear map = device.pack(w);
    Tensor x = device.allocate(device.computeType(), 4, 16);
    Tensor out = device.allocate(DType.F32, 4, 8);
    device.linear(x, 4, map, out);
    Tensor gone = device.allocate(device.computeType(), 4, 16);
    device.free(gone);
    device.free(gone);
    assertThrows(IllegalStateException.class, () -> device.linear(gone, 4, map, out));
    Tensor table = device.allocate(DType.F32, 4, 16);
    var embeddings = device.table(w);
    arena.close();
    assertThrows(
        IllegalStateException.class, () -> device.embed(embeddings, new int[] {1}, 1, table));
    device.close();
    device.close();
    assertThrows(IllegalStateException.class, () -> device.linear(x, 4, map, out));
    assertThrows(IllegalStateException.class, () -> device.allocate(DType.F32, 1, 1));
    assertThrows(IllegalStateException.class, () -> device.free(x));
    assertThrows(
        IllegalStateException.class,
        () -> device.predict(x, 1, map, new PredictionRows(), new Predictions()));
  }

  /** Products work on bare addresses: without mutual exclusion the JVM would crash. */
  @ParameterizedTest
  @MethodSource("devices")
  void closingWaitsForTheOpThatRunsInAnotherThread(CpuOptions options) throws Exception {
    for (int round = 0; round < 5; round++) {
      CpuDevice device = CpuDevice.open(options);
      try (Arena arena = Arena.ofShared()) {
        WeightView w = Fixture.view(arena, "w", DType.F32, new float[512 * 256], 512, 256);
        PackedLinear map = device.pack(w);
        Tensor x = device.allocate(device.computeType(), 200, 256);
        Tensor out = device.allocate(DType.F32, 200, 512);
        CountDownLatch running = new CountDownLatch(3);
        CompletableFuture<Void> answer =
            CompletableFuture.runAsync(
                () -> {
                  while (true) {
                    device.linear(x, 200, map, out);
                    running.countDown();
                  }
                });
        running.await();
        device.close();
        Throwable told = answer.<Throwable>handle((r, e) -> e.getCause()).get();
        assertTrue(told.getMessage().contains("closed"), told.toString());
      }
    }
  }

  /** The answer is an exception or the logits, never a write into memory that is gone. */
  @ParameterizedTest
  @MethodSource("devices")
  void logitsWriteToSharedMemoryByCheckedCopiesAlone(CpuOptions options) {
    try (CpuDevice device = CpuDevice.open(options);
        Arena arena = Arena.ofShared()) {
      WeightView w = Fixture.view(arena, "w", DType.F32, Fixture.gaussian(1, 512 * 64), 512, 64);
      PackedLinear map = device.pack(w);
      Tensor x =
          Fixture.tensor(
              device,
              device.computeType(),
              Fixture.gaussian(2, 33 * 64, device.computeType()),
              64,
              0);
      MemorySegment heap = MemorySegment.ofArray(new float[33 * 512]);
      device.logits(x, 33, map, heap);
      try (Arena mine = Arena.ofConfined()) {
        MemorySegment out = mine.allocate(4L * 33 * 512, 4);
        device.logits(x, 33, map, out);
        assertEquals(-1, heap.mismatch(out));
      }
      MemorySegment out = arena.allocate(4L * 33 * 512, 4);
      device.logits(x, 33, map, out);
      assertEquals(-1, heap.mismatch(out));
      Arena gone = Arena.ofShared();
      MemorySegment dead = gone.allocate(4L * 33 * 512, 4);
      gone.close();
      assertThrows(IllegalStateException.class, () -> device.logits(x, 33, map, dead));
    }
  }
}
