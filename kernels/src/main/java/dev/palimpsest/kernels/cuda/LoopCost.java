/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.palimpsest.bindings.CudaException;
import dev.palimpsest.bindings.CudaLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * What a turn of a loop on the device costs by itself, in microseconds, by who decides that there
 * is another one; a turn is one launch that counts down.
 *
 * @param host the host, after each turn
 * @param lagged the host, one turn behind
 * @param device a WHILE node; 0 where there is none
 * @param trouble why there is none; else empty
 */
public record LoopCost(double host, double lagged, double device, String trouble) {
  private static final int RUNS = 3;

  /**
   * Measures it.
   *
   * @param device with {@code instruments.fatbin} on the class path
   * @param turns of each loop
   */
  public static LoopCost measure(CudaDevice device, int turns) {
    LoopCost[] found = new LoopCost[1];
    device.exclusively(() -> found[0] = measure(device.context(), device.memory(), turns));
    return found[0];
  }

  private static LoopCost measure(CudaContext context, DeviceMemory memory, int turns) {
    context.enter();
    MemorySegment left = memory.allocate(JAVA_INT.byteSize());
    MemorySegment trace = memory.allocate(JAVA_INT.byteSize() * (turns + 2L));
    try (Modules modules = new Modules(context);
        Arena arena = Arena.ofConfined()) {
      Kernel step = modules.kernel("instruments", "instrument_step", 32, 0, "left*", "trace*");
      MemorySegment start = arena.allocateFrom(JAVA_INT, turns);
      Runnable turn = () -> step.set(0, left).set(1, trace).launch(1);
      double host = time(context, memory, LoopWay.HOST, turn, left, step, start, turns);
      double lagged = time(context, memory, LoopWay.LAGGED, turn, left, step, start, turns);
      if (LoopWay.best(CudaLibrary.find().orThrow()) != LoopWay.DEVICE) {
        return new LoopCost(host, lagged, 0, "the driver has no conditional nodes");
      }
      try {
        Kernel again = LoopWay.again(modules);
        return new LoopCost(
            host,
            lagged,
            time(context, memory, LoopWay.DEVICE, turn, left, again, start, turns),
            "");
      } catch (IllegalStateException | CudaException e) {
        return new LoopCost(host, lagged, 0, String.valueOf(e.getMessage()));
      }
    } finally {
      context.launches().close();
      memory.free(left);
      memory.free(trace);
    }
  }

  /** Microseconds a turn, the best of some runs. */
  private static double time(
      CudaContext context,
      DeviceMemory memory,
      LoopWay way,
      Runnable turn,
      MemorySegment left,
      Kernel again,
      MemorySegment start,
      int turns) {
    double best = Double.POSITIVE_INFINITY;
    try (DeviceLoop loop = new DeviceLoop(context, memory, way, turn, left.address(), again)) {
      for (int i = 0; i < RUNS; i++) {
        context.upload(start, 0, left.address(), start.byteSize());
        context.synchronize("starting a loop");
        long begun = System.nanoTime();
        loop.run(turns + 1);
        best = Math.min(best, (System.nanoTime() - begun) / 1e3 / turns);
      }
    }
    return best;
  }
}
