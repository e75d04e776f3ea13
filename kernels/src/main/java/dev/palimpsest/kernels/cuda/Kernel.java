/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.palimpsest.bindings.CudaStatus;
import dev.palimpsest.bindings.cuda.Cuda;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.StringJoiner;

/**
 * A kernel ready to launch, with one block of native memory for its arguments: eight bytes each,
 * and the pointers to them that the driver wants. Setting an argument and launching allocate
 * nothing.
 */
final class Kernel {
  private final CudaContext context;
  private final boolean checked;
  private final String name;
  private final MemorySegment function;
  private final int threads;
  private final int sharedBytes;
  private final String[] names;
  private final MemorySegment values;
  private final MemorySegment pointers;

  /**
   * @param names of the arguments; those that end with {@code *} are addresses
   */
  Kernel(
      CudaContext context,
      boolean checked,
      Arena arena,
      String name,
      MemorySegment function,
      int threads,
      int sharedBytes,
      String... names) {
    this.context = context;
    this.checked = checked;
    this.name = name;
    this.function = function;
    this.threads = threads;
    this.sharedBytes = sharedBytes;
    this.names = names;
    values = arena.allocate(JAVA_LONG, names.length);
    pointers = arena.allocate(ADDRESS, names.length);
    for (int i = 0; i < names.length; i++) {
      pointers.setAtIndex(ADDRESS, i, values.asSlice(8L * i));
    }
  }

  Kernel set(int i, long value) {
    values.setAtIndex(JAVA_LONG, i, value);
    return this;
  }

  Kernel set(int i, int value) {
    values.set(JAVA_INT, 8L * i, value);
    return this;
  }

  Kernel set(int i, float value) {
    values.set(JAVA_FLOAT, 8L * i, value);
    return this;
  }

  Kernel set(int i, MemorySegment address) {
    return set(i, address.address());
  }

  void launch(int gridX) {
    launch(gridX, 1, sharedBytes);
  }

  void launch(int gridX, int gridY) {
    launch(gridX, gridY, sharedBytes);
  }

  /**
   * Gives the kernel to the stream. Nothing to do, no blocks, is no launch.
   *
   * @throws IllegalStateException if the driver refuses; the message has the kernel and its shapes
   */
  void launch(int gridX, int gridY, int shared) {
    if (gridX == 0 || gridY == 0) {
      return;
    }
    int status =
        Cuda.cuLaunchKernel(
            function,
            gridX,
            gridY,
            1,
            threads,
            1,
            1,
            shared,
            context.stream().segment(),
            pointers,
            MemorySegment.NULL);
    if (status == 0 && checked) {
      status = Cuda.cuStreamSynchronize(context.stream().segment());
    }
    if (status != 0) {
      throw new IllegalStateException(
          "CUDA kernel %s failed: %s (%d); %s"
              .formatted(
                  name, new CudaStatus(status).name(), status, shapes(gridX, gridY, shared)));
    }
  }

  private String shapes(int gridX, int gridY, int shared) {
    StringJoiner text =
        new StringJoiner(
            ", ",
            "grid %d x %d, %d threads, %d bytes of shared memory, "
                .formatted(gridX, gridY, threads, shared),
            "");
    for (int i = 0; i < names.length; i++) {
      if (names[i].endsWith("*")) {
        continue;
      }
      int bits = values.get(JAVA_INT, 8L * i);
      text.add(
          names[i]
              + "="
              + (names[i].endsWith("f") ? String.valueOf(Float.intBitsToFloat(bits)) : bits));
    }
    return text.toString();
  }
}
