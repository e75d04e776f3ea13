/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weights;

import dev.palimpsest.kernels.WeightView;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/**
 * A model's files, mapped and checked: tensors by name, and what the files say about the model.
 * Opening reads headers only; pages come in when a backend packs them.
 *
 * <p>Closing unmaps: views must not be used afterwards.
 */
public interface Checkpoint extends AutoCloseable {
  /** Where it was opened from: a folder or a file. */
  Path path();

  /** {@code "safetensors"} or {@code "gguf"}. */
  String format();

  /** All tensors by their names in the file, in file order. */
  Map<String, WeightView> tensors();

  /**
   * The model's description: a safetensors folder's {@code config.json}, or a GGUF file's key/value
   * pairs as one flat JSON object with the keys as they stand in the file (large arrays such as
   * vocabularies included).
   */
  JsonNode metadata();

  /** The {@code tokenizer.json} lying beside the weights, if there is one. */
  Optional<Path> tokenizerFile();

  @Override
  void close();
}
