/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import dev.palimpsest.weights.Checkpoint;

/** What the publishers of one line of models call their configuration fields and tensors. */
public sealed interface Family permits LladaFamily, DreamFamily {
  /** As {@link dev.palimpsest.network.ModelConfig#family} and GGUF architectures write it. */
  String name();

  /** How the family writes {@code model_type} in {@code config.json}. */
  String modelType();

  /**
   * Finds out what the model is and which tensor plays which role; every shape is checked against
   * the configuration.
   *
   * @throws dev.palimpsest.weights.CheckpointException naming the field or tensor, what was found
   *     and what is supported, if something is missing or wrong or asks for a computation that the
   *     transformer does not do
   */
  ModelDescription describe(Checkpoint checkpoint);

  /** The tensors' names in a Hugging Face folder. */
  TensorNames folderNames();

  /** Whether this family's GGUF files hold Q and K rows in interleaved rotary order. */
  boolean interleavedInGguf();
}
