/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.kernels.cpu.Dequantizer;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.JCudaDriver;

/**
 * Brings weights from the mapped checkpoint to the device through two pinned buffers: while one is
 * copied, the other is filled. Nothing passes through the heap.
 */
final class Upload {
  private static final long BUFFER_BYTES = 8L << 20;

  private final CudaContext context;
  private final MemorySegment[] buffers = new MemorySegment[2];
  private final CUevent[] copied = new CUevent[2];
  private final boolean[] pending = new boolean[2];
  private final DeviceMemory memory;
  private MemorySegment floats = MemorySegment.NULL;
  private int next;
  private Optional<WeightPattern> pattern = Optional.empty();

  Upload(CudaContext context, DeviceMemory memory) {
    this.context = context;
    this.memory = memory;
  }

  /** From now on weights of the pattern's type are made of it; of their views only shapes count. */
  void pattern(WeightPattern value) {
    pattern = Optional.of(value);
  }

  /** {@link #rows} of weights. */
  void weights(DType type, int rows, long rowBytes, long to, Rows source) {
    if (pattern.isPresent() && pattern.get().type() == type) {
      pattern.get().fill(to, rows * rowBytes);
    } else {
      rows(rows, rowBytes, to, source);
    }
  }

  /** Which row of which tensor is row {@code i} of what is uploaded. */
  interface Rows {
    /** Puts row {@code i} at byte {@code at} of {@code out}, which holds zeros there. */
    void write(int i, MemorySegment out, long at);
  }

  /** Uploads {@code rows} rows of {@code rowBytes} bytes to the device's address {@code to}. */
  void rows(int rows, long rowBytes, long to, Rows source) {
    long size = Math.max(BUFFER_BYTES, rowBytes);
    int chunk = (int) Math.min(rows, size / rowBytes);
    for (int row = 0; row < rows; row += chunk) {
      int n = Math.min(chunk, rows - row);
      MemorySegment buffer = buffer(size);
      buffer.asSlice(0, n * rowBytes).fill((byte) 0);
      for (int i = 0; i < n; i++) {
        source.write(row + i, buffer, i * rowBytes);
      }
      context.upload(buffer, 0, to + row * rowBytes, n * rowBytes);
      CudaContext.check(JCudaDriver.cuEventRecord(copied[next], context.stream()), "cuEventRecord");
      pending[next] = true;
      next ^= 1;
    }
  }

  /** {@code n} elements from {@code first} on, converted to {@code type}. */
  void element(WeightView view, long first, int n, DType type, MemorySegment out, long at) {
    if (type == DType.BF16) {
      if (floats.byteSize() < 4L * n) {
        floats = memory.pinned(4L * n);
      }
      Dequantizer.readBfloat16(view, first, n, out, at, floats);
    } else {
      Dequantizer.read(view, first, n, out, at);
    }
  }

  /** The buffer whose turn it is, once the device has read it. */
  private MemorySegment buffer(long size) {
    if (copied[next] == null) {
      copied[next] = new CUevent();
      CudaContext.check(
          JCudaDriver.cuEventCreate(copied[next], CUevent_flags.CU_EVENT_DISABLE_TIMING),
          "cuEventCreate");
    }
    if (pending[next]) {
      CudaContext.check(JCudaDriver.cuEventSynchronize(copied[next]), "cuEventSynchronize");
      pending[next] = false;
    }
    if (buffers[next] == null || buffers[next].byteSize() < size) {
      buffers[next] = memory.pinned(size);
    }
    return buffers[next];
  }

  /** Frees the events; the buffers belong to the device's memory. */
  void close() {
    for (CUevent event : copied) {
      if (event != null) {
        JCudaDriver.cuEventDestroy(event);
      }
    }
  }
}
