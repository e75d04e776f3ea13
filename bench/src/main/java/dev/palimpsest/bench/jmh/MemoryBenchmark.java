/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.jmh;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** The floor under memory-bound ops: copying more than any cache holds, on one thread. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class MemoryBenchmark {
  private static final long SIZE = 256L << 20;

  private Arena arena;
  private MemorySegment from;
  private MemorySegment to;

  @Setup(Level.Trial)
  public void open() {
    arena = Arena.ofShared();
    from = arena.allocate(SIZE, 4096).fill((byte) 1);
    to = arena.allocate(SIZE, 4096).fill((byte) 2);
    WorkRate.perCall(0, 2.0 * SIZE);
  }

  @TearDown(Level.Trial)
  public void close() {
    arena.close();
  }

  @Benchmark
  public void copy() {
    MemorySegment.copy(from, 0, to, 0, SIZE);
  }
}
