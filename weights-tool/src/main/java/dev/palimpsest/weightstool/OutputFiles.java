/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weightstool;

import dev.palimpsest.weights.FileFault;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Where a checkpoint is written: refuses to overwrite unless told to, before any work is done, and
 * lets small files appear whole or not at all.
 */
final class OutputFiles {
  private static final JsonMapper PRETTY =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private static final List<String> SIDECARS =
      List.of(
          "tokenizer.json",
          "tokenizer_config.json",
          "special_tokens_map.json",
          "generation_config.json",
          "chat_template.jinja");

  private final Path folder;
  private final boolean force;

  /**
   * @param folder made if it is not there
   */
  OutputFiles(Path folder, boolean force) {
    this.folder = folder;
    this.force = force;
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new UncheckedIOException(folder + " cannot be made: " + FileFault.reason(e), e);
    }
  }

  /**
   * The path of a file to be written.
   *
   * @throws IllegalArgumentException if it is there and may not be overwritten
   */
  Path claim(String name) {
    Path file = folder.resolve(name);
    if (!force && Files.exists(file)) {
      throw new IllegalArgumentException(file + " exists; pass --force to overwrite it");
    }
    return file;
  }

  /** The tokenizer's files beside {@code source} that are to be copied. */
  List<Path> claimSidecars(Path source) {
    List<Path> out = new ArrayList<>();
    try {
      for (String name : SIDECARS) {
        Path from = source.resolveSibling(name);
        Path to = folder.resolve(name);
        if (Files.isRegularFile(from)
            && !(Files.exists(to)
                && (Files.isSameFile(from, to) || Files.mismatch(from, to) < 0))) {
          claim(name);
          out.add(from);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(source + ": " + e, e);
    }
    return out;
  }

  void copy(List<Path> files) {
    for (Path file : files) {
      try {
        write(file.getFileName().toString(), Files.readAllBytes(file));
      } catch (IOException e) {
        throw new UncheckedIOException(file + " cannot be read: " + FileFault.reason(e), e);
      }
    }
  }

  /** Puts {@code json} under {@code name}, as {@link #write} does. */
  void writeJson(String name, ObjectNode json) {
    write(name, (PRETTY.writeValueAsString(json) + "\n").getBytes(StandardCharsets.UTF_8));
  }

  /** Puts {@code bytes} under {@code name}, by way of a file beside it. */
  void write(String name, byte[] bytes) {
    Path partial = folder.resolve("." + name + "." + ProcessHandle.current().pid() + ".partial");
    try {
      Files.write(partial, bytes);
      Files.move(partial, folder.resolve(name), StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new UncheckedIOException(
          folder.resolve(name) + " cannot be written: " + FileFault.reason(e), e);
    }
  }
}
