/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.gpu;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.palimpsest.bindings.CudaDriver;
import dev.palimpsest.bindings.cuda.Cuda;
import dev.palimpsest.kernels.cuda.CudaDevice;
import dev.palimpsest.kernels.cuda.Fatbin;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUevent;
import jcuda.driver.CUfunction;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUmodule;
import jcuda.driver.CUstream;
import jcuda.driver.CUstreamCaptureMode;
import jcuda.driver.JCudaDriver;

/**
 * A kernel that does nothing, launched in each of the ways that there are: what a launch costs by
 * itself. Closed by its owner; used by one thread.
 */
public final class RawLaunches implements AutoCloseable {
  private static final int ARGUMENTS = 8;

  private final CUdevice device = new CUdevice();
  private final Function function = new Function();
  private final CUmodule module = new CUmodule();
  private final Stream stream = new Stream();
  private final Arena arena = Arena.ofShared();
  private final MemorySegment values = arena.allocate(JAVA_LONG, ARGUMENTS);
  private final MemorySegment pointers = arena.allocate(ADDRESS, ARGUMENTS);
  private final Pointer[] jcudaValues = new Pointer[ARGUMENTS];
  private boolean closed;

  private static final class Function extends CUfunction {
    MemorySegment segment() {
      return MemorySegment.ofAddress(getNativePointer());
    }
  }

  private static final class Stream extends CUstream {
    MemorySegment segment() {
      return MemorySegment.ofAddress(getNativePointer());
    }
  }

  private static final class GraphExec extends CUgraphExec {
    MemorySegment segment() {
      return MemorySegment.ofAddress(getNativePointer());
    }
  }

  /** A graph of launches of the kernel. */
  public final class Replay implements AutoCloseable {
    private final GraphExec executable = new GraphExec();

    private Replay(int launches) {
      CUgraph graph = new CUgraph();
      check(
          JCudaDriver.cuStreamBeginCapture(
              stream, CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
          "cuStreamBeginCapture");
      for (int i = 0; i < launches; i++) {
        RawLaunches.this.bindings(1);
      }
      check(JCudaDriver.cuStreamEndCapture(stream, graph), "cuStreamEndCapture");
      int status = JCudaDriver.cuGraphInstantiate(executable, graph, 0);
      JCudaDriver.cuGraphDestroy(graph);
      check(status, "cuGraphInstantiate");
    }

    /** Replays through JCuda; answers the driver's status. */
    public int jcuda() {
      return JCudaDriver.cuGraphLaunch(executable, stream);
    }

    /** Replays through the generated bindings; answers the driver's status. */
    public int bindings() {
      return Cuda.cuGraphLaunch(executable.segment(), stream.segment());
    }

    @Override
    public void close() {
      JCudaDriver.cuGraphExecDestroy(executable);
    }
  }

  /**
   * @param opened a device, which has found the driver
   */
  public RawLaunches(CudaDevice opened) {
    CUcontext context = new CUcontext();
    check(JCudaDriver.cuDeviceGet(device, opened.ordinal()), "cuDeviceGet");
    check(JCudaDriver.cuDevicePrimaryCtxRetain(context, device), "cuDevicePrimaryCtxRetain");
    check(JCudaDriver.cuCtxSetCurrent(context), "cuCtxSetCurrent");
    check(
        JCudaDriver.cuModuleLoadData(module, Fatbin.read("instruments")),
        "loading instruments.fatbin");
    check(
        JCudaDriver.cuModuleGetFunction(function, module, "instrument_nothing"),
        "finding instrument_nothing");
    check(JCudaDriver.cuStreamCreate(stream, 1), "cuStreamCreate");
    for (int i = 0; i < ARGUMENTS; i++) {
      pointers.setAtIndex(ADDRESS, i, values.asSlice(8L * i));
      jcudaValues[i] = i < 4 ? Pointer.to(new long[1]) : Pointer.to(new int[1]);
    }
  }

  private static void check(int status, String call) {
    CudaDriver.check(status, call);
  }

  /**
   * A launch as this project makes them: arguments in native memory, through the generated
   * bindings.
   *
   * @param blocks 0 is refused by the driver before it does anything
   * @return the driver's status
   */
  public int bindings(int blocks) {
    return Cuda.cuLaunchKernel(
        function.segment(),
        blocks,
        1,
        1,
        32,
        1,
        1,
        0,
        stream.segment(),
        pointers,
        MemorySegment.NULL);
  }

  /** The same launch through JCuda, with its arrays of pointers. */
  public int jcuda(int blocks) {
    return JCudaDriver.cuLaunchKernel(
        function, blocks, 1, 1, 32, 1, 1, 0, stream, Pointer.to(jcudaValues), new Pointer());
  }

  /** A graph of {@code launches} launches. */
  public Replay capture(int launches) {
    return new Replay(launches);
  }

  /** Waits for all launches. */
  public void synchronize() {
    check(JCudaDriver.cuStreamSynchronize(stream), "waiting for launches");
  }

  /** Milliseconds between two events around what {@code work} launches, by the device's clock. */
  public double milliseconds(Runnable work) {
    CUevent start = new CUevent();
    CUevent end = new CUevent();
    check(JCudaDriver.cuEventCreate(start, 0), "cuEventCreate");
    check(JCudaDriver.cuEventCreate(end, 0), "cuEventCreate");
    try {
      check(JCudaDriver.cuEventRecord(start, stream), "cuEventRecord");
      work.run();
      check(JCudaDriver.cuEventRecord(end, stream), "cuEventRecord");
      check(JCudaDriver.cuEventSynchronize(end), "cuEventSynchronize");
      float[] answer = new float[1];
      check(JCudaDriver.cuEventElapsedTime(answer, start, end), "cuEventElapsedTime");
      return answer[0];
    } finally {
      JCudaDriver.cuEventDestroy(start);
      JCudaDriver.cuEventDestroy(end);
    }
  }

  /**
   * Billion bytes read and written per second by copies within the device.
   *
   * @param bytes of each of the two blocks
   */
  public double copyRate(long bytes) {
    CUdeviceptr from = new CUdeviceptr();
    CUdeviceptr to = new CUdeviceptr();
    check(JCudaDriver.cuMemAlloc(from, bytes), "cuMemAlloc(" + bytes + ")");
    try {
      check(JCudaDriver.cuMemAlloc(to, bytes), "cuMemAlloc(" + bytes + ")");
      check(JCudaDriver.cuMemsetD8Async(from, (byte) 0x5A, bytes, stream), "cuMemsetD8Async");
      Runnable copies =
          () -> {
            for (int i = 0; i < 4; i++) {
              check(JCudaDriver.cuMemcpyDtoDAsync(to, from, bytes, stream), "cuMemcpyDtoDAsync");
            }
          };
      milliseconds(copies);
      return 8.0 * bytes / (milliseconds(copies) * 1e6);
    } finally {
      JCudaDriver.cuMemFree(to);
      JCudaDriver.cuMemFree(from);
    }
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      JCudaDriver.cuStreamDestroy(stream);
      JCudaDriver.cuModuleUnload(module);
      JCudaDriver.cuDevicePrimaryCtxRelease(device);
      arena.close();
    }
  }
}
