/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.TestBed;
import java.lang.foreign.Arena;
import java.util.function.Supplier;

/** A processor to be tested by what every device is tested by. */
record CpuBed(CpuDevice device, Arena arena) implements TestBed {
  /** Rows of poison behind each tensor. */
  private static final int SPARE = 2;

  CpuBed(CpuOptions options) {
    this(CpuDevice.open(options), Arena.ofShared());
  }

  @Override
  public Tensor tensor(DType type, float[] values, int width) {
    return Fixture.tensor(device, type, values, width, SPARE);
  }

  @Override
  public Tensor empty(DType type, int rows, int width) {
    return Fixture.empty(device, type, rows, width, SPARE);
  }

  @Override
  public float[] read(Tensor t, int rows) {
    assertTrue(Fixture.guarded(t, rows), "wrote behind its rows");
    return Fixture.read(t, rows);
  }

  @Override
  public float[] found(String what, Supplier<float[]> op) {
    return op.get();
  }

  @Override
  public void close() {
    device.close();
    arena.close();
  }
}
