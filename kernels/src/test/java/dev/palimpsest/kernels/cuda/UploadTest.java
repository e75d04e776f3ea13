/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static dev.palimpsest.kernels.cuda.CudaFixture.near;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.EmbeddingTable;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.kernels.cpu.Fixture;
import dev.palimpsest.kernels.cpu.Reference;
import dev.palimpsest.kernels.cuda.CudaOptions.ComputeType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Weights on their way to the device. */
class UploadTest {
  /** Several pinned buffers' worth, filled by several threads: rows arrive where they belong. */
  @Test
  void aTableOfManyBuffersArrivesWhole() {
    int width = 1024;
    int rows = 12_345;
    try (CudaFixture f = new CudaFixture(ComputeType.BF16)) {
      MemorySegment memory = f.arena.allocate(2L * rows * width, 64);
      for (int row = 0; row < rows; row++) {
        for (int i = 0; i < width; i++) {
          memory.setAtIndex(
              ValueLayout.JAVA_SHORT, (long) row * width + i, (short) (0x3F00 + (row + i) % 128));
        }
      }
      WeightView view = new WeightView("t", DType.BF16, List.of((long) rows, (long) width), memory);
      long before = f.device.loadedBytes();
      EmbeddingTable table = f.device.table(view);
      assertEquals(memory.byteSize(), f.device.loadedBytes() - before);
      int[] wanted = {0, 1, 4095, 4096, 8191, 8192, rows - 1};
      Tensor out = f.empty(DType.F32, wanted.length, width);
      f.device.embed(table, wanted, wanted.length, out);
      float[] found = f.read(out, wanted.length);
      for (int k = 0; k < wanted.length; k++) {
        for (int i = 0; i < width; i++) {
          float expected = Float.intBitsToFloat((0x3F00 + (wanted[k] + i) % 128) << 16);
          assertEquals(expected, found[k * width + i], "row " + wanted[k] + ", element " + i);
        }
      }
    }
  }

  /** Converted by several threads, and read from memory that only this thread may read. */
  @Test
  void largeMatricesAreConvertedWhoeverMayReadThem() {
    int in = 520;
    int out = 1100;
    float[] w = Fixture.gaussian(5, out * in);
    float[] x = Fixture.gaussian(6, in, DType.BF16);
    double[] expected = Reference.product(x, w, 1, in, out);
    try (CudaFixture f = new CudaFixture(ComputeType.BF16);
        Arena mine = Arena.ofConfined()) {
      float[] first = null;
      for (Arena arena : new Arena[] {f.arena, mine}) {
        PackedLinear map = f.device.pack(Fixture.view(arena, "w", DType.F32, w, out, in));
        float[] found = new float[out];
        f.device.logits(f.tensor(DType.BF16, x, in), 1, map, MemorySegment.ofArray(found));
        near("converted", found, expected, 4e-3);
        first = first == null ? found : first;
        assertArrayEquals(first, found);
      }
    }
  }

  /** Weights made on the device repeat the pattern, and nothing of the views is read. */
  @Test
  void weightsAreMadeOfAPattern() {
    try (CudaFixture f = new CudaFixture(ComputeType.BF16)) {
      int in = 16;
      int out = 5;
      float[] pattern = f.gaussian(1, 24);
      f.device.makeWeightsOf(Fixture.view(f.arena, "pattern", DType.F32, pattern, 24));
      float[] w = new float[out * in];
      for (int i = 0; i < w.length; i++) {
        w[i] = pattern[i % 24];
      }
      PackedLinear map =
          f.device.pack(Fixture.view(f.arena, "w", DType.BF16, new float[out * in], out, in));
      float[] x = f.gaussian(2, in);
      float[] found = new float[out];
      f.device.logits(f.tensor(DType.BF16, x, in), 1, map, MemorySegment.ofArray(found));
      near("made", found, Reference.product(x, w, 1, in, out), 4e-3);
      long used = f.device.freeBytes();
      f.device.free(map);
      // A driver takes and gives back memory in larger pieces.
      assertTrue(Emulator.chip() || f.device.freeBytes() > used);
      assertThrows(
          IllegalArgumentException.class,
          () -> f.device.makeWeightsOf(Fixture.view(f.arena, "odd", DType.F32, new float[3], 3)));
    }
  }

  /** The driver is never shown a fatbin that ends early. */
  @Test
  void damagedFatbinsAreRefusedByName() {
    byte[] whole = Fatbin.read("bias");
    assertEquals(whole, Fatbin.checked("bias.fatbin", whole));
    for (int bytes : new int[] {0, 15, 16, whole.length / 2, whole.length - 1}) {
      IllegalStateException e =
          assertThrows(
              IllegalStateException.class,
              () -> Fatbin.checked("bias.fatbin", Arrays.copyOf(whole, bytes)));
      assertTrue(e.getMessage().startsWith("bias.fatbin is "), e.getMessage());
      assertTrue(e.getMessage().contains("build the kernels module"), e.getMessage());
    }
    byte[] other = whole.clone();
    other[0] ^= 1;
    assertThrows(IllegalStateException.class, () -> Fatbin.checked("x", other));
    assertTrue(
        assertThrows(IllegalStateException.class, () -> Fatbin.read("none"))
            .getMessage()
            .contains("none.fatbin is not on the class path"));
  }
}
