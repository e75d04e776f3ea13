/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.Stream;

/** Physical memory of this process over time, in MiB. */
final class ResidentMemory {
  private static final Path STATUS = Path.of("/proc/self/status");

  private final List<Double> seconds = new ArrayList<>();
  private final List<Double> mebibytes = new ArrayList<>();

  /** What the process holds now; nothing on systems that do not say. */
  static OptionalDouble now() {
    try (Stream<String> lines = Files.lines(STATUS)) {
      return lines
          .filter(line -> line.startsWith("VmRSS:"))
          .mapToDouble(line -> Long.parseLong(line.replaceAll("\\D", "")) / 1024.0)
          .findFirst();
    } catch (IOException e) {
      return OptionalDouble.empty();
    }
  }

  /** Takes down {@link #now}, at a time in seconds; times ascend. */
  void sample(double at) {
    now().ifPresent(value -> add(at, value));
  }

  void add(double at, double value) {
    seconds.add(at);
    mebibytes.add(value);
  }

  /** About {@code count} of the samples, from the first to the last. */
  List<Long> series(int count) {
    List<Long> some = new ArrayList<>();
    int step = Math.max(1, mebibytes.size() / count);
    for (int i = 0; i < mebibytes.size(); i += step) {
      some.add(Math.round(mebibytes.get(i)));
    }
    return some;
  }

  /** What a straight line through the samples from {@code from} seconds on gains to the last. */
  double growthSince(double from) {
    int first = 0;
    while (first < seconds.size() && seconds.get(first) < from) {
      first++;
    }
    int n = seconds.size() - first;
    if (n < 2) {
      return 0;
    }
    double t =
        seconds.subList(first, seconds.size()).stream().mapToDouble(v -> v).average().orElse(0);
    double m =
        mebibytes.subList(first, seconds.size()).stream().mapToDouble(v -> v).average().orElse(0);
    double over = 0;
    double square = 0;
    for (int i = first; i < seconds.size(); i++) {
      over += (seconds.get(i) - t) * (mebibytes.get(i) - m);
      square += (seconds.get(i) - t) * (seconds.get(i) - t);
    }
    return square == 0 ? 0 : over / square * (seconds.getLast() - seconds.get(first));
  }
}
