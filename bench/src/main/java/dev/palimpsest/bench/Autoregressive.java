/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.bench.llamacpp.Backends;
import dev.palimpsest.bench.llamacpp.CausalTwin;
import dev.palimpsest.bench.llamacpp.Continuation;
import dev.palimpsest.bench.llamacpp.LlamaCpp;
import dev.palimpsest.bench.llamacpp.Setup;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;

/** llama.cpp that writes a text token by token with a causal model, again and again. */
final class Autoregressive implements AutoCloseable {
  private static final int TRIAL_PROMPT = 16;
  private static final int TRIAL_TOKENS = 16;

  private final String name;
  private final LlamaCpp llama;
  private final Backends.Choice backend;
  private final int[] prompt;
  private final int newTokens;
  private final List<Continuation> runs = new ArrayList<>();

  private Autoregressive(
      String name, LlamaCpp llama, Backends.Choice backend, int[] prompt, int newTokens) {
    this.name = name;
    this.llama = llama;
    this.backend = backend;
    this.prompt = prompt;
    this.newTokens = newTokens;
  }

  /**
   * Its decode, measured.
   *
   * @param model it read: a causal model, or the diffusion model whose tensors it took
   * @param backend llama.cpp's CPU backend
   * @param backends those that were tried or passed over, and why
   * @param tokensPerSecond median; without the time of the prompt
   * @param promptMs median time of the prompt
   * @param runs timed
   */
  record Report(
      String model,
      String backend,
      List<Backends.Trial> backends,
      double tokensPerSecond,
      double promptMs,
      int runs) {}

  /**
   * Opens the causal twin of a diffusion model.
   *
   * @param gguf the diffusion model
   * @param prompt that it continues
   * @param newTokens it writes each time
   */
  static Autoregressive twin(
      Path gguf, PeerOptions peers, int threads, int[] prompt, int newTokens) {
    try {
      Path twin = Files.createTempFile("palimpsest-causal-", ".gguf");
      try {
        CausalTwin.write(gguf, twin);
        // llama.cpp maps the file, which needs no name any more once that has happened.
        return open(gguf.toString(), twin, peers, threads, prompt, newTokens);
      } finally {
        Files.deleteIfExists(twin);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("no file for the causal model: " + e.getMessage(), e);
    }
  }

  /** Opens a causal model; parameters as {@link #twin}'s. */
  static Autoregressive open(
      String name, Path gguf, PeerOptions peers, int threads, int[] prompt, int newTokens) {
    Setup setup = peers.setup(gguf, threads, prompt.length + newTokens, true);
    int[] start = Arrays.copyOf(prompt, Math.min(TRIAL_PROMPT, prompt.length));
    int count = Math.min(TRIAL_TOKENS, newTokens);
    Backends.Choice backend =
        peers.choose(setup, llama -> LongStream.of(llama.continueText(start, count).nanos()).sum());
    LlamaCpp llama = LlamaCpp.start(setup.withBackend(backend.backend()));
    return new Autoregressive(name, llama, backend, prompt, newTokens);
  }

  LlamaCpp llama() {
    return llama;
  }

  /** Forgets the times so far, which were those of a warm-up. */
  void forget() {
    runs.clear();
  }

  /** Writes the text and keeps its times. */
  void run() {
    runs.add(llama.continueText(prompt, newTokens));
  }

  /** Of the runs so far, one at least. */
  Report report() {
    return new Report(
        name,
        backend.backend(),
        backend.trials(),
        Timings.median(runs.stream().mapToDouble(Continuation::tokensPerSecond).toArray()),
        new Timings(runs.stream().mapToLong(Continuation::promptNanos).toArray()).medianMs(),
        runs.size());
  }

  Backends.Choice backend() {
    return backend;
  }

  @Override
  public void close() {
    llama.close();
  }
}
