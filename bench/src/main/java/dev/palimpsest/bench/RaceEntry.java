/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.GenerationRequest;
import dev.palimpsest.network.ModelConfig;
import java.nio.file.Path;
import java.util.OptionalInt;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * A model in a race, and how many steps it takes.
 *
 * @param spelled as on the command line
 * @param model checkpoint
 * @param steps network calls that refine the text; none given for a model that writes token by
 *     token, or for the model's own
 */
record RaceEntry(String spelled, Path model, OptionalInt steps) {
  private static final String STEPS = ",steps=";

  /** Reads {@code PATH} or {@code PATH,steps=N}. */
  static final class Converter implements ITypeConverter<RaceEntry> {
    @Override
    public RaceEntry convert(String value) {
      int at = value.lastIndexOf(STEPS);
      if (at < 0) {
        return new RaceEntry(value, Path.of(value), OptionalInt.empty());
      }
      String steps = value.substring(at + STEPS.length());
      if (!steps.matches("[1-9][0-9]{0,5}")) {
        throw new TypeConversionException(
            "expected PATH or PATH,steps=N with N from 1 to 999999; found '" + value + "'");
      }
      return new RaceEntry(
          value, Path.of(value.substring(0, at)), OptionalInt.of(Integer.parseInt(steps)));
    }
  }

  /** Request {@code index} of a round: {@code shape} says the prompt and how much is written. */
  GenerationRequest request(DecodeShape shape, ModelConfig config, int index) {
    GenerationRequest.Builder builder = GenerationRequest.builder();
    if (shape.promptLength() > 0) {
      builder.tokens(shape.prompt(config, index));
    }
    builder.hole(shape.newTokens()).seed(index);
    steps.ifPresent(builder::steps);
    return builder.build();
  }
}
