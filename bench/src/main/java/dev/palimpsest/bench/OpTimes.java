/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Time spent in each op at each shape. Used by one thread. */
final class OpTimes {
  private final Map<Op, Entry> entries = new LinkedHashMap<>();

  private static final class Entry {
    long calls;
    long nanos;
  }

  /**
   * What one op took, over all calls since the last {@link #clear}.
   *
   * @param nanos of all calls together
   */
  record Sum(Op op, long calls, long nanos) {
    /** Billion floating-point operations of matrix products per second. */
    double gflops() {
      return (double) op.flops() * calls / nanos;
    }

    /** Billion bytes of least traffic per second. */
    double gigabytesPerSecond() {
      return (double) op.bytes() * calls / nanos;
    }
  }

  void add(Op op, long nanos) {
    Entry entry = entries.computeIfAbsent(op, key -> new Entry());
    entry.calls++;
    entry.nanos += nanos;
  }

  void clear() {
    entries.clear();
  }

  /** The costliest first. */
  List<Sum> sums() {
    return entries.entrySet().stream()
        .map(e -> new Sum(e.getKey(), e.getValue().calls, e.getValue().nanos))
        .sorted(Comparator.comparingLong(Sum::nanos).reversed())
        .toList();
  }
}
