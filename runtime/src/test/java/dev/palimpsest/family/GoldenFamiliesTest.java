/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.network.TransformerWeights;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.Checkpoints;
import dev.palimpsest.weights.ElementCodec;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Both formats of the golden checkpoints say the same. */
class GoldenFamiliesTest {
  static Path golden(String name) throws URISyntaxException {
    return Path.of(GoldenFamiliesTest.class.getResource("/goldens/" + name).toURI());
  }

  @ParameterizedTest
  @ValueSource(strings = {"llada-tiny", "dream-tiny"})
  void formatsAgree(String name) throws URISyntaxException {
    try (Checkpoint folder = Checkpoints.open(golden(name));
        Checkpoint gguf = Checkpoints.open(golden(name).resolve("model.gguf"))) {
      ModelDescription a = Families.describe(folder);
      ModelDescription b = Families.describe(gguf);
      boolean llada = name.startsWith("llada");
      assertEquals(Rope.Pairing.HALF_SPLIT, a.config().rope().pairing());
      assertEquals(
          llada ? Rope.Pairing.INTERLEAVED : Rope.Pairing.HALF_SPLIT, b.config().rope().pairing());
      assertEquals(a.config(), withPairing(b.config(), Rope.Pairing.HALF_SPLIT));

      TransformerWeights x = a.weights();
      TransformerWeights y = b.weights();
      HeadShape heads = a.config().heads();
      same(x.embedding(), y.embedding(), 0);
      same(x.outputNorm(), y.outputNorm(), 0);
      same(x.head(), y.head(), 0);
      int dim = llada ? heads.headDim() : 0;
      for (int i = 0; i < x.layers().size(); i++) {
        TransformerWeights.Layer p = x.layers().get(i);
        TransformerWeights.Layer q = y.layers().get(i);
        same(p.attentionNorm(), q.attentionNorm(), 0);
        same(p.query(), q.query(), dim);
        same(p.key(), q.key(), dim);
        same(p.value(), q.value(), 0);
        same(p.queryBias(), q.queryBias());
        same(p.keyBias(), q.keyBias());
        same(p.valueBias(), q.valueBias());
        assertEquals(!llada, p.queryBias().isPresent());
        same(p.output(), q.output(), 0);
        same(p.ffnNorm(), q.ffnNorm(), 0);
        same(p.gate(), q.gate(), 0);
        same(p.up(), q.up(), 0);
        same(p.down(), q.down(), 0);
      }
    }
  }

  @Test
  void lladaSaysWhatItIs() throws URISyntaxException {
    try (Checkpoint c = Checkpoints.open(golden("llada-tiny"))) {
      ModelConfig m = Families.describe(c).config();
      assertEquals("llada", m.family());
      assertEquals(new HeadShape(4, 4, 16), m.heads());
      assertEquals(new Rope(500_000, 16, Rope.Pairing.HALF_SPLIT), m.rope());
      assertEquals(1e-5f, m.normEpsilon());
      assertEquals(160, m.ffn());
      assertEquals(500, m.maskToken());
      assertEquals(1, m.endToken());
      assertEquals(false, m.shiftedLogits());
      assertEquals(Optional.empty(), Families.describe(c).chatFormat());
    }
  }

  @Test
  void dreamSaysWhatItIs() throws URISyntaxException {
    try (Checkpoint c = Checkpoints.open(golden("dream-tiny"))) {
      ModelConfig m = Families.describe(c).config();
      assertEquals("dream", m.family());
      assertEquals(new HeadShape(6, 2, 16), m.heads());
      assertEquals(true, m.shiftedLogits());
      assertEquals(true, m.queryKeyValueBias());
      assertEquals(501, m.maskToken());
    }
  }

  @Test
  void sdarSaysWhatItIs() throws URISyntaxException {
    try (Checkpoint c = Checkpoints.open(golden("sdar-tiny"))) {
      ModelConfig m = Families.describe(c).config();
      assertEquals("sdar", m.family());
      assertEquals(new HeadShape(4, 2, 16), m.heads());
      assertEquals(48, m.hidden());
      assertEquals(4, m.mask().blockLength());
      assertEquals(new Rope(1_000_000, 16, Rope.Pairing.HALF_SPLIT), m.rope());
      assertEquals(1e-6f, m.normEpsilon());
      assertEquals(true, m.qkNorm());
      assertEquals(false, m.queryKeyValueBias());
      assertEquals(false, m.shiftedLogits());
      assertEquals(500, m.maskToken());
      assertEquals(1, m.endToken());
    }
  }

  /** Away from its folder, a GGUF file knows its mask token but no end of text. */
  @Test
  void ggufAlone(@TempDir Path temp) throws Exception {
    Path alone = temp.resolve("model.gguf");
    Files.copy(
        golden("llada-tiny").resolve("model.gguf"), alone, StandardCopyOption.REPLACE_EXISTING);
    try (Checkpoint c = Checkpoints.open(alone)) {
      assertEquals(500, Families.describe(c).config().maskToken());
      assertEquals(-1, Families.describe(c).config().endToken());
    }
  }

  private static void same(Optional<WeightView> a, Optional<WeightView> b) {
    assertEquals(a.isPresent(), b.isPresent());
    if (a.isPresent()) {
      same(a.get(), b.get(), 0);
    }
  }

  /**
   * @param headDim if not 0, rows of {@code b} are in interleaved order: row 2j + h of a head is
   *     row h · headDim/2 + j of {@code a}
   */
  private static void same(WeightView a, WeightView b, int headDim) {
    assertEquals(a.shape(), b.shape(), a.name());
    int width = a.shape().size() == 1 ? 1 : a.dimension(1);
    float[] x = new float[width];
    float[] y = new float[width];
    for (int row = 0; row < a.dimension(0); row++) {
      int other = row;
      if (headDim > 0) {
        int r = row % headDim;
        other = row - r + 2 * (r % (headDim / 2)) + r / (headDim / 2);
      }
      ElementCodec.decode(a, (long) row * width, width, x);
      ElementCodec.decode(b, (long) other * width, width, y);
      assertArrayEquals(x, y, 0f, a.name() + " row " + row);
    }
  }

  private static ModelConfig withPairing(ModelConfig m, Rope.Pairing pairing) {
    return new ModelConfig(
        m.family(),
        m.layers(),
        m.hidden(),
        m.ffn(),
        m.vocabulary(),
        m.heads(),
        new Rope(m.rope().theta(), m.rope().dims(), pairing),
        m.mask(),
        m.normEpsilon(),
        m.qkNorm(),
        m.queryKeyValueBias(),
        m.outputBias(),
        m.tiedHead(),
        m.shiftedLogits(),
        m.maxPositions(),
        m.maskToken(),
        m.endToken(),
        m.padToken());
  }
}
