/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** The vocabulary head and the sampler, a tile of rows at a time. */
final class Prediction implements ThreadTeam.Job {
  /** Logits held at once: small enough for a last-level cache. */
  private static final long TILE_BYTES = 32L << 20;

  private static final int MOST_ROWS = 128;
  private static final int FEWEST_ROWS = 16;

  private final ThreadTeam team;
  private final Gemm gemm;
  private final NativeMemory memory;
  private final Sampler[] samplers;
  private MemorySegment inputs = MemorySegment.NULL;
  private MemorySegment logits = MemorySegment.NULL;

  private PredictionRows wanted;
  private Predictions out;
  private int vocabulary;
  private int firstEntry;
  private int[] slot = new int[MOST_ROWS];

  Prediction(ThreadTeam team, Gemm gemm, RowKernels kernels, NativeMemory memory) {
    this.team = team;
    this.gemm = gemm;
    this.memory = memory;
    samplers = new Sampler[team.size()];
    Arrays.setAll(samplers, i -> new Sampler(kernels));
  }

  void predict(MemorySegment hidden, CpuLinear head, PredictionRows wanted, Predictions out) {
    this.wanted = wanted;
    this.out = out;
    vocabulary = head.out;
    int entries = wanted.size();
    out.resize(entries);
    if (entries == 0) {
      return;
    }
    int capacity = Math.clamp(TILE_BYTES / (4L * vocabulary) / 16 * 16, FEWEST_ROWS, MOST_ROWS);
    long rowBytes = (long) head.in * gemm.computeType().blockBytes();
    reserve(capacity * rowBytes, 4L * capacity * vocabulary);
    int next = 0;
    while (next < entries) {
      firstEntry = next;
      int rows = 0;
      while (next < entries) {
        boolean guided = wanted.unconditionalRow(next) >= 0;
        if (rows + (guided ? 2 : 1) > capacity) {
          break;
        }
        slot[next - firstEntry] = rows;
        MemorySegment.copy(
            hidden, wanted.row(next) * rowBytes, inputs, rows++ * rowBytes, rowBytes);
        if (guided) {
          MemorySegment.copy(
              hidden,
              wanted.unconditionalRow(next) * rowBytes,
              inputs,
              rows++ * rowBytes,
              rowBytes);
        }
        next++;
      }
      gemm.multiply(inputs, rows, head, Gemm.Mode.STORE, MemorySegment.NULL, logits);
      team.run(this, next - firstEntry);
    }
  }

  /** Freed blocks are forgotten first: an allocation that fails must not leave one in use. */
  private void reserve(long inputBytes, long logitBytes) {
    if (inputs.byteSize() < inputBytes) {
      memory.free(inputs);
      inputs = MemorySegment.NULL;
      inputs = memory.allocate(inputBytes);
    }
    if (logits.byteSize() < logitBytes) {
      memory.free(logits);
      logits = MemorySegment.NULL;
      logits = memory.allocate(logitBytes);
    }
  }

  @Override
  public void run(int task, int worker) {
    int entry = firstEntry + task;
    Sampler sampler = samplers[worker];
    long at = 4L * slot[task] * vocabulary;
    MemorySegment.copy(logits, JAVA_FLOAT, at, sampler.logits(vocabulary), 0, vocabulary);
    if (wanted.unconditionalRow(entry) >= 0) {
      MemorySegment.copy(
          logits,
          JAVA_FLOAT,
          at + 4L * vocabulary,
          sampler.unconditional(vocabulary),
          0,
          vocabulary);
      sampler.guide(vocabulary, wanted.guidance(entry));
    }
    sampler.predict(vocabulary, wanted, entry, out);
  }
}
