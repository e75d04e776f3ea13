/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weightstool;

import dev.palimpsest.Engine;
import dev.palimpsest.EngineOptions;
import dev.palimpsest.EngineOptions.ComputeType;
import dev.palimpsest.weights.FileFault;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code weights logits}: one forward pass, all logits into a file. */
@Command(
    name = "logits",
    sortOptions = false,
    description = {
      "Runs the model once over the given tokens and writes all logits.",
      "The file holds little-endian float32, one row of the vocabulary's length per token."
    })
final class LogitsCommand implements Callable<Integer> {
  private static final Pattern WORD = Pattern.compile("[^\\s,\\[\\]]+");
  private static final int MAX_TOKENS = 1 << 20;

  /** What {@code --dtype} takes. */
  enum Type {
    f32,
    bf16,
    int8,
    auto
  }

  @Spec private CommandSpec spec;

  @Option(
      names = {"-m", "--model"},
      paramLabel = "MODEL",
      required = true,
      description = "Folder with config.json and *.safetensors, or a .gguf file (no default).")
  private Path model;

  @Option(
      names = "--tokens",
      paramLabel = "FILE",
      required = true,
      description = "Token ids, separated by blanks, commas or line ends (no default).")
  private Path tokens;

  @Option(
      names = {"-o", "--out"},
      paramLabel = "FILE",
      required = true,
      description = "File to write, replaced if it is there (no default).")
  private Path out;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      defaultValue = "f32",
      description =
          "Precision of matrix products: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
  private Type type;

  @Option(
      names = "--threads",
      paramLabel = "N",
      defaultValue = "0",
      description = "Worker threads; 0 takes all processors (default: ${DEFAULT-VALUE}).")
  private int threads;

  @Override
  public Integer call() {
    int[] ids = readTokens(tokens);
    EngineOptions options =
        EngineOptions.DEFAULT
            .withDtype(ComputeType.valueOf(type.name().toUpperCase(Locale.ROOT)))
            .withThreads(threads);
    try (Engine engine = Engine.open(model, options)) {
      int vocabulary = engine.config().vocabulary();
      long began = System.nanoTime();
      write(engine, ids, 4L * ids.length * vocabulary);
      spec.commandLine()
          .getOut()
          .printf(
              Locale.ROOT,
              "%s: [%d][%d] float32 in %.2f s on %s%n",
              out,
              ids.length,
              vocabulary,
              (System.nanoTime() - began) / 1e9,
              engine.device());
      spec.commandLine().getOut().flush();
    }
    return 0;
  }

  private void write(Engine engine, int[] ids, long bytes) {
    Path target = out.toAbsolutePath();
    Path partial =
        target.resolveSibling(
            "." + target.getFileName() + "." + ProcessHandle.current().pid() + ".partial");
    try {
      try (Arena arena = Arena.ofShared();
          FileChannel file =
              FileChannel.open(
                  partial,
                  StandardOpenOption.CREATE,
                  StandardOpenOption.TRUNCATE_EXISTING,
                  StandardOpenOption.READ,
                  StandardOpenOption.WRITE)) {
        MemorySegment logits = file.map(FileChannel.MapMode.READ_WRITE, 0, bytes, arena);
        engine.logits(ids, logits);
      }
      Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new UncheckedIOException(out + " cannot be written: " + FileFault.reason(e), e);
    } finally {
      try {
        Files.deleteIfExists(partial);
      } catch (IOException e) {
        spec.commandLine().getErr().println(partial + " cannot be removed: " + e);
      }
    }
  }

  /**
   * Reads token ids.
   *
   * @throws IllegalArgumentException if the file is no list of whole numbers from 0
   */
  static int[] readTokens(Path file) {
    String text;
    try {
      text = Files.readString(file);
    } catch (IOException e) {
      throw new IllegalArgumentException(
          "--tokens " + file + " cannot be read: " + FileFault.reason(e) + "; it is a file of ids",
          e);
    }
    Matcher words = WORD.matcher(text);
    int[] ids = words.results().limit(MAX_TOKENS).mapToInt(m -> id(file, m.group())).toArray();
    if (ids.length == 0 || ids.length == MAX_TOKENS) {
      throw new IllegalArgumentException(
          "--tokens " + file + ": expected 1 to " + (MAX_TOKENS - 1) + " token ids");
    }
    return ids;
  }

  private static int id(Path file, String word) {
    try {
      int id = Integer.parseInt(word);
      if (id >= 0) {
        return id;
      }
    } catch (NumberFormatException e) {
      // Told below.
    }
    throw new IllegalArgumentException(
        "--tokens "
            + file
            + ": '"
            + word.substring(0, Math.min(40, word.length()))
            + "' is not a token id");
  }
}
