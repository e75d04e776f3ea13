/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.bindings.CudaLibrary;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The same turns, whoever decides that there is another. */
class DeviceLoopTest {
  private static final int TURNS = 7;

  private CudaContext context;
  private Modules modules;
  private DeviceMemory memory;
  private MemorySegment left;
  private MemorySegment trace;
  private Kernel step;
  private Kernel again;

  @BeforeEach
  void open() throws IOException {
    Emulator.required();
    CudaLibrary.find().orThrow();
    JCudaLibrary.load();
    open(false);
  }

  private void open(boolean checked) {
    context = new CudaContext(0, checked);
    context.enter();
    modules = new Modules(context);
    memory = new DeviceMemory(context);
    left = memory.allocate(4);
    trace = memory.allocate(4 * 64);
    // On the emulator every module has every kernel.
    step = kernel("instruments", "instrument_step", "left*", "trace*");
    again = LoopWay.again(modules);
  }

  @AfterEach
  void close() {
    if (context != null) {
      modules.close();
      memory.close();
      context.close();
    }
  }

  private Kernel kernel(String file, String name, String... arguments) {
    return modules.kernel(Emulator.chip() ? file : "embed", name, 32, 0, arguments);
  }

  private void start(int turns) {
    try (Arena arena = Arena.ofConfined()) {
      context.upload(arena.allocate(JAVA_INT, 64), 0, trace.address(), 4 * 64);
      context.upload(arena.allocateFrom(JAVA_INT, turns), 0, left.address(), 4);
      context.synchronize("test");
    }
  }

  private int[] trace() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(JAVA_INT, 64);
      context.download(trace.address(), host, 0, 4 * 64);
      context.synchronize("test");
      return host.toArray(JAVA_INT);
    }
  }

  /** A turn of two launches; only the first of them counts down. */
  private void turn() {
    step.set(0, left).set(1, trace).launch(1);
    step.set(0, trace.address() + 4 * 60).set(1, trace).launch(1);
  }

  private static int[] expected(int turns) {
    int[] trace = new int[64];
    for (int i = turns; i > 0; i--) {
      trace[i] = trace[i + 1] * 3 + i;
    }
    return trace;
  }

  @ParameterizedTest
  @EnumSource
  void everyWayMakesTheSameTurns(LoopWay way) {
    Assumptions.assumeTrue(
        way != LoopWay.DEVICE || LoopWay.best(CudaLibrary.find().orThrow()) == LoopWay.DEVICE,
        "this driver has no conditional nodes");
    try (DeviceLoop loop =
        new DeviceLoop(context, memory, way, this::turn, left.address(), again)) {
      for (int turns : new int[] {TURNS, 1, TURNS, 3}) {
        start(turns);
        loop.run(100);
        assertArrayEquals(expected(turns), trace(), way + ", " + turns + " turns");
        assertEquals(
            switch (way) {
              case HOST -> turns;
              case LAGGED -> turns + 1;
              case DEVICE -> 1;
            },
            loop.turns());
      }
    }
  }

  /** Who waits for every launch does not while they are captured. */
  @Test
  void aCheckedDeviceRepeatsTooByItself() {
    Emulator.only();
    close();
    open(true);
    try (DeviceLoop loop =
        new DeviceLoop(context, memory, LoopWay.DEVICE, this::turn, left.address(), again)) {
      start(TURNS);
      loop.run(100);
      assertArrayEquals(expected(TURNS), trace());
    }
  }

  /** From the second turn on a turn is one replay, whoever counts. */
  @Test
  void aTurnIsOneReplay() {
    Emulator.only();
    try (DeviceLoop loop =
        new DeviceLoop(context, memory, LoopWay.HOST, this::turn, left.address(), again)) {
      start(TURNS);
      long before = Emulator.graphLaunches();
      loop.run(100);
      assertEquals(TURNS - 1, Emulator.graphLaunches() - before);
    }
    try (DeviceLoop loop =
        new DeviceLoop(context, memory, LoopWay.DEVICE, this::turn, left.address(), again)) {
      start(TURNS);
      long before = Emulator.graphLaunches();
      loop.run(100);
      assertEquals(1, Emulator.graphLaunches() - before);
    }
  }

  @Test
  void aLoopThatDoesNotEndIsGivenUp() {
    for (LoopWay way : new LoopWay[] {LoopWay.HOST, LoopWay.LAGGED}) {
      try (DeviceLoop loop =
          new DeviceLoop(context, memory, way, this::turn, left.address(), again)) {
        start(40);
        IllegalStateException e = assertThrows(IllegalStateException.class, () -> loop.run(5));
        assertTrue(e.getMessage().contains("after 5 turns"), e.getMessage());
        context.synchronize("test");
      }
    }
  }

  @Test
  void oldDriversLeaveTheLoopToTheHost() {
    Emulator.only();
    CudaLibrary driver = CudaLibrary.find().orThrow();
    assertEquals(LoopWay.DEVICE, LoopWay.best(driver));
    Emulator.driverVersion(12030);
    assertEquals(LoopWay.LAGGED, LoopWay.best(driver));
    Emulator.reset();
  }
}
