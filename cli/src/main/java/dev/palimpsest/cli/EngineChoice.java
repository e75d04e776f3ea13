/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import dev.palimpsest.Engine;
import dev.palimpsest.EngineOptions;
import dev.palimpsest.LoadListener;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Options that say which model runs, and where. */
final class EngineChoice {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = {"-m", "--model"},
      paramLabel = "MODEL",
      description =
          "Folder with config.json, *.safetensors and tokenizer.json, or a .gguf file (default: the"
              + " model that comes along, models/java-tiny).")
  private Path model;

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      defaultValue = "auto",
      description =
          "Where to compute: ${COMPLETION-CANDIDATES} (default: auto, an NVIDIA GPU where one can be used,"
              + " else the processor).",
      completionCandidates = Spelled.Devices.class,
      converter = Spelled.DeviceConverter.class)
  private EngineOptions.DeviceChoice device;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      defaultValue = "auto",
      description =
          "Precision of matrix products: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}; auto is"
              + " bf16 on a GPU and where the processor multiplies it natively; int8 keeps weights in 8"
              + " bits, on a GPU Q8_0 and Q4_0 as they are stored).",
      completionCandidates = Spelled.Types.class,
      converter = Spelled.TypeConverter.class)
  private EngineOptions.ComputeType dtype;

  @Option(
      names = "--threads",
      paramLabel = "N",
      defaultValue = "0",
      description = "Worker threads; 0 takes all processors (default: ${DEFAULT-VALUE}).")
  private int threads;

  @Option(
      names = "--loop",
      paramLabel = "LOOP",
      defaultValue = "auto",
      description =
          "Who goes from step to step within a block, on a GPU: ${COMPLETION-CANDIDATES} (default: auto,"
              + " graph where the driver has conditional nodes, else lagged). host steps by itself; lagged"
              + " starts each step before the last one is done; graph repeats on the GPU. The tokens are"
              + " the same.",
      completionCandidates = Spelled.Loops.class,
      converter = Spelled.LoopConverter.class)
  private EngineOptions.Loop loop;

  /**
   * Whether the ops beside matrix products run on the Vector API. The JIT needs several seconds of
   * processor time to compile them; a small model has written its text before.
   */
  enum VectorChoice {
    AUTO,
    ON,
    OFF
  }

  /** Weights in bytes from which the Vector API is worth its compilation. */
  private static final long LARGE = 256L << 20;

  @Option(
      names = "--vector",
      paramLabel = "CHOICE",
      defaultValue = "auto",
      description =
          "Vector API for what is not a matrix product: auto, on, off (default: ${DEFAULT-VALUE}; auto"
              + " is on for models of 256 MiB or more, since compiling it takes seconds).")
  private VectorChoice vector;

  /** The model's place. */
  Path model(Machine machine) {
    return model == null ? machine.defaultModel() : model;
  }

  /** Loads the model; tells on stderr how far it is when that takes a while and someone watches. */
  Engine open(Machine machine) {
    Path place = model(machine);
    if (!Files.exists(place)) {
      throw new ParameterException(
          spec.commandLine(),
          model == null
              ? "the model that comes along is not at " + place + ": name one with --model"
              : "--model " + place + " does not exist");
    }
    EngineOptions options =
        EngineOptions.DEFAULT
            .withDevice(device)
            .withDtype(dtype)
            .withThreads(threads)
            .withLoop(loop)
            .withVectorApi(vectorApi(place));
    boolean told = machine.terminal().noticing();
    return machine
        .opener()
        .open(place, options, told ? progress(spec.commandLine().getErr()) : LoadListener.NONE);
  }

  private boolean vectorApi(Path place) {
    return switch (vector) {
      case ON -> true;
      case OFF -> false;
      case AUTO -> bytes(place) >= LARGE;
    };
  }

  private static long bytes(Path place) {
    try (var files = Files.walk(place, 1)) {
      return files.mapToLong(file -> file.toFile().length()).sum();
    } catch (IOException e) {
      // The engine will say what is wrong with the place.
      return 0;
    }
  }

  private static LoadListener progress(PrintWriter err) {
    long begun = System.nanoTime();
    return (done, total) -> {
      if (System.nanoTime() - begun > 500_000_000L) {
        err.print(done < total ? "\rloading: layer " + done + " of " + total : "\r\033[K");
        err.flush();
      }
    };
  }
}
