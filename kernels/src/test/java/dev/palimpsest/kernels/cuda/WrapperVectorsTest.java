/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
    }
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
                NEAR * (16 + Math.abs(x)),
                expected.kernel() + ", word " + i);
          }
        }
      }
    }
  }
}
