/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.EngineOptions;
import dev.palimpsest.EngineOptions.ComputeType;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** How a model computes: options the commands share. */
sealed class ComputeOptions permits ModelOptions {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--dtype",
      defaultValue = "auto",
      converter = Dtype.class,
      paramLabel = "TYPE",
      description =
          "Precision of matrix products: auto, f32, bf16 or int8 (default: ${DEFAULT-VALUE}; auto is"
              + " bf16 on a GPU and where the processor multiplies it natively; int8 keeps weights in 8"
              + " bits, on a GPU Q8_0 and Q4_0 as they are stored).")
  private ComputeType dtype;

  @Option(
      names = "--threads",
      defaultValue = "0",
      paramLabel = "N",
      description =
          "Worker threads (default: ${DEFAULT-VALUE}; 0 takes every processor the JVM sees).")
  private int threads;

  /** Reads a precision. */
  static final class Dtype implements ITypeConverter<ComputeType> {
    @Override
    public ComputeType convert(String value) {
      for (ComputeType type : ComputeType.values()) {
        if (type.name().equalsIgnoreCase(value)) {
          return type;
        }
      }
      throw new TypeConversionException(
          "expected one of "
              + Arrays.stream(ComputeType.values())
                  .map(type -> type.name().toLowerCase(Locale.ROOT))
                  .collect(Collectors.joining(", "))
              + "; found '"
              + value
              + "'");
    }
  }

  final ComputeType dtype() {
    return dtype;
  }

  /** The number asked for, or all processors. */
  final int threads() {
    atLeast("--threads", threads, 0);
    return threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
  }

  final EngineOptions engineOptions() {
    return EngineOptions.DEFAULT.withDtype(dtype).withThreads(threads());
  }

  /** Refuses an option's value below {@code least}, naming the option. */
  final int atLeast(String option, int value, int least) {
    if (value < least) {
      throw new ParameterException(
          spec.commandLine(), option + " must be at least " + least + "; found " + value);
    }
    return value;
  }
}
