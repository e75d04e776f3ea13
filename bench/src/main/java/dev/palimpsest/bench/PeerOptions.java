/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.bench.llamacpp.Backends;
import dev.palimpsest.bench.llamacpp.LlamaCpp;
import dev.palimpsest.bench.llamacpp.Setup;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.ToLongFunction;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Where llama.cpp is and how it runs: options the peer commands share. */
final class PeerOptions {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--llama-cpp",
      required = true,
      paramLabel = "DIR",
      description =
          "Folder with llama.cpp's shared libraries; bench/peers/llama-cpp/install fetches them and"
              + " prints it.")
  private Path folder;

  @Option(
      names = "--llama-backend",
      paramLabel = "NAME",
      description =
          "Its CPU backend, the NAME of a libggml-cpu-NAME.so (default: the fastest that survives a"
              + " trial).")
  private String backend;

  @Option(
      names = "--llama-threads",
      paramLabel = "N",
      description = "Its threads (default: as --threads).")
  private Integer llamaThreads;

  /** A model to open, the backend left open; with {@code threads} unless its own were named. */
  Setup setup(Path model, int threads, int context, boolean causal) {
    if (llamaThreads != null && llamaThreads < 1) {
      throw new ParameterException(
          spec.commandLine(), "--llama-threads must be at least 1; found " + llamaThreads);
    }
    if (!Files.isRegularFile(model)) {
      throw new ParameterException(
          spec.commandLine(),
          "llama.cpp wants a GGUF file and " + model + " is none: name one with --peer-model");
    }
    int count = llamaThreads == null ? threads : llamaThreads;
    return new Setup(folder, "", model, count, context, causal);
  }

  /** Finds the backend that does {@code work} fastest, unless one was named. */
  Backends.Choice choose(Setup setup, ToLongFunction<LlamaCpp> work) {
    if (backend != null) {
      return Backends.forced(backend);
    }
    PrintWriter err = spec.commandLine().getErr();
    return Backends.choose(
        setup,
        work,
        name -> {
          err.println("trying llama.cpp's backend " + name + " on " + setup.model().getFileName());
          err.flush();
        });
  }
}
