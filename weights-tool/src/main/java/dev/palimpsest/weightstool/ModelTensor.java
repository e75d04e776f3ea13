/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weightstool;

import dev.palimpsest.family.Family;
import dev.palimpsest.family.ModelDescription;
import dev.palimpsest.family.TensorNames;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.weights.Checkpoint;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A tensor of a checkpoint that was understood, with its names in both formats.
 *
 * @param pairing order of its rows if it is a query or key projection of a family whose formats
 *     differ in that
 */
record ModelTensor(
    String folderName, String ggufName, WeightView view, Optional<Rope.Pairing> pairing) {
  /** All tensors that the description uses, in file order. */
  static List<ModelTensor> of(Checkpoint checkpoint, Family family, ModelDescription model) {
    boolean gguf = checkpoint.format().equals("gguf");
    TensorNames here = gguf ? TensorNames.GGUF : family.folderNames();
    TensorNames there = gguf ? family.folderNames() : TensorNames.GGUF;
    int layers = model.config().layers();
    List<ModelTensor> out = new ArrayList<>();
    for (WeightView view : checkpoint.tensors().values()) {
      String name = view.name();
      boolean unused =
          name.endsWith(".rotary_emb.inv_freq")
              || (model.config().tiedHead() && name.equals(here.head()));
      if (unused) {
        continue;
      }
      String other =
          here.translate(name, there, layers)
              .orElseThrow(
                  () ->
                      new IllegalArgumentException(
                          checkpoint.path()
                              + ": tensor "
                              + name
                              + " has no name in "
                              + (gguf ? "a Hugging Face folder" : "GGUF")
                              + " of the family "
                              + family.name()));
      boolean turns =
          family.interleavedInGguf()
              && here.layerOf(name) >= 0
              && (isPart(here, name, here.projections().query())
                  || isPart(here, name, here.projections().key()));
      out.add(
          new ModelTensor(
              gguf ? other : name,
              gguf ? name : other,
              view,
              turns ? Optional.of(model.config().rope().pairing()) : Optional.empty()));
    }
    return out;
  }

  /** Elements that move together: a row, or all of a vector whose order stands. */
  int rowLength() {
    boolean single = isVector() && pairing.isPresent();
    return single ? 1 : Math.toIntExact(isVector() ? view.elements() : view.shape().getLast());
  }

  /** Whether it is a norm or a bias. */
  boolean isVector() {
    return view.shape().size() < 2;
  }

  private static boolean isPart(TensorNames names, String name, String stem) {
    int layer = names.layerOf(name);
    return name.equals(names.weight(layer, stem)) || name.equals(names.bias(layer, stem));
  }
}
