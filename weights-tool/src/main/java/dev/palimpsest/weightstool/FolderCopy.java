/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weightstool;

import dev.palimpsest.family.Family;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.weights.Checkpoint;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** A Hugging Face folder made from a checkpoint: what lies beside the weights. */
final class FolderCopy {

  private final Checkpoint source;
  private final Path folder;
  private final OutputFiles out;
  private final Path weights;
  private final List<Path> sidecars;

  /**
   * Claims all names before any work is done.
   *
   * @throws IllegalArgumentException if one is taken and {@code force} is not given
   */
  FolderCopy(Checkpoint source, Path folder, boolean force) {
    this.source = source;
    this.folder = folder;
    this.out = new OutputFiles(folder, force);
    this.weights = out.claim("model.safetensors");
    out.claim("config.json");
    this.sidecars = out.claimSidecars(source.files().getFirst().toAbsolutePath());
  }

  /** The file to write the tensors to. */
  Path weights() {
    return weights;
  }

  /** The source's description, in the words of a folder, for weights of {@code dtype}. */
  ObjectNode config(Family family, ModelConfig model, DType dtype) {
    ObjectNode json;
    if (source.format().equals("safetensors")) {
      json = (ObjectNode) source.metadata().deepCopy();
      json.remove("quantization_config");
    } else {
      json = family.configJson(model);
      JsonNode begin = source.metadata().path("tokenizer.ggml.bos_token_id");
      if (begin.isIntegralNumber()) {
        json.set("bos_token_id", begin);
      }
    }
    return json.put("torch_dtype", Synthesis.torchName(dtype));
  }

  /** Writes {@code config.json} and the tokenizer's files. */
  void write(ObjectNode config) {
    out.writeJson("config.json", config);
    out.copy(sidecars);
    JsonNode tokenizer = source.metadata().path(Conversion.EMBEDDED_TOKENIZER);
    if (tokenizer.isString() && !Files.exists(folder.resolve("tokenizer.json"))) {
      out.write("tokenizer.json", tokenizer.stringValue().getBytes(StandardCharsets.UTF_8));
    }
  }
}
