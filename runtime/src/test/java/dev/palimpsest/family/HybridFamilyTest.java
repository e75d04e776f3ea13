/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.network.HybridConfig;
import dev.palimpsest.network.TinyHybrid;
import dev.palimpsest.process.latent.NoisePath;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.CheckpointException;
import dev.palimpsest.weights.Checkpoints;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** What a hybrid checkpoint may say, and what is refused by name. */
class HybridFamilyTest {
  @TempDir Path folder;

  @BeforeEach
  void write() {
    TinyHybrid.write(folder, TinyHybrid.config(), DType.F32, 1);
  }

  private ObjectNode config() throws IOException {
    return (ObjectNode)
        JsonMapper.shared().readTree(Files.readString(folder.resolve("config.json")));
  }

  private void config(ObjectNode config) throws IOException {
    Files.writeString(folder.resolve("config.json"), config.toString());
  }

  private String refusal() {
    try (Checkpoint checkpoint = Checkpoints.open(folder)) {
      return assertThrows(CheckpointException.class, () -> HybridFamily.describe(checkpoint))
          .getMessage();
    }
  }

  @ParameterizedTest
  @EnumSource(NoisePath.class)
  void whatIsWrittenIsReadBack(NoisePath path) {
    for (int half : new int[] {0, 2}) {
      HybridConfig config = TinyHybrid.config(path, half);
      TinyHybrid.write(folder, config, DType.F32, 1);
      try (Checkpoint checkpoint = Checkpoints.open(folder)) {
        assertTrue(HybridFamily.is(checkpoint));
        assertEquals(config, HybridFamily.describe(checkpoint).config());
        assertEquals(
            half > 0,
            HybridFamily.describe(checkpoint).weights().denoiser().resampling().isPresent());
        assertTrue(
            assertThrows(CheckpointException.class, () -> Families.describe(checkpoint))
                .getMessage()
                .contains("is \"palimpsest-hybrid\", a latent model of two networks"));
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "vocab_size | null | vocab_size is missing",
        "latent_groups | 0 | latent_groups is 0",
        "latent_codes | \"x\" | latent_codes is",
        "latent_width | 13 | has shape",
        "latent_path | \"spiral\" | latent_path is",
        "vq_hidden | 41 | vq_heads is 2, which does not divide",
        "heads | 5 | heads is 5, which does not divide hidden",
        "heads | 16 | wants an even number",
        "norm_groups | 7 | norm_groups is 7, which does not divide",
        "blocks_half | 3 | denoiser.modulation.weight has shape",
        "time_features | 15 | time_features is 15",
        "trained_length | 65 | trained_length is 65",
        "rms_norm_eps | 0 | rms_norm_eps is 0",
        "mask_token_id | null | mask_token_id is",
        "mask_token_id | 47 | mask_token_id is 47",
        "dropout_of_mine | 0.5 | field dropout_of_mine",
        "sampling | 3 | sampling is 3",
        "sampling | {\"steps\": 0} | steps is 0",
        "sampling | {\"grid\": [0.5, 0.2]} | grid is",
        "sampling | {\"grid\": [0, 1]} | grid is",
        "sampling | {\"quantiles\": [0.3]} | quantiles is",
        "sampling | {\"solver\": \"heun\"} | solver is",
        "sampling | {\"churn\": 2} | churn is 2",
        "sampling | {\"refine_time\": 1} | refine_time is 1",
        "sampling | {\"luck\": 7} | field luck",
      })
  void fieldsAreReadOrRefusedByName(String key, String value, String message) throws IOException {
    ObjectNode config = config();
    JsonNode json = JsonMapper.shared().readTree(value);
    config.set(key, json);
    config(config);
    String found = refusal();
    assertTrue(found.contains(message), found);
  }

  @Test
  void tensorsAreCheckedByName() throws IOException {
    Map<String, List<Long>> shapes = HybridTensors.shapes(TinyHybrid.config());
    assertEquals(List.of(4L, 48L), shapes.get("denoiser.pool.taps"));
    assertEquals(List.of(38L, 12L), shapes.get("vq.codebook"));
    ObjectNode config = config();
    config.put("vq_decoder_layers", 3);
    config(config);
    assertTrue(refusal().contains("tensor vq.decoder.layers.2.attention_norm is missing"));
    config.put("vq_decoder_layers", 1);
    config(config);
    String left = refusal();
    assertTrue(left.contains("vq.decoder.layers.1.attention_norm"), left);
    assertTrue(left.contains("no role"), left);
  }
}
