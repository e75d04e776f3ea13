/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.text.Tokenizer;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/** A loaded model that writes text: thread-safe, many requests at once. */
public interface Engine extends AutoCloseable {
  /**
   * Loads a checkpoint: a Hugging Face folder (config.json, *.safetensors, tokenizer.json) or a
   * GGUF file.
   *
   * @throws dev.palimpsest.weights.CheckpointException if the files are not what they should be
   */
  static Engine open(Path model, EngineOptions options) {
    throw new UnsupportedOperationException("being built");
  }

  /** What the model is. */
  ModelConfig config();

  /** Name of the chat format, empty for a base model. */
  String chatFormat();

  /** The device, for people: threads, precision, libraries. */
  String device();

  /**
   * The model's tokenizer.
   *
   * @throws IllegalStateException if the checkpoint came without one
   */
  Tokenizer tokenizer();

  /** Queues a request. */
  Generation submit(GenerationRequest request);

  /** Submits and waits. */
  GenerationResult generate(GenerationRequest request);

  /**
   * Logits of one forward over {@code tokens}: {@code out} is float32 {@code
   * [tokens.length][vocabulary]}, host memory.
   */
  void logits(int[] tokens, MemorySegment out);

  /** Cancels what runs, frees the device and the maps; idempotent. */
  @Override
  void close();
}
