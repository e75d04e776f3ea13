/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weights;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** The byte ranges that a file's header claims for its tensors, checked against each other. */
final class TensorExtents {
  private record Extent(String name, long begin, long end) {}

  private final MappedFile file;
  private final List<Extent> extents = new ArrayList<>();

  TensorExtents(MappedFile file) {
    this.file = file;
  }

  /** Claims {@code [begin, end)} of the data section for {@code name}. */
  void add(String name, long begin, long end) {
    extents.add(new Extent(name, begin, end));
  }

  /**
   * Refuses overlaps; with {@code dense}, also bytes of {@code [0, size)} that no tensor owns.
   *
   * @throws CheckpointException naming a tensor and its offsets
   */
  void check(long size, boolean dense) {
    extents.sort(Comparator.comparingLong(Extent::begin).thenComparingLong(Extent::end));
    long at = 0;
    String previous = "the start of the data";
    for (Extent e : extents) {
      if (e.begin < at) {
        throw file.bad(
            "tensor " + MappedFile.show(e.name),
            "its offsets [" + e.begin + ", " + e.end + ") overlap those of " + previous);
      }
      if (dense && e.begin > at) {
        throw file.bad(
            "tensor " + MappedFile.show(e.name),
            "its offsets start at " + e.begin + ", leaving a hole after " + previous + " at " + at);
      }
      at = e.end;
      previous = "tensor " + MappedFile.show(e.name);
    }
    if (dense && at != size) {
      throw file.bad(
          "data_offsets",
          "the tensors end at " + at + " but the data section has " + size + " bytes");
    }
  }
}
