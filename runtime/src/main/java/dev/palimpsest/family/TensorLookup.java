/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.CheckpointException;
import dev.palimpsest.weights.RowScales;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** Takes tensors by name, checks their shapes, and keeps account of those left over. */
final class TensorLookup {
  private final Checkpoint checkpoint;
  private final Set<String> used = new HashSet<>();

  TensorLookup(Checkpoint checkpoint) {
    this.checkpoint = checkpoint;
  }

  /** A tensor that has no role here, and may be there. */
  void passOver(String name) {
    used.add(name);
  }

  /**
   * The tensor {@code name}.
   *
   * @throws CheckpointException if it is missing, unreadable or of another shape
   */
  WeightView take(String name, long... shape) {
    WeightView view = checkpoint.tensor(name);
    List<Long> expected = Arrays.stream(shape).boxed().toList();
    if (!view.shape().equals(expected)) {
      throw new CheckpointException(
          checkpoint.path()
              + ": tensor "
              + name
              + " has shape "
              + view.shape()
              + "; expected "
              + expected
              + " by the model's configuration");
    }
    if (view.dtype() == DType.I32) {
      throw new CheckpointException(
          checkpoint.path()
              + ": tensor "
              + name
              + " has element type I32; expected numbers with"
              + " fractions (F32, F16, BF16, Q8_0 or Q4_0)");
    }
    if (!view.isNumbers()) {
      String scales = name + RowScales.SUFFIX;
      WeightView found = checkpoint.tensors().get(scales);
      throw new CheckpointException(
          checkpoint.path()
              + ": tensor "
              + name
              + " has element type I8 and "
              + scales
              + (found == null ? " is missing" : " is " + found.dtype() + found.shape())
              + "; expected a matrix of I8 with F32, F16 or BF16 scales of shape ["
              + view.shape().getFirst()
              + ", 1]");
    }
    RowScales.check(checkpoint, view);
    used.add(name);
    return view;
  }

  /** A tensor without a role would be a part of the computation that is left out. */
  void refuseOthers() {
    Set<String> left = new TreeSet<>();
    for (Map<String, ?> some : List.of(checkpoint.tensors(), checkpoint.unreadable())) {
      for (String name : some.keySet()) {
        if (!used.contains(name) && !name.endsWith(".rotary_emb.inv_freq")) {
          left.add(name);
        }
      }
    }
    if (!left.isEmpty()) {
      throw new CheckpointException(
          checkpoint.path()
              + ": tensor "
              + ConfigFields.shorten(left.iterator().next())
              + (left.size() > 1 ? " and " + (left.size() - 1) + " others have" : " has")
              + " no role in a model of this configuration; the checkpoint computes something that"
              + " is not supported, or its configuration belongs to another one");
    }
  }
}
