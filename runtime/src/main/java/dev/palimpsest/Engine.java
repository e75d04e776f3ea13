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
    return open(model, options, LoadListener.NONE);
  }

  /** As {@link #open(Path, EngineOptions)}, telling {@code listener} how far it is. */
  static Engine open(Path model, EngineOptions options, LoadListener listener) {
    return LocalEngine.open(model, options, listener);
  }

  /** What the model is. */
  ModelConfig config();

  /** Name of the chat format: llada, chatml, unknown; empty for a base model. */
  String chatFormat();

  /** The device, for people: threads, precision, libraries. */
  String device();

  /**
   * The model's tokenizer.
   *
   * @throws IllegalStateException if the checkpoint came without one
   */
  Tokenizer tokenizer();

  /**
   * Queues a request. Requests run together; each gets the same tokens as if it ran alone.
   *
   * @throws IllegalArgumentException if the request does not fit the model (a token outside the
   *     vocabulary, a chat without a chat format, a canvas longer than the model's positions, an
   *     option the algorithm does not know)
   * @throws dev.palimpsest.schedule.QueueFullException if {@link EngineOptions#maxQueued} requests
   *     are waiting
   * @throws IllegalStateException if the engine is closed
   */
  Generation submit(GenerationRequest request);

  /** Submits and waits; throws what the request failed with. */
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
