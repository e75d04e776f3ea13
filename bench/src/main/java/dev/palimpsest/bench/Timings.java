/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import java.util.Arrays;
import java.util.function.IntConsumer;

/** Wall times of a piece of work done several times, ascending, in nanoseconds. */
public record Timings(long... nanos) {
  public Timings {
    if (nanos.length == 0) {
      throw new IllegalArgumentException("nothing was timed");
    }
    nanos = nanos.clone();
    Arrays.sort(nanos);
  }

  /**
   * Runs {@code work} {@code warmup} times untimed, then {@code repeat} times timed.
   *
   * @param progress told after each run: runs done so far, warm-ups included
   */
  static Timings measure(int warmup, int repeat, Runnable work, IntConsumer progress) {
    long[] nanos = new long[repeat];
    for (int i = -warmup; i < repeat; i++) {
      long start = System.nanoTime();
      work.run();
      long elapsed = System.nanoTime() - start;
      if (i >= 0) {
        nanos[i] = elapsed;
      }
      progress.accept(i + warmup + 1);
    }
    return new Timings(nanos);
  }

  /** The middle value; the mean of the middle two when their number is even. */
  public static double median(double... values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int n = sorted.length;
    return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
  }

  double bestMs() {
    return nanos[0] / 1e6;
  }

  /** The middle time; the mean of the middle two when their number is even. */
  double medianMs() {
    int n = nanos.length;
    return (nanos[(n - 1) / 2] + nanos[n / 2]) / 2e6;
  }

  double meanMs() {
    return Arrays.stream(nanos).average().orElseThrow() / 1e6;
  }

  /**
   * The smallest time that at least this share of the runs did not exceed.
   *
   * @param quantile in (0, 1]
   */
  double quantileMs(double quantile) {
    return nanos[Math.max(0, (int) Math.ceil(quantile * nanos.length) - 1)] / 1e6;
  }
}
