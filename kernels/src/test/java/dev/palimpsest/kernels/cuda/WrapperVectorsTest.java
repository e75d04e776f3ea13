/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.bindings.TensorMap;
import dev.palimpsest.kernels.cuda.WrapperVectors.Vector;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The emulator gives what a chip gave. */
class WrapperVectorsTest {
  /** System property: a file to write what this machine gives. */
  private static final String RECORD_PROPERTY = "palimpsest.test.vectors";

  /** Relative error of a product's sums, whose order and rounding are the chip's own. */
  private static final double NEAR = 1e-5;

  @BeforeEach
  void driver() {
    Emulator.required();
  }

  @Test
  void wrappersGiveWhatTheyGaveOnAChip() throws IOException {
    try (InputStream in = WrapperVectorsTest.class.getResourceAsStream("wrappers.tsv");
        WrapperVectors wrappers = new WrapperVectors()) {
      Assumptions.assumeTrue(in != null, "no chip has been recorded yet: no wrappers.tsv");
      compare(wrappers, new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList());
    }
  }

  /** What is recorded is reproduced, and a word that differs is found. */
  @Test
  void whatIsRecordedIsReproduced() throws IOException {
    try (WrapperVectors wrappers = new WrapperVectors()) {
      List<Vector> recorded = wrappers.record();
      String text = recorded.stream().map(Vector::line).collect(Collectors.joining("\n", "", "\n"));
      String chosen = System.getProperty(RECORD_PROPERTY, "");
      if (!chosen.isEmpty()) {
        Files.writeString(Path.of(chosen), text);
      }
      compare(wrappers, text.lines().toList());
      Vector first = recorded.getFirst();
      // 1 · 1 summed over k = 16, plus 1, by every lane.
      int[] ones = new int[320];
      for (int i = 0; i < ones.length; i++) {
        ones[i] = i % 10 < 6 ? 0x3F803F80 : Float.floatToRawIntBits(1);
      }
      Vector product =
          wrappers.again(new Vector("multiply_add", true, ones, first.out())).getFirst();
      for (int word : product.out()) {
        assertEquals(17f, Float.intBitsToFloat(word));
      }
      recorded.stream()
          .filter(vector -> vector.kernel().equals("multiply_group"))
          .forEach(WrapperVectorsTest::isTheProduct);
      for (Vector vector : recorded) {
        if (WrapperVectors.BOXES.containsKey(vector.kernel())) {
          isTheBox(WrapperVectors.BOXES.get(vector.kernel()), vector);
        }
      }
    }
  }

  /**
   * Thread t of four warps holds rows t / 32 · 16 + t % 32 / 4 (+ 8), columns 8 n + t % 4 · 2 (+
   * 1).
   */
  private static void isTheProduct(Vector vector) {
    for (int t = 0; t < 128; t++) {
      for (int i = 0; i < 32; i++) {
        int row = t / 32 * 16 + t % 32 / 4 + i % 4 / 2 * 8;
        int column = i / 4 * 8 + t % 4 * 2 + i % 2;
        double sum = 0;
        for (int k = 0; k < 64; k++) {
          sum += half(vector.in(), 64 * row + k) * half(vector.in(), 64 * 64 + 64 * column + k);
        }
        assertEquals(
            sum, Float.intBitsToFloat(vector.out()[32 * t + i]), 1e-4 * (1 + Math.abs(sum)));
      }
    }
  }

  /** The rows of a box one after the other; with a swizzle chunk c of row r is elsewhere in it. */
  private static void isTheBox(WrapperVectors.Box box, Vector vector) {
    int rank = box.box().size();
    int width = box.box().getFirst();
    boolean swizzled = box.swizzle() != TensorMap.Swizzle.NONE;
    boolean[] left = new boolean[2];
    for (int i = 0; i < box.bytes() / 2; i++) {
      int row = i / width;
      int from = 0;
      int stride = 1;
      boolean inside = true;
      int rest = i;
      for (int d = 0; d < rank; d++) {
        int at = box.first().get(d) + rest % box.box().get(d);
        rest /= box.box().get(d);
        inside &= at >= 0 && at < box.dimensions().get(d);
        from += at * stride;
        stride *= Math.toIntExact(box.dimensions().get(d));
      }
      left[inside ? 1 : 0] = true;
      int chunk = i % width / 8;
      int place = swizzled ? chunk ^ row / (128 / box.rowBytes()) % (box.rowBytes() / 16) : chunk;
      assertEquals(
          inside ? half(vector.in(), from) : 0,
          half(vector.out(), row * width + place * 8 + i % 8),
          vector.kernel() + ", element " + i);
    }
    assertTrue(left[0] && left[1], vector.kernel());
  }

  private static double half(int[] words, int i) {
    return Float.intBitsToFloat(i % 2 == 0 ? words[i / 2] << 16 : words[i / 2] & 0xFFFF0000);
  }

  private static void compare(WrapperVectors wrappers, List<String> lines) {
    assertTrue(lines.size() >= 28, lines.size() + " vectors");
    for (String line : lines) {
      Vector expected = Vector.parse(line);
      for (Vector found : wrappers.again(expected)) {
        if (expected.exact()) {
          assertArrayEquals(expected.out(), found.out(), expected.kernel());
        } else {
          for (int i = 0; i < expected.out().length; i++) {
            float x = Float.intBitsToFloat(expected.out()[i]);
            assertEquals(
                x,
                Float.intBitsToFloat(found.out()[i]),
                NEAR * (64 + Math.abs(x)),
                expected.kernel() + ", word " + i);
          }
        }
      }
    }
  }
}
