/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.EmbeddingTable;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.WeightView;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DequantizerTest {
  /** Random blocks with sane scales. */
  static WeightView quantised(Arena arena, DType type, long rows, long width) {
    MemorySegment memory = arena.allocate(type.bytes(rows * width) + 1, 64).asSlice(1);
    Random random = new Random(4);
    for (long i = 0; i < memory.byteSize(); i++) {
      memory.set(JAVA_BYTE, i, (byte) random.nextInt());
    }
    for (long at = 0; at < memory.byteSize(); at += type.blockBytes()) {
      memory.set(JAVA_SHORT_UNALIGNED, at, Float.floatToFloat16((random.nextFloat() - 0.5f) / 16));
    }
    return new WeightView("w", type, List.of(rows, width), memory);
  }

  /** One element, straight from the layout's description. */
  static float element(WeightView view, int i) {
    MemorySegment m = view.memory();
    long at = (long) (i / 32) * view.dtype().blockBytes();
    int in = i % 32;
    return switch (view.dtype()) {
      case F32 -> m.get(JAVA_FLOAT_UNALIGNED, 4L * i);
      case BF16 -> Float.intBitsToFloat(m.get(JAVA_SHORT_UNALIGNED, 2L * i) << 16);
      case F16 -> Float.float16ToFloat(m.get(JAVA_SHORT_UNALIGNED, 2L * i));
      case Q8_0 ->
          Float.float16ToFloat(m.get(JAVA_SHORT_UNALIGNED, at)) * m.get(JAVA_BYTE, at + 2 + in);
      case Q4_0 -> {
        int pair = m.get(JAVA_BYTE, at + 2 + in % 16) & 0xFF;
        int nibble = in < 16 ? pair % 16 : pair / 16;
        yield Float.float16ToFloat(m.get(JAVA_SHORT_UNALIGNED, at)) * (nibble - 8);
      }
      case I32, I8 -> throw new IllegalArgumentException();
    };
  }

  @Test
  void aKnownQ4BlockReadsAsWritten() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment m = arena.allocate(18);
      m.set(JAVA_SHORT_UNALIGNED, 0, Float.floatToFloat16(0.5f));
      m.set(JAVA_BYTE, 2, (byte) 0xF0); // element 0: nibble 0, element 16: nibble 15
      m.set(JAVA_BYTE, 17, (byte) 0x8A); // element 15: nibble 10, element 31: nibble 8
      WeightView view = new WeightView("w", DType.Q4_0, List.of(1L, 32L), m);
      float[] out = new float[32];
      Dequantizer.read(view, 0, 32, MemorySegment.ofArray(out), 0);
      assertEquals(-4f, out[0]);
      assertEquals(3.5f, out[16]);
      assertEquals(1f, out[15]);
      assertEquals(0f, out[31]);
    }
  }

  /** Whole rows, and a stretch that begins and ends within rows. */
  @Test
  void bytesAreMultipliedByTheScaleOfTheirRow() {
    try (Arena arena = Arena.ofConfined()) {
      byte[] bytes = {1, -128, 127, 3, 0, -5, 7, 8, -9, 10, 11, 12};
      float[] scales = {0.5f, 0.25f, 3};
      WeightView plain =
          new WeightView("w", DType.I8, List.of(3L, 4L), MemorySegment.ofArray(bytes));
      for (DType type : List.of(DType.F32, DType.F16, DType.BF16)) {
        WeightView view = plain.scaledBy(Fixture.view(arena, "w_scale", type, scales, 3, 1));
        for (int[] range : new int[][] {{0, 12}, {4, 4}, {3, 6}, {10, 2}}) {
          float[] out = new float[range[1]];
          Dequantizer.read(view, range[0], range[1], MemorySegment.ofArray(out), 0);
          for (int i = 0; i < out.length; i++) {
            assertEquals(bytes[range[0] + i] * scales[(range[0] + i) / 4], out[i]);
          }
        }
      }
      assertThrows(
          IllegalArgumentException.class, () -> Dequantizer.check("pack", plain, 4), "no scales");
      WeightView two = Fixture.view(arena, "two", DType.F32, new float[2], 2, 1);
      String message =
          assertThrows(IllegalArgumentException.class, () -> plain.scaledBy(two)).getMessage();
      assertTrue(message.contains("F32[2, 1]") && message.contains("I8[3, 4]"), message);
    }
  }

  @Test
  void embeddingsOfEveryDtypeReadAsTheirLayoutSays() {
    try (Arena arena = Arena.ofConfined();
        CpuDevice device = CpuDevice.open(CpuOptions.DEFAULT)) {
      int width = 96;
      int vocabulary = 7;
      for (DType type : List.of(DType.F32, DType.BF16, DType.F16, DType.Q8_0, DType.Q4_0)) {
        WeightView view =
            type.blockLength() > 1
                ? quantised(arena, type, vocabulary, width)
                : Fixture.view(
                    arena, "e", type, Fixture.gaussian(2, vocabulary * width), vocabulary, width);
        EmbeddingTable table = device.table(view);
        int[] tokens = {6, 0, 3};
        Tensor out = Fixture.empty(device, DType.F32, 3, width, 2);
        device.embed(table, tokens, 3, out);
        for (int i = 0; i < 3 * width; i++) {
          float expected = element(view, tokens[i / width] * width + i % width);
          assertEquals(expected, out.memory().get(JAVA_FLOAT, 4L * i), type + " " + i);
        }
        assertTrue(Fixture.guarded(out, 3));
        IllegalArgumentException e =
            assertThrows(
                IllegalArgumentException.class,
                () -> device.embed(table, new int[] {vocabulary}, 1, out));
        assertTrue(e.getMessage().contains("token 7"), e.getMessage());
      }
    }
  }

  @Test
  void rowsThatAreNotWholeBlocksAreRefused() {
    try (Arena arena = Arena.ofConfined();
        CpuDevice device = CpuDevice.open(CpuOptions.DEFAULT)) {
      WeightView view = new WeightView("odd", DType.Q8_0, List.of(4L, 8L), arena.allocate(34));
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> device.pack(view));
      assertTrue(e.getMessage().contains("odd"), e.getMessage());
      WeightView integers = new WeightView("ids", DType.I32, List.of(2L, 2L), arena.allocate(16));
      assertThrows(IllegalArgumentException.class, () -> device.table(integers));
    }
  }

  @Test
  void bfloat16RoundsToNearestEven() {
    assertEquals((short) 0x3F80, Bfloat16.of(1f));
    assertEquals((short) 0x3F80, Bfloat16.of(Float.intBitsToFloat(0x3F808000))); // tie to even
    assertEquals((short) 0x3F82, Bfloat16.of(Float.intBitsToFloat(0x3F818000))); // tie to even
    assertEquals((short) 0x3F81, Bfloat16.of(Float.intBitsToFloat(0x3F808001)));
    assertEquals((short) 0x7F80, Bfloat16.of(Float.MAX_VALUE));
    assertTrue(Float.isNaN(Bfloat16.toFloat(Bfloat16.of(Float.intBitsToFloat(0x7FFFFFFF)))));
  }
}
