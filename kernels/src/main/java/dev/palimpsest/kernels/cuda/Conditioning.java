/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.Modulation;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** Launches of {@code conditioning.cu}. */
final class Conditioning {
  /** {@code NormShared}. */
  private static final int SHARED = 4 * 32;

  private static final int LEFT = 1;
  private static final int RIGHT = 2;

  private final StepArrays arrays;
  private final Kernel embedF32;
  private final Kernel embedBf16;
  private final Kernel normF32;
  private final Kernel normBf16;
  private final Kernel convolutionF32;
  private final Kernel convolutionBf16;
  private final Kernel timesF32;
  private final Kernel timesBf16;
  private final Kernel gate;

  Conditioning(Modules modules, StepArrays arrays) {
    this.arrays = arrays;
    embedF32 = embed(modules, "embed_add_f32");
    embedBf16 = embed(modules, "embed_add_bf16");
    normF32 = norm(modules, "ada_norm_f32");
    normBf16 = norm(modules, "ada_norm_bf16");
    convolutionF32 = convolution(modules, "convolution_input_f32");
    convolutionBf16 = convolution(modules, "convolution_input_bf16");
    timesF32 = times(modules, "time_features_f32");
    timesBf16 = times(modules, "time_features_bf16");
    gate =
        modules.kernel(
            "conditioning",
            "gate_add",
            256,
            0,
            "x*",
            "y*",
            "modulation*",
            "rowOf*",
            "width",
            "columns",
            "column");
  }

  private static Kernel embed(Modules modules, String name) {
    return modules.kernel("conditioning", name, 256, 0, "table*", "index*", "x*", "width");
  }

  private static Kernel norm(Modules modules, String name) {
    return modules.kernel(
        "conditioning",
        name,
        256,
        SHARED,
        "x*",
        "index*",
        "modulation*",
        "rowOf*",
        "out*",
        "width",
        "columns",
        "column",
        "eps_f");
  }

  private static Kernel convolution(Modules modules, String name) {
    return modules.kernel(
        "conditioning",
        name,
        256,
        0,
        "x*",
        "neighbours*",
        "modulation*",
        "rowOf*",
        "out*",
        "width",
        "groups",
        "columns",
        "column",
        "eps_f");
  }

  private static Kernel times(Modules modules, String name) {
    return modules.kernel("conditioning", name, 64, 0, "times*", "out*", "width");
  }

  void embedAdd(CudaTable table, int[] index, int rows, Tensor x) {
    (table.type() == DType.BF16 ? embedBf16 : embedF32)
        .set(0, table.memory())
        .set(1, arrays.upload(index, rows))
        .set(2, x.memory())
        .set(3, x.width())
        .launch(rows);
  }

  /**
   * @param index rows of x to take, or empty for the first ones
   * @param modulated rows that the modulation must know
   */
  void norm(
      Tensor x,
      int[] index,
      int count,
      int modulated,
      float eps,
      Modulation by,
      int column,
      Tensor out) {
    (out.dtype() == DType.BF16 ? normBf16 : normF32)
        .set(0, x.memory())
        .set(1, index.length == 0 ? 0 : arrays.upload(index, count))
        .set(2, by.table().memory())
        .set(3, arrays.upload(by.rowOf(), modulated))
        .set(4, out.memory())
        .set(5, x.width())
        .set(6, by.table().width())
        .set(7, column)
        .set(8, eps)
        .launch(count);
  }

  void convolution(
      Tensor x,
      RowSpans spans,
      int groups,
      float eps,
      Optional<Modulation> by,
      int column,
      Tensor out) {
    int rows = spans.rows();
    int[] ints = arrays.room(rows);
    for (int s = 0; s < spans.sequences(); s++) {
      int start = spans.start(s);
      int end = spans.start(s + 1);
      for (int row = start; row < end; row++) {
        ints[row] = (row > start ? LEFT : 0) | (row + 1 < end ? RIGHT : 0);
      }
    }
    (out.dtype() == DType.BF16 ? convolutionBf16 : convolutionF32)
        .set(0, x.memory())
        .set(1, arrays.upload(ints, rows))
        .set(2, by.map(m -> m.table().memory()).orElse(MemorySegment.NULL))
        .set(3, by.isPresent() ? arrays.upload(by.get().rowOf(), rows) : 0)
        .set(4, out.memory())
        .set(5, x.width())
        .set(6, groups)
        .set(7, by.map(m -> m.table().width()).orElse(0))
        .set(8, column)
        .set(9, eps)
        .launch(rows);
  }

  void timeFeatures(float[] times, int count, Tensor out) {
    int[] ints = arrays.room(count);
    for (int i = 0; i < count; i++) {
      ints[i] = Float.floatToRawIntBits(times[i]);
    }
    (out.dtype() == DType.BF16 ? timesBf16 : timesF32)
        .set(0, arrays.upload(ints, count))
        .set(1, out.memory())
        .set(2, out.width())
        .launch(count);
  }

  void gateAdd(Tensor x, int rows, Tensor y, Modulation by, int column) {
    gate.set(0, x.memory())
        .set(1, y.memory())
        .set(2, by.table().memory())
        .set(3, arrays.upload(by.rowOf(), rows))
        .set(4, x.width())
        .set(5, by.table().width())
        .set(6, column)
        .launch(rows);
  }
}
