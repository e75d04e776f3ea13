/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import dev.palimpsest.network.HybridConfig;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.text.Tokenizer;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

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

  /** What the model is; of a latent model, its decoder. */
  ModelConfig config();

  /** What a latent model is; empty for the others. */
  default Optional<HybridConfig> latent() {
    return Optional.empty();
  }

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
   * Queues a request, or refuses it when the queue is full. Requests run together; each gets the
   * same tokens as if it ran alone.
   *
   * @throws IllegalArgumentException if the request does not fit the model (a token outside the
   *     vocabulary, a chat without a chat format, a canvas longer than the model's positions, an
   *     option the algorithm does not know)
   * @throws dev.palimpsest.schedule.QueueFullException if {@link EngineOptions#maxQueued} requests
   *     are waiting
   * @throws IllegalStateException if the engine is closed or closing
   */
  Generation submit(GenerationRequest request);

  /**
   * Queues a request, waiting for room in the queue while it is full, so that whoever produces
   * requests goes no faster than the engine; who waits longest is first. A virtual thread that
   * waits here or for the result holds no carrier.
   *
   * @param patience how long to wait at most
   * @throws IllegalArgumentException as {@link #submit(GenerationRequest)}, before any waiting
   * @throws dev.palimpsest.schedule.QueueFullException if there was no room all that time
   * @throws IllegalStateException if the engine is closed or closing, or closes meanwhile
   * @throws InterruptedException if interrupted while waiting; nothing has been queued then
   */
  Generation submit(GenerationRequest request, Duration patience) throws InterruptedException;

  /** Submits and waits; throws what the request failed with. */
  GenerationResult generate(GenerationRequest request);

  /**
   * Logits of one forward over {@code tokens}: {@code out} is float32 {@code
   * [tokens.length][vocabulary]}, host memory.
   *
   * @throws IllegalStateException for a latent model, which has none of a text alone
   */
  void logits(int[] tokens, MemorySegment out);

  /** How busy it is now. */
  EngineLoad load();

  /**
   * Takes no more requests, lets those that run and wait finish, then closes. What has not finished
   * in time is cancelled, and so is everything if the caller is interrupted, or another thread
   * calls {@link #close}. All results have completed, or are about to on threads of their own.
   *
   * @param patience how long to wait at most
   * @return whether all finished by themselves
   */
  boolean closeGracefully(Duration patience);

  /** Cancels what runs and waits, frees the device and the maps; idempotent. */
  @Override
  void close();
}
