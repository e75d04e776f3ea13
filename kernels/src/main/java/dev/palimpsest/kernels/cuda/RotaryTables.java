/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.kernels.Rope;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/**
 * Cosines and sines of {@code position · theta^(−2i/dims)}, computed in double on the host and kept
 * on the device, {@code [position][i]}; a table per kind of {@link Rope} that grows.
 */
final class RotaryTables {
  private final DeviceMemory memory;
  private final Upload upload;
  private final Map<Rope, Table> tables = new HashMap<>();

  record Table(int positions, MemorySegment cosines, MemorySegment sines) {}

  RotaryTables(DeviceMemory memory, Upload upload) {
    this.memory = memory;
    this.upload = upload;
  }

  /** A table of at least {@code count} positions. */
  Table of(Rope rope, int count) {
    Table known = tables.get(rope);
    if (known != null && known.positions >= count) {
      return known;
    }
    int n = Math.max(count, known == null ? 512 : 2 * known.positions);
    int half = rope.dims() / 2;
    double[] frequencies = new double[half];
    for (int i = 0; i < half; i++) {
      frequencies[i] = Math.pow(rope.theta(), -2.0 * i / rope.dims());
    }
    if (known != null) {
      tables.remove(rope);
      memory.free(known.cosines);
      memory.free(known.sines);
    }
    Table made = new Table(n, memory.allocate(4L * n * half), memory.allocate(4L * n * half));
    upload.rows(
        n,
        4L * half,
        made.cosines.address(),
        (p, out, at, worker) -> {
          for (int i = 0; i < half; i++) {
            out.set(JAVA_FLOAT, at + 4L * i, (float) Math.cos(p * frequencies[i]));
          }
        });
    upload.rows(
        n,
        4L * half,
        made.sines.address(),
        (p, out, at, worker) -> {
          for (int i = 0; i < half; i++) {
            out.set(JAVA_FLOAT, at + 4L * i, (float) Math.sin(p * frequencies[i]));
          }
        });
    tables.put(rope, made);
    return made;
  }
}
