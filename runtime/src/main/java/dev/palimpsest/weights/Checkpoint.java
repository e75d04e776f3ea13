/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weights;

import dev.palimpsest.kernels.WeightView;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/**
 * A model's files, mapped and checked: tensors by name, and what the files say about the model.
 * Opening reads headers only; pages come in when a backend packs them.
 *
 * <p>Closing unmaps: views must not be used afterwards, and every method but {@link #path}, {@link
 * #format} and {@link #close} throws {@link IllegalStateException}.
 */
public interface Checkpoint extends AutoCloseable {
  /** Where it was opened from: a folder or a file. */
  Path path();

  /** {@code "safetensors"} or {@code "gguf"}. */
  String format();

  /** The mapped files that hold tensors, one, or one per shard. */
  List<Path> files();

  /**
   * All tensors by their names in the file, in file order. Where a matrix {@code X} of I8 has its
   * row scales in {@code X_scale} (as compressed-tensors writes int8), the two are one tensor
   * {@code X} here.
   */
  Map<String, WeightView> tensors();

  /**
   * Tensors whose element type cannot be read here, by name, with that type as the file writes it
   * (e.g. {@code F8_E4M3}, {@code Q4_K}). They are an error only for whoever needs them: see {@link
   * #tensor}.
   */
  Map<String, String> unreadable();

  /**
   * The tensor {@code name}.
   *
   * @throws CheckpointException if there is none, or if its element type is not supported
   */
  default WeightView tensor(String name) {
    WeightView found = tensors().get(name);
    if (found != null) {
      return found;
    }
    String dtype = unreadable().get(name);
    throw new CheckpointException(
        dtype == null
            ? path() + ": tensor " + name + " is missing"
            : path()
                + ": tensor "
                + name
                + " has element type "
                + dtype
                + "; supported are "
                + (format().equals("gguf")
                    ? "F32, F16, BF16, Q8_0 and Q4_0"
                    : "F32, F16, BF16 and I8")
                + ": convert the checkpoint to one of these");
  }

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
