/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.CheckpointException;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;

/** The model families that checkpoints are recognised as. */
public final class Families {
  private static final List<Family> ALL =
      List.of(new LladaFamily(), new DreamFamily(), new SdarFamily(), new LlamaFamily());

  private Families() {}

  /** All of them. */
  public static List<Family> all() {
    return ALL;
  }

  /**
   * The family called {@code name}.
   *
   * @throws IllegalArgumentException if there is none
   */
  public static Family named(String name) {
    return ALL.stream()
        .filter(f -> f.name().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "unknown family " + name + "; known are " + names(Family::name)));
  }

  /**
   * The family of a checkpoint: by {@code model_type} of its {@code config.json}, or by {@code
   * general.architecture} of a GGUF file.
   *
   * @throws CheckpointException naming what was found and what is supported
   */
  public static Family of(Checkpoint checkpoint) {
    boolean gguf = checkpoint.format().equals("gguf");
    String key = gguf ? "general.architecture" : "model_type";
    JsonNode value = checkpoint.metadata().path(key);
    if (HybridFamily.is(checkpoint)) {
      throw new CheckpointException(
          "%s: model_type is %s, a latent model of two networks; supported here are %s"
              .formatted(
                  ConfigFields.file(checkpoint),
                  ConfigFields.show(value),
                  names(Family::modelType)));
    }
    return ALL.stream()
        .filter(f -> value.isString() && is(f, value.stringValue()))
        .findFirst()
        .orElseThrow(
            () ->
                new CheckpointException(
                    ConfigFields.file(checkpoint)
                        + ": "
                        + key
                        + " is "
                        + ConfigFields.show(value)
                        + "; supported are "
                        + (gguf
                            ? names(Family::name)
                            : names(Family::modelType) + ", " + HybridFamily.MODEL_TYPE)));
  }

  /** {@link #of} and {@link Family#describe} in one. */
  public static ModelDescription describe(Checkpoint checkpoint) {
    return of(checkpoint).describe(checkpoint);
  }

  static boolean is(Family family, String modelType) {
    return family.name().equalsIgnoreCase(modelType)
        || family.modelType().equalsIgnoreCase(modelType);
  }

  private static String names(Function<Family, String> name) {
    return ALL.stream().map(name).collect(Collectors.joining(", "));
  }
}
