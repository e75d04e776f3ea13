/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;

/** Launches of {@code resampling.cu}. */
final class Resampling {
  private static final int TAPS = 4;

  private final StepArrays arrays;
  private final Kernel downF32;
  private final Kernel downBf16;
  private final Kernel gatherF32;
  private final Kernel gatherBf16;
  private final Kernel up;

  Resampling(Modules modules, StepArrays arrays) {
    this.arrays = arrays;
    downF32 = down(modules, "downsample_f32");
    downBf16 = down(modules, "downsample_bf16");
    gatherF32 = gather(modules, "gather_latents_f32");
    gatherBf16 = gather(modules, "gather_latents_bf16");
    up =
        modules.kernel("resampling", "upsample_add", 256, 0, "h*", "from*", "gate*", "x*", "width");
  }

  private static Kernel down(Modules modules, String name) {
    return modules.kernel("resampling", name, 256, 0, "x*", "windows*", "taps*", "out*", "width");
  }

  private static Kernel gather(Modules modules, String name) {
    return modules.kernel("resampling", name, 256, 0, "x*", "index*", "out*", "width");
  }

  void down(Tensor x, RowSpans spans, Tensor taps, RowSpans half, Tensor out) {
    int rows = half.rows();
    int[] ints = arrays.room(2 * rows);
    for (int s = 0; s < half.sequences(); s++) {
      for (int j = 0; j < half.length(s); j++) {
        int has = 0;
        for (int k = 0; k < TAPS; k++) {
          int at = 2 * j - 1 + k;
          has |= at >= 0 && at < spans.length(s) ? 1 << k : 0;
        }
        ints[2 * (half.start(s) + j)] = spans.start(s) + 2 * j - 1;
        ints[2 * (half.start(s) + j) + 1] = has;
      }
    }
    (out.dtype() == DType.BF16 ? downBf16 : downF32)
        .set(0, x.memory())
        .set(1, arrays.upload(ints, 2 * rows))
        .set(2, taps.memory())
        .set(3, out.memory())
        .set(4, x.width())
        .launch(rows);
  }

  void up(Tensor h, RowSpans half, Tensor gate, RowSpans spans, Tensor x) {
    int[] ints = arrays.room(spans.rows());
    for (int s = 0; s < spans.sequences(); s++) {
      for (int i = 0; i < spans.length(s); i++) {
        ints[spans.start(s) + i] = half.start(s) + i / 2;
      }
    }
    up.set(0, h.memory())
        .set(1, arrays.upload(ints, spans.rows()))
        .set(2, gate.memory())
        .set(3, x.memory())
        .set(4, x.width())
        .launch(spans.rows());
  }

  void gather(Tensor x, int[] index, int count, Tensor out) {
    (out.dtype() == DType.BF16 ? gatherBf16 : gatherF32)
        .set(0, x.memory())
        .set(1, arrays.upload(index, count))
        .set(2, out.memory())
        .set(3, out.width())
        .launch(count);
  }
}
