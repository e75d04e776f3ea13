/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.llamacpp;

import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.Checkpoints;
import dev.palimpsest.weights.GgufWriter;
import dev.palimpsest.weights.TensorSink;
import dev.palimpsest.weights.TensorSpec;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * A causal model of the same size as a diffusion model: its very tensors under the architecture it
 * was derived from, which llama.cpp runs token by token with a cache of keys and values.
 */
public final class CausalTwin {
  private static final String ARCHITECTURE = "general.architecture";
  private static final Map<String, String> CAUSAL = Map.of("llada", "llama", "dream", "qwen2");

  private CausalTwin() {}

  /**
   * Writes the twin of a GGUF file.
   *
   * @param out the file to write, of the same size
   * @throws PeerException if the architecture has no causal twin
   */
  public static void write(Path gguf, Path out) {
    try (Checkpoint source = Checkpoints.open(gguf)) {
      JsonNode metadata = source.metadata();
      String diffusion = metadata.path(ARCHITECTURE).stringValue("");
      String causal = CAUSAL.get(diffusion);
      if (causal == null) {
        throw new PeerException(
            gguf
                + ": no causal architecture is known for '"
                + diffusion
                + "' (known are "
                + CAUSAL.keySet().stream().sorted().toList()
                + " in GGUF); name a model with --causal-model");
      }
      ObjectNode renamed = JsonNodeFactory.instance.objectNode();
      for (Map.Entry<String, JsonNode> pair : metadata.properties()) {
        String key = pair.getKey();
        if (!key.equals(diffusion + ".attention.causal")) {
          renamed.set(
              key.startsWith(diffusion + ".") ? causal + key.substring(diffusion.length()) : key,
              pair.getValue());
        }
      }
      renamed.put(ARCHITECTURE, causal);
      List<TensorSpec> specs =
          source.tensors().values().stream()
              .map(view -> new TensorSpec(view.name(), view.dtype(), view.shape()))
              .toList();
      try (TensorSink sink = GgufWriter.open(out.toAbsolutePath(), renamed, specs)) {
        for (WeightView view : source.tensors().values()) {
          sink.write(view.memory());
        }
        sink.commit();
      }
    }
  }
}
