/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The tensors of one small safetensors file as float arrays, on the heap. (The runtime's reader
 * maps files of any size for a device; the trainer wants plain numbers.)
 */
public record TensorFile(Map<String, String> metadata, Map<String, float[]> tensors) {
  private static final ValueLayout.OfLong LENGTH =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int LARGEST_HEADER = 1 << 20;

  /**
   * Reads F32 and BF16 tensors.
   *
   * @throws IOException when the file is not whole, or holds another dtype
   */
  public static TensorFile read(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new IOException("no " + file + "; make it first with `palimpsest train run`");
    }
    try (Arena arena = Arena.ofConfined();
        FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      MemorySegment all = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      long head = all.byteSize() < 8 ? -1 : all.get(LENGTH, 0);
      if (head < 2 || head > all.byteSize() - 8 || head > LARGEST_HEADER) {
        throw new IOException(file + " is no safetensors file: its header length is " + head);
      }
      MemorySegment data = all.asSlice(8 + head);
      String json =
          new String(all.asSlice(8, head).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
      Map<String, String> metadata = new LinkedHashMap<>();
      Map<String, float[]> tensors = new LinkedHashMap<>();
      for (var entry : JsonMapper.shared().readTree(json).properties()) {
        JsonNode value = entry.getValue();
        if (entry.getKey().equals("__metadata__")) {
          value.properties().forEach(e -> metadata.put(e.getKey(), e.getValue().asString()));
        } else {
          tensors.put(entry.getKey(), tensor(file, entry.getKey(), value, data));
        }
      }
      return new TensorFile(metadata, tensors);
    } catch (JacksonException e) {
      throw new IOException(file + " has a header that is no JSON: " + e.getMessage(), e);
    }
  }

  private static float[] tensor(Path file, String name, JsonNode entry, MemorySegment data)
      throws IOException {
    JsonNode offsets = entry.path("data_offsets");
    long from = offsets.path(0).asLong(-1);
    long to = offsets.path(1).asLong(-1);
    if (from < 0 || to < from || to > data.byteSize()) {
      throw new IOException(
          file + " is cut short at tensor " + name + ": it wants bytes " + from + " to " + to);
    }
    MemorySegment bytes = data.asSlice(from, to - from);
    String dtype = entry.path("dtype").asString();
    int size = dtype.equals("BF16") ? 2 : 4;
    float[] values = new float[Math.toIntExact(bytes.byteSize() / size)];
    switch (dtype) {
      case "F32" -> {
        for (int i = 0; i < values.length; i++) {
          values[i] = bytes.get(FLOAT, 4L * i);
        }
      }
      case "BF16" -> {
        for (int i = 0; i < values.length; i++) {
          values[i] = Float.intBitsToFloat(bytes.get(SHORT, 2L * i) << 16);
        }
      }
      default ->
          throw new IOException(
              file + ": tensor " + name + " is " + dtype + "; the trainer reads F32 and BF16");
    }
    return values;
  }

  /** A tensor that must be there. */
  public float[] require(String name) throws IOException {
    float[] values = tensors.get(name);
    if (values == null) {
      throw new IOException("tensor " + name + " is missing");
    }
    return values;
  }
}
