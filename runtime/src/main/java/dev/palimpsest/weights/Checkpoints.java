/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weights;

import dev.palimpsest.kernels.WeightView;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/** Opens checkpoints of whatever format lies at a path. */
public final class Checkpoints {
  private static final String CONFIG = "config.json";
  private static final String SINGLE = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";
  private static final int MAX_CONFIG = 16 << 20;
  private static final int MAX_INDEX = 32 << 20;
  private static final int MAX_SHARDS = 4096;
  private static final Pattern SHARD = Pattern.compile(".*-\\d{5}-of-\\d{5}\\.safetensors");

  private Checkpoints() {}

  /**
   * Opens a model: a folder with {@code config.json} and {@code model.safetensors} (or {@code
   * model.safetensors.index.json} and its shards, or one other {@code .safetensors} file), a single
   * {@code .safetensors} file with {@code config.json} beside it, a {@code .gguf} file, or a folder
   * that holds exactly one of these. A folder with both formats is read as safetensors.
   *
   * <p>Each file is mapped read-only as a whole and only its header is read; nothing is copied.
   *
   * @throws CheckpointException if nothing of the kind is there, or a file is damaged; the message
   *     names file and field
   */
  public static Checkpoint open(Path path) {
    if (Files.isDirectory(path)) {
      return openFolder(path);
    }
    if (!Files.exists(path)) {
      throw new CheckpointException(path + ": no such file or folder");
    }
    if (!Files.isRegularFile(path)) {
      throw new CheckpointException(path + ": is neither a folder nor a regular file");
    }
    String name = path.getFileName().toString();
    if (name.endsWith(".safetensors")) {
      if (SHARD.matcher(name).matches()) {
        throw new CheckpointException(
            path + ": is one shard of several; open the folder that holds " + INDEX);
      }
      return openSafetensors(path, path, config(path.resolveSibling(CONFIG)));
    }
    return openGguf(path, path);
  }

  /**
   * Reads a small JSON object such as {@code config.json} or {@code tokenizer_config.json}, bounded
   * in size and depth.
   *
   * @throws CheckpointException if it cannot be read or is no JSON object
   */
  public static JsonNode readJson(Path file) {
    return Json.readObject(file, MAX_CONFIG);
  }

  private static Checkpoint openFolder(Path folder) {
    Path single = folder.resolve(SINGLE);
    Path index = folder.resolve(INDEX);
    if (Files.isRegularFile(single)) {
      return openSafetensors(folder, single, config(folder.resolve(CONFIG)));
    }
    if (Files.isRegularFile(index)) {
      return openShards(folder, index, config(folder.resolve(CONFIG)));
    }
    List<Path> safetensors = list(folder, ".safetensors");
    if (safetensors.size() == 1) {
      return openSafetensors(folder, safetensors.getFirst(), config(folder.resolve(CONFIG)));
    }
    List<Path> gguf = list(folder, ".gguf");
    if (safetensors.isEmpty() && gguf.size() == 1) {
      return openGguf(folder, gguf.getFirst());
    }
    throw new CheckpointException(
        folder
            + ": expected "
            + CONFIG
            + " with "
            + SINGLE
            + " or "
            + INDEX
            + ", or exactly one .gguf file; found "
            + safetensors.size()
            + " .safetensors and "
            + gguf.size()
            + " .gguf files"
            + (gguf.size() > 1 ? ": name one of them" : ""));
  }

  private static List<Path> list(Path folder, String suffix) {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(f -> f.getFileName().toString().endsWith(suffix) && Files.isRegularFile(f))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new CheckpointException(folder + ": cannot be listed: " + e, e);
    }
  }

  private static JsonNode config(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new CheckpointException(
          file + ": is missing; safetensors files do not say what model they hold without it");
    }
    return readJson(file);
  }

  private static Checkpoint openSafetensors(Path path, Path file, JsonNode config) {
    Arena arena = Arena.ofShared();
    try {
      SafetensorsReader reader = SafetensorsReader.read(MappedFile.map(file, arena));
      return new MappedCheckpoint(
          path,
          "safetensors",
          List.of(file),
          RowScales.join(reader.tensors()),
          reader.unreadable(),
          config,
          arena);
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  private static Checkpoint openShards(Path folder, Path indexFile, JsonNode config) {
    JsonNode map = Json.readObject(indexFile, MAX_INDEX).path("weight_map");
    if (!map.isObject() || map.isEmpty()) {
      throw new CheckpointException(
          indexFile + ": weight_map: expected an object of tensor names and file names");
    }
    Arena arena = Arena.ofShared();
    try {
      Map<String, SafetensorsReader> shards = new LinkedHashMap<>();
      Map<String, WeightView> tensors = new LinkedHashMap<>();
      Map<String, String> unreadable = new LinkedHashMap<>();
      for (Map.Entry<String, JsonNode> entry : map.properties()) {
        String name = entry.getKey();
        String shard = shardName(indexFile, name, entry.getValue());
        SafetensorsReader reader = shards.get(shard);
        if (reader == null) {
          if (shards.size() == MAX_SHARDS) {
            throw new CheckpointException(
                indexFile + ": weight_map: names more than " + MAX_SHARDS + " files");
          }
          Path file = folder.resolve(shard);
          if (!Files.isRegularFile(file)) {
            throw new CheckpointException(
                indexFile
                    + ": weight_map: "
                    + MappedFile.show(name)
                    + " is said to be in "
                    + shard
                    + ", which is missing");
          }
          reader = SafetensorsReader.read(MappedFile.map(file, arena));
          shards.put(shard, reader);
        }
        if (reader.tensors().containsKey(name)) {
          tensors.put(name, reader.tensors().get(name));
        } else if (reader.unreadable().containsKey(name)) {
          unreadable.put(name, reader.unreadable().get(name));
        } else {
          throw new CheckpointException(
              indexFile
                  + ": weight_map: "
                  + MappedFile.show(name)
                  + " is said to be in "
                  + shard
                  + ", which has no tensor of that name");
        }
      }
      List<Path> files = shards.keySet().stream().map(folder::resolve).toList();
      return new MappedCheckpoint(
          folder, "safetensors", files, RowScales.join(tensors), unreadable, config, arena);
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  /** Shards are plain names: an index must not reach out of its folder. */
  private static String shardName(Path indexFile, String tensor, JsonNode node) {
    String name = node.isString() ? node.stringValue() : "";
    boolean plain =
        name.endsWith(".safetensors")
            && name.length() <= 255
            && name.chars().noneMatch(c -> c == '/' || c == '\\' || c == ':' || c < ' ');
    if (!plain) {
      throw new CheckpointException(
          indexFile
              + ": weight_map: "
              + MappedFile.show(tensor)
              + ": expected the name of a .safetensors file in the same folder; found "
              + MappedFile.show(node.toString()));
    }
    return name;
  }

  private static Checkpoint openGguf(Path path, Path file) {
    Arena arena = Arena.ofShared();
    try {
      MappedFile mapped = MappedFile.map(file, arena);
      if (!GgufReader.recognises(mapped) && !file.toString().endsWith(".gguf")) {
        throw new CheckpointException(
            file + ": is neither a .safetensors file nor does it begin with the magic GGUF");
      }
      GgufReader reader = GgufReader.read(mapped);
      JsonNode split = reader.metadata().path("split.count");
      if (split.isNumber() && split.asLong() > 1) {
        throw new CheckpointException(
            file
                + ": key split.count: is one of "
                + split.asLong()
                + " parts; merge them into one file first");
      }
      return new MappedCheckpoint(
          path,
          "gguf",
          List.of(file),
          reader.tensors(),
          reader.unreadable(),
          reader.metadata(),
          arena);
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }
}
