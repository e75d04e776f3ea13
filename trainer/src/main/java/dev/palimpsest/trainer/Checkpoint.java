/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.weights.SafetensorsWriter;
import dev.palimpsest.weights.TensorSink;
import dev.palimpsest.weights.TensorSpec;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/**
 * All that a run needs to go on as if it had never stopped, in one safetensors file: flat float32
 * tensors by name. The data needs no more than the step number, since every batch is a function of
 * it.
 *
 * @param settings what decides the course of the run, as JSON
 * @param step steps done
 * @param seconds training time so far
 * @param progress share of the run that is done
 */
public record Checkpoint(
    String settings, long step, double seconds, double progress, Map<String, float[]> tensors) {

  /** Writes the file; an older one stays until the new one is whole. */
  public void write(Path file) {
    Map<String, String> metadata =
        Map.of(
            "settings", settings,
            "step", Long.toString(step),
            "seconds", Double.toString(seconds),
            "progress", Double.toString(progress));
    List<TensorSpec> specs =
        tensors.entrySet().stream()
            .map(t -> new TensorSpec(t.getKey(), DType.F32, List.of((long) t.getValue().length)))
            .toList();
    try (TensorSink sink = SafetensorsWriter.open(file, specs, metadata)) {
      for (float[] part : tensors.values()) {
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
  public static Checkpoint read(Path file) throws IOException {
    TensorFile read = TensorFile.read(file);
    String settings = read.metadata().get("settings");
    if (settings == null) {
      throw new IOException(file + " is no checkpoint of a run: it carries no training settings");
    }
    return new Checkpoint(
        settings,
        Long.parseLong(read.metadata().get("step")),
        Double.parseDouble(read.metadata().get("seconds")),
        Double.parseDouble(read.metadata().get("progress")),
        new LinkedHashMap<>(read.tensors()));
  }

  /**
   * The settings as what they were.
   *
   * @param type their record
   */
  public <T> T settings(Class<T> type) {
    return JsonMapper.shared().readValue(settings, type);
  }

  /** A tensor that must be there. */
  public float[] require(String name) throws IOException {
    float[] values = tensors.get(name);
    if (values == null) {
      throw new IOException("the checkpoint has no tensor " + name + "; start the run anew");
    }
    return values;
  }
}
