/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import dev.palimpsest.EngineOptions.ComputeType;
import dev.palimpsest.EngineOptions.DeviceChoice;
import dev.palimpsest.EngineOptions.Loop;
import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import dev.palimpsest.process.latent.Solver;
import dev.palimpsest.process.latent.TimeGrid;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Enum values as the command line spells them: lower case, with dashes. */
final class Spelled {
  private Spelled() {}

  static String of(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  private static List<String> all(Class<? extends Enum<?>> type) {
    return Arrays.stream(type.getEnumConstants()).map(Spelled::of).toList();
  }

  private static <E extends Enum<E>> E parse(Class<E> type, String text) {
    for (E value : type.getEnumConstants()) {
      if (of(value).equals(text.toLowerCase(Locale.ROOT).replace('_', '-'))) {
        return value;
      }
    }
    throw new TypeConversionException(
        "expected one of " + String.join(", ", all(type)) + " but found '" + text + "'");
  }

  /** Reads {@code --algorithm}. */
  static final class AlgorithmConverter implements ITypeConverter<Algorithm> {
    @Override
    public Algorithm convert(String value) {
      return parse(Algorithm.class, value);
    }
  }

  /** Reads {@code --cache}. */
  static final class CacheModeConverter implements ITypeConverter<CacheMode> {
    @Override
    public CacheMode convert(String value) {
      return parse(CacheMode.class, value);
    }
  }

  /** Reads {@code --solver}. */
  static final class SolverConverter implements ITypeConverter<Solver> {
    @Override
    public Solver convert(String value) {
      return Solver.spelled(value.toLowerCase(Locale.ROOT))
          .orElseThrow(
              () ->
                  new TypeConversionException(
                      "expected one of " + Solver.spellings() + " but found '" + value + "'"));
    }
  }

  /** Reads {@code --grid}. */
  static final class GridConverter implements ITypeConverter<TimeGrid> {
    @Override
    public TimeGrid convert(String value) {
      return parse(TimeGrid.class, value);
    }
  }

  /** Reads {@code --device}. */
  static final class DeviceConverter implements ITypeConverter<DeviceChoice> {
    @Override
    public DeviceChoice convert(String value) {
      return parse(DeviceChoice.class, value);
    }
  }

  /** Reads {@code --dtype}. */
  static final class TypeConverter implements ITypeConverter<ComputeType> {
    @Override
    public ComputeType convert(String value) {
      return parse(ComputeType.class, value);
    }
  }

  /** Reads {@code --loop}. */
  static final class LoopConverter implements ITypeConverter<Loop> {
    @Override
    public Loop convert(String value) {
      return parse(Loop.class, value);
    }
  }

  /** What {@code --algorithm} takes. */
  static final class Algorithms extends ArrayList<String> {
    private static final long serialVersionUID = 1L;

    Algorithms() {
      super(all(Algorithm.class));
    }
  }

  /** What {@code --cache} takes. */
  static final class CacheModes extends ArrayList<String> {
    private static final long serialVersionUID = 1L;

    CacheModes() {
      super(all(CacheMode.class));
    }
  }

  /** What {@code --solver} takes. */
  static final class Solvers extends ArrayList<String> {
    private static final long serialVersionUID = 1L;

    Solvers() {
      super(Arrays.stream(Solver.values()).map(Solver::spelling).toList());
    }
  }

  /** What {@code --grid} takes. */
  static final class Grids extends ArrayList<String> {
    private static final long serialVersionUID = 1L;

    Grids() {
      super(all(TimeGrid.class));
    }
  }

  /** What {@code --device} takes. */
  static final class Devices extends ArrayList<String> {
    private static final long serialVersionUID = 1L;

    Devices() {
      super(all(DeviceChoice.class));
    }
  }

  /** What {@code --loop} takes. */
  static final class Loops extends ArrayList<String> {
    private static final long serialVersionUID = 1L;

    Loops() {
      super(all(Loop.class));
    }
  }

  /** What {@code --dtype} takes. */
  static final class Types extends ArrayList<String> {
    private static final long serialVersionUID = 1L;

    Types() {
      super(all(ComputeType.class));
    }
  }
}
