/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.GenerationRequest;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * A model in a race, and how it writes.
 *
 * @param spelled as on the command line
 * @param model checkpoint
 * @param steps network calls that refine the text; none given for a model that writes token by
 *     token, or for the model's own
 * @param guidance scale of classifier-free guidance; none given for the model's own
 */
record RaceEntry(String spelled, Path model, OptionalInt steps, Optional<Float> guidance) {
  private static final Pattern SPELLING =
      Pattern.compile(
          "(.+?)(?:,steps=([1-9][0-9]{0,5}))?(?:,guidance=([0-9]{1,3}(?:\\.[0-9]+)?))?");

  /** Reads {@code PATH[,steps=N][,guidance=G]}. */
  static final class Converter implements ITypeConverter<RaceEntry> {
    @Override
    public RaceEntry convert(String value) {
      Matcher read = SPELLING.matcher(value);
      if (!read.matches() || read.group(1).contains("=")) {
        throw new TypeConversionException(
            "expected PATH[,steps=N][,guidance=G] with N from 1 to 999999; found '" + value + "'");
      }
      return new RaceEntry(
          value,
          Path.of(read.group(1)),
          read.group(2) == null
              ? OptionalInt.empty()
              : OptionalInt.of(Integer.parseInt(read.group(2))),
          Optional.ofNullable(read.group(3)).map(Float::valueOf));
    }
  }

  /** A request for {@code newTokens} after a prompt, which may be empty. */
  GenerationRequest request(int[] prompt, int newTokens, long seed) {
    GenerationRequest.Builder builder = GenerationRequest.builder();
    if (prompt.length > 0) {
      builder.tokens(prompt);
    }
    builder.hole(newTokens).seed(seed);
    steps.ifPresent(builder::steps);
    guidance.ifPresent(builder::guidance);
    return builder.build();
  }
}
