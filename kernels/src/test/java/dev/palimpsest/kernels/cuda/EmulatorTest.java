/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.bindings.CudaException;
import dev.palimpsest.bindings.CudaLibrary;
import dev.palimpsest.bindings.TensorMap;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
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
    "planted_misaligned, misaligned address",
    "planted_misaligned_pair, misaligned address",
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

  /** A kernel that copies a box by a map of a tensor of 20 rows of 32 floats. */
  private Kernel box(String name, MemorySegment out) {
    MemorySegment map = memory.allocate(TensorMap.ALIGNMENT);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host =
          TensorMap.dense(
                  TensorMap.Type.F32,
                  filled(20 * 32).address(),
                  List.of(32L, 20L),
                  List.of(32, 8),
                  TensorMap.Swizzle.BYTES_128)
              .encode(arena);
      context.upload(host, 0, map.address(), host.byteSize());
      context.synchronize("test");
    }
    return modules.kernel("embed", name, 64, 3 << 10, "out*", "map*").set(0, out).set(1, map);
  }

  @ParameterizedTest
  @CsvSource({
    "planted_box_of_other_bytes, deadlock",
    "planted_box_by_unacquired_map, before it was acquired",
    "planted_box_unaligned, aligned to 1024 bytes",
    "planted_box_not_waited_for, shared memory",
  })
  void plantedMistakesInCopiesOfBoxesAreFound(String name, String words) {
    Kernel kernel = box(name, memory.allocate(4 * 256));
    for (int seed = 0; seed < 3; seed++) {
      Emulator.seed(seed);
      assertThrows(IllegalStateException.class, () -> kernel.launch(1), "seed " + seed);
      assertTrue(Emulator.failure().contains(words), Emulator.failure());
      Emulator.reset();
    }
  }

  /** What lies outside of the tensor is zeros; row 1 of the box has its chunk 1 in place 0. */
  @Test
  void aBoxIsThereOnceItIsWaitedFor() {
    MemorySegment out = memory.allocate(4 * 256);
    Kernel kernel = box("correct_box", out);
    for (int seed = 0; seed < 5; seed++) {
      Emulator.seed(seed);
      kernel.launch(1);
      float[] found = read(out, 256);
      assertEquals(0, found[0]);
      assertEquals(1, found[32]);
      assertEquals(0, found[32 + 4]);
      assertEquals(5, found[32 + 4 * 3]);
    }
  }

  @Test
  void tensorMapsThatTheDriverWouldRefuseAreRefused() {
    long address = filled(64).address();
    TensorMap.Swizzle none = TensorMap.Swizzle.NONE;
    TensorMap.Type f32 = TensorMap.Type.F32;
    List<TensorMap> wrong =
        List.of(
            TensorMap.dense(f32, address + 4, List.of(8L, 8L), List.of(8, 8), none),
            TensorMap.dense(f32, address, List.of(6L, 8L), List.of(4, 8), none),
            TensorMap.dense(f32, address, List.of(8L, 8L), List.of(6, 8), none),
            TensorMap.dense(f32, address, List.of(8L, 8L), List.of(8, 257), none),
            TensorMap.dense(f32, address, List.of(8L, 0L), List.of(8, 8), none),
            TensorMap.dense(
                f32, address, List.of(64L, 8L), List.of(64, 8), TensorMap.Swizzle.BYTES_128));
    try (Arena arena = Arena.ofConfined()) {
      for (TensorMap map : wrong) {
        String message =
            assertThrows(CudaException.class, () -> map.encode(arena), map.toString()).getMessage();
        assertTrue(message.contains("cuTensorMapEncodeTiled of TensorMap["), message);
        assertTrue(message.contains("CUDA_ERROR_INVALID_VALUE"), message);
      }
      assertThrows(
          IllegalArgumentException.class,
          () -> new TensorMap(f32, address, List.of(8L, 8L), List.of(), List.of(8, 8), none));
    }
  }

  /** A launch that may overlap the one before must wait for it, and any other need not. */
  @Test
  void aFollowerThatDoesNotWaitIsFound() {
    MemorySegment out = filled(64);
    for (String name : List.of("correct_follower", "planted_impatient_follower")) {
      modules.kernel("embed", name, 64, 0, "out*").set(0, out).launch(1);
    }
    long before = Emulator.overlapping();
    modules
        .kernel("embed", "correct_follower", 64, 0, LaunchAttributes.OVERLAPS, "out*")
        .set(0, out)
        .launch(1);
    assertEquals(1, Emulator.overlapping() - before);
    assertEquals(4, firstOf(out));
    Kernel impatient =
        modules
            .kernel("embed", "planted_impatient_follower", 64, 0, LaunchAttributes.OVERLAPS, "out*")
            .set(0, out);
    String message =
        assertThrows(IllegalStateException.class, () -> impatient.launch(1)).getMessage();
    assertTrue(message.contains("no clusters, may overlap the launch before"), message);
    assertTrue(Emulator.failure().contains("before griddepcontrol.wait"), Emulator.failure());
  }

  @Test
  void blocksOfAGridKnowTheirPlaceInTheirCluster() {
    MemorySegment out = memory.allocate(4 * 16);
    LaunchAttributes pairs = LaunchAttributes.cluster(2, 2, 1);
    Kernel kernel = modules.kernel("embed", "cluster_ranks", 32, 0, pairs, "out*").set(0, out);
    kernel.launch(4, 4);
    assertArrayEquals(new float[] {0, 1, 0, 1, 2, 3, 2, 3, 0, 1, 0, 1, 2, 3, 2, 3}, read(out, 16));
    String message =
        assertThrows(IllegalStateException.class, () -> kernel.launch(4, 3)).getMessage();
    assertTrue(message.contains("clusters of 2 x 2 x 1"), message);
    assertTrue(message.contains("CUDA_ERROR_INVALID_CLUSTER_SIZE (912)"), message);
    Emulator.capability(80);
    message = assertThrows(IllegalStateException.class, () -> kernel.launch(4, 4)).getMessage();
    assertTrue(message.contains("CUDA_ERROR_NOT_SUPPORTED"), message);
  }

  private float firstOf(MemorySegment block) {
    return read(block, 1)[0];
  }

  private float[] read(MemorySegment block, int n) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(4L * n, 4);
      context.download(block.address(), host, 0, 4L * n);
      context.synchronize("test");
      return host.toArray(ValueLayout.JAVA_FLOAT);
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
