/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.jmh;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.infra.IterationParams;
import org.openjdk.jmh.profile.InternalProfiler;
import org.openjdk.jmh.results.AggregationPolicy;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.ScalarResult;

/**
 * Turns the time of an iteration into achieved GFLOP/s and GB/s, shown beside it. A benchmark says
 * in its setup how much one call does; measured in average-time mode.
 */
public final class WorkRate implements InternalProfiler {
  /** Name of the secondary result in billion floating-point operations per second. */
  public static final String GFLOPS = "gflops";

  /** Name of the secondary result in billion bytes per second. */
  public static final String GIGABYTES = "gbps";

  private static volatile double flops;
  private static volatile double bytes;

  /**
   * Says what one call of the benchmark that is being set up does.
   *
   * @param flops floating-point operations of matrix products; 0 for none
   * @param bytes least memory traffic: inputs and weights once, outputs once; 0 for unknown
   */
  static void perCall(double flops, double bytes) {
    WorkRate.flops = flops;
    WorkRate.bytes = bytes;
  }

  @Override
  public String getDescription() {
    return "achieved GFLOP/s and GB/s";
  }

  @Override
  public void beforeIteration(BenchmarkParams benchmark, IterationParams iteration) {}

  @Override
  public Collection<? extends Result<?>> afterIteration(
      BenchmarkParams benchmark, IterationParams iteration, IterationResult result) {
    double nanos =
        result.getPrimaryResult().getScore()
            * TimeUnit.NANOSECONDS.convert(1, benchmark.getTimeUnit());
    List<ScalarResult> rates = new ArrayList<>();
    if (flops > 0) {
      rates.add(new ScalarResult(GFLOPS, flops / nanos, "GFLOP/s", AggregationPolicy.AVG));
    }
    if (bytes > 0) {
      rates.add(new ScalarResult(GIGABYTES, bytes / nanos, "GB/s", AggregationPolicy.AVG));
    }
    return rates;
  }
}
