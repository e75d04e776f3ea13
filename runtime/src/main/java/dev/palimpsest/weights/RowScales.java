/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weights;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.WeightView;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Matrices of bytes and their scales, which compressed-tensors' format {@code int-quantized} keeps
 * in two tensors: {@code X} and {@code X_scale} (github.com/vllm-project/compressed-tensors).
 */
public final class RowScales {
  /** What follows a matrix's name in that of its scales. */
  public static final String SUFFIX = "_scale";

  private static final int CHUNK = 4096;

  /** Above this a scale times a byte is no finite float. */
  private static final float LARGEST = Float.MAX_VALUE / 128;

  private RowScales() {}

  /** Gives the matrices of bytes their scales; those whose scales are missing stay as they are. */
  static Map<String, WeightView> join(Map<String, WeightView> tensors) {
    Map<String, WeightView> out = new LinkedHashMap<>(tensors);
    for (WeightView view : tensors.values()) {
      WeightView scales = tensors.get(view.name() + SUFFIX);
      if (view.dtype() == DType.I8 && scales != null && view.isScaledBy(scales)) {
        out.put(view.name(), view.scaledBy(scales));
        out.remove(scales.name());
      }
    }
    return out;
  }

  /**
   * Reads the scales of {@code view}, if it has any.
   *
   * @throws CheckpointException naming tensor and row if one is not positive and finite
   */
  public static void check(Checkpoint checkpoint, WeightView view) {
    if (view.rowScales().isEmpty()) {
      return;
    }
    WeightView scales = view.rowScales().get();
    float[] some = new float[CHUNK];
    for (long row = 0; row < scales.elements(); row += CHUNK) {
      int n = (int) Math.min(CHUNK, scales.elements() - row);
      ElementCodec.decode(scales, row, n, some);
      for (int i = 0; i < n; i++) {
        if (!(some[i] > 0 && some[i] <= LARGEST)) {
          throw new CheckpointException(
              checkpoint.path()
                  + ": tensor "
                  + MappedFile.show(scales.name())
                  + ": the scale of row "
                  + (row + i)
                  + " is "
                  + some[i]
                  + "; expected a positive, finite number");
        }
      }
    }
  }
}
