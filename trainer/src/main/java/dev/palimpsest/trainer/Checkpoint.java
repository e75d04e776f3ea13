/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import dev.palimpsest.weights.SafetensorsWriter;
import dev.palimpsest.weights.SafetensorsWriter.Declared;
import dev.palimpsest.weights.SafetensorsWriter.Dtype;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * All that a run needs to go on as if it had never stopped, in one safetensors file: the weights,
 * their average, and both moments of AdamW, each one flat float32 tensor. The data needs no more
 * than the step number, since every batch is a function of it.
 *
 * @param step steps done
 * @param seconds training time so far
 */
record Checkpoint(
    Settings settings,
    long step,
    double seconds,
    double progress,
    float[] weights,
    float[] average,
    float[] moment1,
    float[] moment2) {
  private static final JsonMapper JSON = JsonMapper.shared();
  private static final List<String> NAMES = List.of("weights", "average", "moment1", "moment2");

  void write(Path file) throws IOException {
    Map<String, String> metadata =
        Map.of(
            "settings", JSON.writeValueAsString(settings),
            "step", Long.toString(step),
            "seconds", Double.toString(seconds),
            "progress", Double.toString(progress));
    List<float[]> parts = List.of(weights, average, moment1, moment2);
    List<Declared> declared =
        NAMES.stream().map(n -> new Declared(n, Dtype.F32, weights.length)).toList();
    try (SafetensorsWriter writer = SafetensorsWriter.create(file, metadata, declared)) {
      for (int i = 0; i < NAMES.size(); i++) {
        writer.writeFloats(NAMES.get(i), parts.get(i));
      }
      writer.commit();
    }
  }

  /**
   * Reads a checkpoint back.
   *
   * @throws IOException when the file is none of ours or not whole
   */
  static Checkpoint read(Path file) throws IOException {
    try (Arena arena = Arena.ofConfined();
        FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      MemorySegment all =
          channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      long head =
          all.byteSize() < 8
              ? -1
              : all.get(ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 0);
      if (head < 2 || head > all.byteSize() - 8 || head > 1 << 20) {
        throw new IOException(file + " is no checkpoint: its header length is " + head);
      }
      JsonNode header =
          JSON.readTree(
              new String(
                  all.asSlice(8, head).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8));
      JsonNode metadata = header.get("__metadata__");
      if (metadata == null || !metadata.has("settings")) {
        throw new IOException(file + " is no checkpoint: it carries no training settings");
      }
      float[][] parts = new float[NAMES.size()][];
      for (int i = 0; i < parts.length; i++) {
        JsonNode tensor = header.get(NAMES.get(i));
        if (tensor == null) {
          throw new IOException(file + " is no checkpoint: tensor " + NAMES.get(i) + " is missing");
        }
        long from = tensor.get("data_offsets").get(0).asLong();
        long to = tensor.get("data_offsets").get(1).asLong();
        if (from < 0 || to < from || 8 + head + to > all.byteSize()) {
          throw new IOException(file + " is cut short at tensor " + NAMES.get(i));
        }
        parts[i] =
            all.asSlice(8 + head + from, to - from).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
      }
      return new Checkpoint(
          JSON.readValue(metadata.get("settings").asString(), Settings.class),
          Long.parseLong(metadata.get("step").asString()),
          Double.parseDouble(metadata.get("seconds").asString()),
          Double.parseDouble(metadata.get("progress").asString()),
          parts[0],
          parts[1],
          parts[2],
          parts[3]);
    }
  }
}
