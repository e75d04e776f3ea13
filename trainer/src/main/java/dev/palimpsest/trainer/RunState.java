/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.weights.SafetensorsWriter;
import dev.palimpsest.weights.TensorSink;
import dev.palimpsest.weights.TensorSpec;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/**
 * All that a run needs to go on as if it had never stopped, in one safetensors file: the weights,
 * their average, and both moments of AdamW, each one flat float32 tensor. The data needs no more
 * than the step number, since every batch is a function of it.
 *
 * @param step steps done
 * @param seconds training time so far
 */
record RunState(
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

  /** Writes the file; an older one stays until the new one is whole. */
  void write(Path file) {
    Map<String, String> metadata =
        Map.of(
            "settings", JSON.writeValueAsString(settings),
            "step", Long.toString(step),
            "seconds", Double.toString(seconds),
            "progress", Double.toString(progress));
    List<float[]> parts = List.of(weights, average, moment1, moment2);
    List<TensorSpec> specs =
        NAMES.stream()
            .map(n -> new TensorSpec(n, DType.F32, List.of((long) weights.length)))
            .toList();
    try (TensorSink sink = SafetensorsWriter.open(file, specs, metadata)) {
      for (float[] part : parts) {
        sink.write(LladaFolder.encode(part, DType.F32));
      }
      sink.commit();
    }
  }

  /**
   * Reads a checkpoint back.
   *
   * @throws IOException when the file is none of ours or not whole
   */
  static RunState read(Path file) throws IOException {
    TensorFile read = TensorFile.read(file);
    String settings = read.metadata().get("settings");
    if (settings == null) {
      throw new IOException(file + " is no checkpoint of a run: it carries no training settings");
    }
    return new RunState(
        JSON.readValue(settings, Settings.class),
        Long.parseLong(read.metadata().get("step")),
        Double.parseDouble(read.metadata().get("seconds")),
        Double.parseDouble(read.metadata().get("progress")),
        read.require("weights"),
        read.require("average"),
        read.require("moment1"),
        read.require("moment2"));
  }
}
