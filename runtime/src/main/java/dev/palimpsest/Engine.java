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
   * GGUF file. Takes from a fraction of a second to minutes; nothing is written anywhere near it.
   *
   * @param model the folder or file
   * @param options where and how to compute; {@link EngineOptions#DEFAULT} suits most
   * @throws dev.palimpsest.weights.CheckpointException if the files are not what they should be;
   *     the message names the file and the field
   * @throws IllegalStateException if the device that the options ask for cannot be used; the
   *     message says why
   */
  static Engine open(Path model, EngineOptions options) {
    return open(model, options, LoadListener.NONE);
  }

  /**
   * As {@link #open(Path, EngineOptions)}, telling how far it is.
   *
   * @param model the folder or file
   * @param options where and how to compute
   * @param listener told after each layer
   */
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
   * @param request what to write
   * @return its future and its revisions
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
   * @param request what to write
   * @param patience how long to wait at most; zero or less does not wait
   * @return its future and its revisions
   * @throws IllegalArgumentException as {@link #submit(GenerationRequest)}, before any waiting
   * @throws dev.palimpsest.schedule.QueueFullException if there was no room all that time
   * @throws IllegalStateException if the engine is closed or closing, or closes meanwhile
   * @throws InterruptedException if interrupted while waiting; nothing has been queued then
   */
  Generation submit(GenerationRequest request, Duration patience) throws InterruptedException;

  /**
   * Submits and waits, without being interruptible.
   *
   * @param request what to write
   * @return what was written
   * @throws IllegalArgumentException as {@link #submit(GenerationRequest)}
   * @throws dev.palimpsest.schedule.QueueFullException as {@link #submit(GenerationRequest)}
   * @throws IllegalStateException as {@link #submit(GenerationRequest)}
   * @throws DeadlineExceededException if the request has a deadline and had not finished by then
   * @throws java.util.concurrent.CancellationException if the engine was closed meanwhile
   */
  GenerationResult generate(GenerationRequest request);

  /**
   * Logits of one forward over {@code tokens}: {@code out} is float32 {@code
   * [tokens.length][vocabulary]}, host memory.
   *
   * @param tokens at least one, each 0 to below the vocabulary
   * @param out writable, of 4 · tokens.length · vocabulary bytes or more
   * @throws IllegalArgumentException if there is no token, one is outside the vocabulary, there are
   *     more than the model's positions, or {@code out} is too small
   * @throws IllegalStateException if the engine is closed or closing; for a latent model, which has
   *     no logits of a text alone
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
