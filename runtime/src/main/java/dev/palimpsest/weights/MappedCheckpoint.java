/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weights;

import dev.palimpsest.kernels.WeightView;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/** A checkpoint whose maps live in one shared arena. */
final class MappedCheckpoint implements Checkpoint {
  private final Path path;
  private final String format;
  private final List<Path> files;
  private final Map<String, WeightView> tensors;
  private final Map<String, String> unreadable;
  private final JsonNode metadata;
  private final Arena arena;

  MappedCheckpoint(
      Path path,
      String format,
      List<Path> files,
      Map<String, WeightView> tensors,
      Map<String, String> unreadable,
      JsonNode metadata,
      Arena arena) {
    this.path = path;
    this.format = format;
    this.files = List.copyOf(files);
    this.tensors = Collections.unmodifiableMap(tensors);
    this.unreadable = Collections.unmodifiableMap(unreadable);
    this.metadata = metadata;
    this.arena = arena;
  }

  @Override
  public Path path() {
    return path;
  }

  @Override
  public String format() {
    return format;
  }

  @Override
  public List<Path> files() {
    checkOpen();
    return files;
  }

  @Override
  public Map<String, WeightView> tensors() {
    checkOpen();
    return tensors;
  }

  @Override
  public Map<String, String> unreadable() {
    checkOpen();
    return unreadable;
  }

  @Override
  public JsonNode metadata() {
    checkOpen();
    return metadata;
  }

  @Override
  public Optional<Path> tokenizerFile() {
    checkOpen();
    return Optional.of(files.getFirst().resolveSibling("tokenizer.json"))
        .filter(Files::isRegularFile);
  }

  @Override
  public synchronized void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }

  private void checkOpen() {
    if (!arena.scope().isAlive()) {
      throw new IllegalStateException(
          "checkpoint " + path + " is closed: open it again to use its tensors");
    }
  }
}
