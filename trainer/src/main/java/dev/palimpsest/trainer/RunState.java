/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
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
  /** Writes the file; an older one stays until the new one is whole. */
  void write(Path file) {
    Map<String, float[]> tensors = new LinkedHashMap<>();
    tensors.put("weights", weights);
    tensors.put("average", average);
    tensors.put("moment1", moment1);
    tensors.put("moment2", moment2);
    new Checkpoint(
            JsonMapper.shared().writeValueAsString(settings), step, seconds, progress, tensors)
        .write(file);
  }

  /**
   * Reads a checkpoint back.
   *
   * @throws IOException when the file is none of ours or not whole
   */
  static RunState read(Path file) throws IOException {
    Checkpoint read = Checkpoint.read(file);
    return new RunState(
        read.settings(Settings.class),
        read.step(),
        read.seconds(),
        read.progress(),
        read.require("weights"),
        read.require("average"),
        read.require("moment1"),
        read.require("moment2"));
  }
}
