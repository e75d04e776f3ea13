/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.StringJoiner;

/**
 * A kernel ready to launch, with one block of native memory for its arguments, eight bytes each.
 * Setting an argument and launching allocate nothing.
 */
final class Kernel {
  private final LaunchList launches;
  private final int number;
  private final String name;
  private final MemorySegment function;
  private final int threads;
  private final int sharedBytes;
  private final String[] names;
  private final MemorySegment values;
  private final Optional<LaunchConfig> config;

  /**
   * @param attributes of every launch
   * @param names of the arguments; those that end with {@code *} are addresses, with {@code _f}
   *     floats, the others ints
   */
  Kernel(
      LaunchList launches,
      Arena arena,
      String name,
      MemorySegment function,
      int threads,
      int sharedBytes,
      LaunchAttributes attributes,
      String... names) {
    this.launches = launches;
    this.name = name;
    this.function = function;
    this.threads = threads;
    this.sharedBytes = sharedBytes;
    this.names = names;
    values = arena.allocate(JAVA_LONG, names.length);
    config =
        attributes.equals(LaunchAttributes.NONE)
            ? Optional.empty()
            : Optional.of(new LaunchConfig(arena, attributes, threads));
    number = launches.register(this, names.length);
  }

  String name() {
    return name;
  }

  MemorySegment function() {
    return function;
  }

  int threads() {
    return threads;
  }

  /** What it is launched with beside its grid; nothing for most. */
  Optional<LaunchConfig> config() {
    return config;
  }

  Kernel set(int i, long value) {
    values.setAtIndex(JAVA_LONG, i, value);
    return this;
  }

  Kernel set(int i, int value) {
    values.setAtIndex(JAVA_LONG, i, value & 0xFFFFFFFFL);
    return this;
  }

  Kernel set(int i, float value) {
    return set(i, Float.floatToRawIntBits(value));
  }

  Kernel set(int i, MemorySegment address) {
    return set(i, address.address());
  }

  void launch(int gridX) {
    launch(gridX, 1, 1, sharedBytes);
  }

  void launch(int gridX, int gridY) {
    launch(gridX, gridY, 1, sharedBytes);
  }

  void launch(int gridX, int gridY, int gridZ) {
    launch(gridX, gridY, gridZ, sharedBytes);
  }

  /**
   * Adds a launch to the list. Nothing to do, no blocks, is no launch.
   *
   * @throws IllegalStateException if the driver refuses one; the message has the kernel and its
   *     shapes
   */
  void launch(int gridX, int gridY, int gridZ, int shared) {
    if (gridX > 0 && gridY > 0) {
      launches.add(number, gridX, gridY, gridZ, shared, values);
    }
  }

  /** Grid and arguments of a launch, for messages. */
  String shapes(int gridX, int gridY, int gridZ, int shared, MemorySegment arguments) {
    StringJoiner text =
        new StringJoiner(
            ", ",
            "grid %d x %d x %d, %d threads, %d bytes of shared memory, "
                .formatted(gridX, gridY, gridZ, threads, shared),
            "");
    config.ifPresent(with -> text.add(with.attributes().toString()));
    for (int i = 0; i < names.length; i++) {
      if (names[i].endsWith("_f")) {
        text.add(names[i].replace("_f", "") + "=" + arguments.get(JAVA_FLOAT, 8L * i));
      } else if (!names[i].endsWith("*")) {
        text.add(names[i] + "=" + arguments.get(JAVA_INT, 8L * i));
      }
    }
    return text.toString();
  }
}
