/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.llamacpp;

import java.nio.file.Path;
import java.util.List;

/**
 * What a llama.cpp is opened with.
 *
 * @param folder with its shared libraries
 * @param backend name of the CPU backend, as in {@code libggml-cpu-NAME.so}
 * @param model a GGUF file
 * @param threads it computes with
 * @param context most tokens of a sequence
 * @param causal whether a token sees only those before it
 */
public record Setup(
    Path folder, String backend, Path model, int threads, int context, boolean causal) {
  /** The same on another backend. */
  public Setup withBackend(String value) {
    return new Setup(folder, value, model, threads, context, causal);
  }

  List<String> arguments() {
    return List.of(
        folder.toAbsolutePath().toString(),
        backend,
        model.toAbsolutePath().toString(),
        Integer.toString(threads),
        Integer.toString(context),
        Boolean.toString(causal));
  }

  static Setup of(String[] arguments) {
    return new Setup(
        Path.of(arguments[0]),
        arguments[1],
        Path.of(arguments[2]),
        Integer.parseInt(arguments[3]),
        Integer.parseInt(arguments[4]),
        Boolean.parseBoolean(arguments[5]));
  }
}
