/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jcuda.Pointer;
import jcuda.driver.JCudaDriver;

/**
 * The memory of one device, and pinned host memory for copies. A block of device memory is a
 * segment without length at the device's address, so that no Java code can touch it; its scope ends
 * when it is freed.
 */
final class DeviceMemory implements AutoCloseable {
  private static final int OUT_OF_MEMORY = 2;

  private record Block(DevicePointer pointer, Arena scope, long bytes) {}

  private final CudaContext context;
  private final Map<Long, Block> blocks = new HashMap<>();
  private final List<Pointer> pinned = new ArrayList<>();
  private long bytes;

  DeviceMemory(CudaContext context) {
    this.context = context;
  }

  /**
   * A zeroed block.
   *
   * @throws IllegalStateException if there is not that much; the message says how much there is
   */
  MemorySegment allocate(long size) {
    DevicePointer pointer = new DevicePointer();
    int status = JCudaDriver.cuMemAlloc(pointer, size);
    if (status == OUT_OF_MEMORY) {
      throw new IllegalStateException(
          "no device memory for %d bytes: %d of %d are free, this engine holds %d. Use a smaller model or batch, or bf16 instead of f32"
              .formatted(size, context.freeBytes(), context.totalBytes(), bytes));
    }
    CudaContext.check(status, "cuMemAlloc(" + size + ")");
    context.zero(pointer.address(), size);
    Arena scope = Arena.ofShared();
    blocks.put(pointer.address(), new Block(pointer, scope, size));
    bytes += size;
    return segment(pointer.address(), scope);
  }

  @SuppressWarnings("restricted")
  private static MemorySegment segment(long address, Arena scope) {
    return MemorySegment.ofAddress(address).reinterpret(0, scope, s -> {});
  }

  /** Whether the block is one of this device's, and still there. */
  boolean owns(MemorySegment block) {
    return blocks.containsKey(block.address());
  }

  /** Gives back a block; one given back already is passed over. */
  void free(MemorySegment block) {
    Block known = block.scope().isAlive() ? blocks.remove(block.address()) : null;
    if (known != null) {
      context.launches().flush();
      bytes -= known.bytes;
      known.scope.close();
      // The driver waits for work that still uses it.
      CudaContext.check(JCudaDriver.cuMemFree(known.pointer), "cuMemFree");
    }
  }

  long bytes() {
    return bytes;
  }

  /** Host memory that the device copies from and to by itself; freed with the device. */
  MemorySegment pinned(long size) {
    HostPointer pointer = new HostPointer();
    CudaContext.check(JCudaDriver.cuMemHostAlloc(pointer, size, 0), "cuMemHostAlloc(" + size + ")");
    pinned.add(pointer);
    return sized(pointer.address(), size);
  }

  @SuppressWarnings("restricted")
  private static MemorySegment sized(long address, long size) {
    return MemorySegment.ofAddress(address).reinterpret(size);
  }

  /** Frees everything; errors of a context that has failed are passed over. */
  @Override
  public void close() {
    for (Block block : blocks.values()) {
      block.scope.close();
      JCudaDriver.cuMemFree(block.pointer);
    }
    blocks.clear();
    pinned.forEach(JCudaDriver::cuMemFreeHost);
    pinned.clear();
    bytes = 0;
  }
}
