/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.Engine;
import dev.palimpsest.EngineOptions;
import dev.palimpsest.weightstool.WeightsCommand;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import picocli.CommandLine;

/**
 * The engines that configurations run on, one open at a time; the checkpoint in int8 is made when a
 * configuration asks for it, and gone at the end.
 */
final class QualityEngines implements AutoCloseable {
  private record Key(EngineOptions options, boolean quantized) {}

  private final Path model;
  private final EngineOptions base;
  private final Progress progress;
  private Optional<Key> key = Optional.empty();
  private Optional<Engine> open = Optional.empty();
  private Optional<Path> quantized = Optional.empty();
  private boolean fresh;

  QualityEngines(Path model, EngineOptions base, Progress progress) {
    this.model = model;
    this.base = base;
    this.progress = progress;
  }

  /**
   * The engine for {@code config}: the one that is open, if it will do; else that one is closed.
   */
  Engine of(QualityConfig config) {
    Key wanted = new Key(config.options(base), config.quantized());
    if (!key.equals(Optional.of(wanted))) {
      closeEngine();
      Path path = wanted.quantized ? quantized() : model;
      open =
          Optional.of(
              Engine.open(
                  path,
                  wanted.options,
                  (done, total) -> progress.show("packing layer", done, total)));
      key = Optional.of(wanted);
      fresh = true;
    }
    return open.orElseThrow();
  }

  /** Whether nothing has run on the engine yet; false from then on. */
  boolean fresh() {
    boolean was = fresh;
    fresh = false;
    return was;
  }

  private Path quantized() {
    if (quantized.isEmpty()) {
      try {
        Path folder = Files.createTempDirectory("palimpsest-int8-");
        quantized = Optional.of(folder);
        StringWriter err = new StringWriter();
        int status =
            new CommandLine(new WeightsCommand())
                .setOut(new PrintWriter(new StringWriter()))
                .setErr(new PrintWriter(err))
                .setExecutionExceptionHandler(
                    (failure, line, parsed) -> {
                      line.getErr().print(failure.getMessage());
                      return 1;
                    })
                .execute("quantize", model.toString(), "--to", "int8", "--out", folder.toString());
        if (status != 0) {
          throw new IllegalArgumentException("weights quantize: " + err);
        }
      } catch (IOException e) {
        throw new UncheckedIOException("no place for the checkpoint in int8: " + e, e);
      }
    }
    return quantized.orElseThrow();
  }

  @Override
  public void close() {
    closeEngine();
    quantized.ifPresent(QualityEngines::delete);
    quantized = Optional.empty();
  }

  private void closeEngine() {
    open.ifPresent(Engine::close);
    open = Optional.empty();
    key = Optional.empty();
  }

  private static void delete(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      List<Path> all = files.sorted(Comparator.reverseOrder()).toList();
      for (Path file : all) {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(folder + " cannot be removed: " + e, e);
    }
  }
}
