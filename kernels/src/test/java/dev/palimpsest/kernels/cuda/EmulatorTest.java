/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.bindings.CudaLibrary;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Each kind of mistake, planted in a kernel of {@code planted.cu}, must be found. */
class EmulatorTest {
  /** {@code PlantedShared}: 64 floats and an mbarrier. */
  private static final int SHARED = 4 * 64 + 8;

  private CudaContext context;
  private Modules modules;
  private DeviceMemory memory;

  @BeforeEach
  void open() throws IOException {
    Emulator.only();
    CudaLibrary.find().orThrow();
    JCudaLibrary.load();
    context = new CudaContext(0, true);
    context.enter();
    modules = new Modules(context);
    memory = new DeviceMemory(context);
  }

  @AfterEach
  void close() {
    if (context != null) {
      Emulator.reset();
      modules.close();
      memory.close();
      context.close();
    }
  }

  private Kernel kernel(String name) {
    return modules.kernel("embed", name, 64, SHARED, "out*", "in*");
  }

  private MemorySegment filled(int n) {
    MemorySegment block = memory.allocate(4L * n);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(4L * n, 4);
      for (int i = 0; i < n; i++) {
        host.setAtIndex(ValueLayout.JAVA_FLOAT, i, i + 1);
      }
      context.upload(host, 0, block.address(), 4L * n);
      context.synchronize("test");
    }
    return block;
  }

  @ParameterizedTest
  @CsvSource({
    "planted_missing_barrier, race on shared memory",
    "planted_race, race on shared memory",
    "planted_missing_syncwarp, race on shared memory",
    "planted_shared_out_of_bounds, out of bounds",
    "planted_uninitialised_shared, read of uninitialised shared memory",
    "planted_divergent_collective, divergent collective",
    "planted_exited_lane, have exited",
    "planted_divergent_barrier, deadlock",
    "planted_missing_wait, asynchronous copy",
  })
  void plantedMistakesAreFoundInEverySchedule(String name, String words) {
    MemorySegment in = filled(64);
    MemorySegment out = memory.allocate(4 * 64);
    Kernel kernel = kernel(name).set(0, out).set(1, in);
    for (int seed = 0; seed < 5; seed++) {
      Emulator.seed(seed);
      IllegalStateException e =
          assertThrows(IllegalStateException.class, () -> kernel.launch(1), "seed " + seed);
      assertTrue(e.getMessage().contains(name), e.getMessage());
      assertTrue(e.getMessage().contains("grid 1 x 1 x 1, 64 threads"), e.getMessage());
      assertTrue(e.getMessage().contains("CUDA_ERROR_ILLEGAL_ADDRESS"), e.getMessage());
      assertTrue(Emulator.failure().startsWith(name + ": "), Emulator.failure());
      assertTrue(Emulator.failure().contains(words), Emulator.failure());
      assertTrue(Emulator.failure().contains("[block 0,0,0"), Emulator.failure());
      // On a chip everything fails from here on, until the context is gone.
      assertThrows(RuntimeException.class, () -> context.synchronize("test"));
      Emulator.reset();
    }
  }

  @Test
  void accessesOutsideOfAllocationsAreFound() {
    Kernel kernel =
        modules
            .kernel("embed", "planted_out_of_bounds", 64, 0, "out*", "n")
            .set(0, memory.allocate(4 * 100))
            .set(1, 100);
    assertThrows(IllegalStateException.class, () -> kernel.launch(1));
    assertTrue(Emulator.failure().contains("out of bounds: write of 4 bytes"), Emulator.failure());
    Emulator.reset();
    kernel.set(1, 99).launch(1);
    assertThrows(IllegalStateException.class, () -> kernel.set(0, 0L).launch(1));
    assertTrue(Emulator.failure().contains("null pointer"), Emulator.failure());
  }

  @Test
  void deviceMemoryThatNobodyWroteIsFound() {
    long[] raw = new long[1];
    jcuda.driver.CUdeviceptr pointer = new DevicePointer();
    assertEquals(0, jcuda.driver.JCudaDriver.cuMemAlloc(pointer, 256));
    raw[0] = ((DevicePointer) pointer).address();
    Kernel kernel = kernel("planted_uninitialised").set(0, memory.allocate(256)).set(1, raw[0]);
    assertThrows(IllegalStateException.class, () -> kernel.launch(1));
    assertTrue(Emulator.failure().contains("uninitialised device memory"), Emulator.failure());
    Emulator.reset();
    assertEquals(0, jcuda.driver.JCudaDriver.cuMemFree(pointer));
    assertEquals(1, jcuda.driver.JCudaDriver.cuMemFree(pointer));
  }

  /** Waiting for the phase before the first one passes at once: what is read then is not there. */
  @Test
  void aWaitForTheWrongPhaseIsFound() {
    Kernel kernel = kernel("planted_wrong_phase").set(0, memory.allocate(256)).set(1, filled(64));
    assertThrows(IllegalStateException.class, () -> kernel.launch(1));
    assertTrue(Emulator.failure().contains("uninitialised shared memory"), Emulator.failure());
  }

  private Kernel products(String name, MemorySegment out) {
    return modules.kernel("embed", name, 128, 2 * 64 * 64 * 2, "out*").set(0, out);
  }

  @ParameterizedTest
  @CsvSource({
    "planted_products_without_fence, wgmma without a fence",
    "planted_products_of_unfenced_stores, without a proxy fence",
    "planted_products_overwritten, race on shared memory",
    "planted_products_of_some_warps, took part in",
  })
  void plantedMistakesInProductsOfWarpsAreFound(String name, String words) {
    Kernel kernel = products(name, memory.allocate(4 * 128));
    for (int seed = 0; seed < 3; seed++) {
      Emulator.seed(seed);
      assertThrows(IllegalStateException.class, () -> kernel.launch(1), "seed " + seed);
      assertTrue(Emulator.failure().contains(words), Emulator.failure());
      Emulator.reset();
    }
  }

  @Test
  void productsOfWarpsAreThereOnceTheyAreWaitedFor() {
    MemorySegment out = memory.allocate(4 * 128);
    products("correct_products", out).launch(1);
    assertEquals(32, firstOf(out));
    products("planted_products_not_waited_for", out).launch(1);
    assertEquals(Float.NaN, firstOf(out));
  }

  private float firstOf(MemorySegment block) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(4, 4);
      context.download(block.address(), host, 0, 4);
      context.synchronize("test");
      return host.get(ValueLayout.JAVA_FLOAT, 0);
    }
  }

  @ParameterizedTest
  @CsvSource({"correct_exchange", "correct_copy", "correct_bulk_copy"})
  void theSameWithoutTheMistakePasses(String name) {
    MemorySegment in = filled(64);
    MemorySegment out = memory.allocate(256);
    for (int seed = 0; seed < 20; seed++) {
      Emulator.seed(seed);
      kernel(name).set(0, out).set(1, in).launch(3);
      context.synchronize("test");
    }
    assertEquals(name.equals("correct_exchange") ? 32 : 1, firstOf(out));
  }
}
