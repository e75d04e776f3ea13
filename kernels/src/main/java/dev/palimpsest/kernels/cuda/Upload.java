/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.kernels.cpu.Dequantizer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.JCudaDriver;

/**
 * Brings weights from the mapped checkpoint to the device through two pinned buffers: while one is
 * copied, the other is filled, by several threads where it is large. Nothing passes through the
 * heap.
 */
final class Upload {
  /** Of each buffer. Like what follows not measured: the load speed of {@code steps} tells. */
  private static final long BUFFER_BYTES = 8L << 20;

  /** Of a buffer that is worth more than one thread. */
  private static final long SHARED_BYTES = 1L << 20;

  /** One thread copies a quarter of what a 16-lane PCI Express 5.0 link takes, or less. */
  static final int MOST_WORKERS = 8;

  /** A thread that owns no memory. */
  private static final Thread ELSEWHERE = Thread.ofPlatform().unstarted(() -> {});

  private final CudaContext context;
  private final MemorySegment[] buffers = new MemorySegment[2];
  private final CUevent[] copied = new CUevent[2];
  private final boolean[] pending = new boolean[2];
  private final DeviceMemory memory;
  private final int workers =
      Math.clamp(Runtime.getRuntime().availableProcessors(), 1, MOST_WORKERS);
  private final Arena arena = Arena.ofShared();
  private final MemorySegment[] floats = new MemorySegment[workers];
  private int next;
  private long bytes;
  private Optional<WeightPattern> pattern = Optional.empty();

  Upload(CudaContext context, DeviceMemory memory) {
    this.context = context;
    this.memory = memory;
  }

  /** From now on weights of the pattern's type are made of it; of their views only shapes count. */
  void pattern(WeightPattern value) {
    pattern = Optional.of(value);
  }

  Optional<WeightPattern> pattern() {
    return pattern;
  }

  /** Bytes brought to the device so far. */
  long bytes() {
    return bytes;
  }

  /** Which row of which tensor is row {@code i} of what is uploaded. */
  interface Rows {
    /** Puts row {@code i} at byte {@code at} of {@code out}. */
    void write(int i, MemorySegment out, long at, int worker);
  }

  /** How rows of a matrix lie on the device. */
  record Packing(DType type, int rows, long rowBytes) {}

  /**
   * Uploads a matrix of weights.
   *
   * @param views where the rows come from
   * @param whole false: {@code source} leaves some bytes of some rows alone, which become zeros
   */
  void weights(Packing packing, List<WeightView> views, boolean whole, long to, Rows source) {
    if (pattern.isPresent() && pattern.get().type() == packing.type) {
      pattern.get().fill(to, packing.rows * packing.rowBytes);
      return;
    }
    boolean anybody = views.stream().allMatch(view -> view.memory().isAccessibleBy(ELSEWHERE));
    rows(packing.rows, packing.rowBytes, to, whole, anybody ? workers : 1, source);
  }

  /** Uploads {@code rows} rows of {@code rowBytes} bytes, all of them written by {@code source}. */
  void rows(int rows, long rowBytes, long to, Rows source) {
    rows(rows, rowBytes, to, true, 1, source);
  }

  private void rows(int rows, long rowBytes, long to, boolean whole, int threads, Rows source) {
    long size = Math.max(BUFFER_BYTES, rowBytes);
    int chunk = (int) Math.min(rows, size / rowBytes);
    for (int row = 0; row < rows; row += chunk) {
      int n = Math.min(chunk, rows - row);
      MemorySegment buffer = buffer(size);
      int first = row;
      int parts = n * rowBytes < SHARED_BYTES ? 1 : Math.min(threads, n);
      if (parts == 1) {
        write(source, first, 0, n, rowBytes, whole, buffer, 0);
      } else {
        IntStream.range(0, parts)
            .parallel()
            .forEach(
                p ->
                    write(
                        source,
                        first,
                        (int) ((long) n * p / parts),
                        (int) ((long) n * (p + 1) / parts),
                        rowBytes,
                        whole,
                        buffer,
                        p));
      }
      context.upload(buffer, 0, to + row * rowBytes, n * rowBytes);
      bytes += n * rowBytes;
      CudaContext.check(JCudaDriver.cuEventRecord(copied[next], context.stream()), "cuEventRecord");
      pending[next] = true;
      next ^= 1;
    }
  }

  private static void write(
      Rows source,
      int first,
      int from,
      int end,
      long rowBytes,
      boolean whole,
      MemorySegment buffer,
      int worker) {
    for (int i = from; i < end; i++) {
      if (!whole) {
        buffer.asSlice(i * rowBytes, rowBytes).fill((byte) 0);
      }
      source.write(first + i, buffer, i * rowBytes, worker);
    }
  }

  /** {@code n} elements from {@code first} on, converted to {@code type}. */
  void element(
      WeightView view, long first, int n, DType type, MemorySegment out, long at, int worker) {
    if (type == DType.BF16) {
      if (view.dtype() != DType.BF16
          && (floats[worker] == null || floats[worker].byteSize() < 4L * n)) {
        floats[worker] = arena.allocate(4L * n, 64);
      }
      Dequantizer.readBfloat16(view, first, n, out, at, floats[worker]);
    } else {
      Dequantizer.read(view, first, n, out, at);
    }
  }

  /** The buffer whose turn it is, once the device has read it. */
  private MemorySegment buffer(long size) {
    if (copied[next] == null) {
      CUevent event = new CUevent();
      CudaContext.check(
          JCudaDriver.cuEventCreate(event, CUevent_flags.CU_EVENT_DISABLE_TIMING), "cuEventCreate");
      copied[next] = event;
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
    arena.close();
  }
}
