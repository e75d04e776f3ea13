/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

import java.lang.foreign.Arena;
import java.util.function.Supplier;

/** A device to be tested, and how numbers come to it and from it. */
public interface TestBed extends AutoCloseable {
  Device device();

  /** For weights; closed with the device. */
  Arena arena();

  /** A tensor with the values in its first rows and poison in rows behind. */
  Tensor tensor(DType type, float[] values, int width);

  /** Nothing but poison, in more rows than asked for. */
  Tensor empty(DType type, int rows, int width);

  /** The first rows, when the rows behind them still hold nothing but poison. */
  float[] read(Tensor t, int rows);

  /** What an op gives; where the device has schedules, in several, which must give the same. */
  float[] found(String what, Supplier<float[]> op);

  @Override
  void close();
}
