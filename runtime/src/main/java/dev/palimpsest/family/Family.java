/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.weights.Checkpoint;
import tools.jackson.databind.node.ObjectNode;

/** What the publishers of one line of models call their configuration fields and tensors. */
public sealed interface Family permits LladaFamily, DreamFamily, SdarFamily, LlamaFamily {
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

  /**
   * The {@code config.json} that says what {@code config} says, without an element type.
   *
   * @throws IllegalArgumentException if the family's files cannot say it
   */
  ObjectNode configJson(ModelConfig config);

  /**
   * The key/value pairs of a GGUF file that say what {@code config} says, with a tokenizer of
   * {@code no_vocab}.
   *
   * @throws IllegalArgumentException if the format cannot say it
   */
  default ObjectNode ggufMetadata(ModelConfig config) {
    return GgufDescription.metadata(this, config);
  }

  /** The tensors' names in a Hugging Face folder. */
  TensorNames folderNames();

  /** Whether its models write from left to right, each position seeing what precedes it alone. */
  default boolean causal() {
    return false;
  }

  /** Whether this family's GGUF files hold Q and K rows in interleaved rotary order. */
  boolean interleavedInGguf();
}
