/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT;

import dev.palimpsest.bindings.CudaDriver;
import dev.palimpsest.bindings.CudaLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import jcuda.driver.CUdevice;
import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.JCudaDriver;

/**
 * One device's primary context and the one stream that all work of a {@link CudaDevice} goes
 * through. Called by one thread at a time, any one.
 */
final class CudaContext implements AutoCloseable {
  /** {@code CU_STREAM_NON_BLOCKING}: does not wait for the default stream. */
  private static final int NON_BLOCKING = 1;

  private static final int PCI_ID_LENGTH = 32;

  private final CUdevice device = new CUdevice();
  private final Handles.Context context = new Handles.Context();
  private final Handles.Stream stream = new Handles.Stream();
  private final int ordinal;
  private final String name;
  private final int capability;
  private final int multiprocessors;
  private final Arena arena = Arena.ofShared();
  private final LaunchList launches;
  private Thread current;
  private long waits;
  private long copies;
  private boolean closed;

  /** Marks the beginning of what {@link #milliseconds} measures; null but until it has begun. */
  private CUevent awaited;

  /**
   * @param checked waits for each kernel; else launches are kept until their results are needed
   */
  CudaContext(int ordinal, boolean checked) {
    this.ordinal = ordinal;
    check(JCudaDriver.cuDeviceGet(device, ordinal), "cuDeviceGet(" + ordinal + ")");
    name = nameOf(device);
    capability =
        10 * attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)
            + attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
    multiprocessors = attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
    check(JCudaDriver.cuDevicePrimaryCtxRetain(context, device), "cuDevicePrimaryCtxRetain");
    try {
      enter();
      check(JCudaDriver.cuStreamCreate(stream, NON_BLOCKING), "cuStreamCreate");
      launches = new LaunchList(this, !checked, arena);
    } catch (RuntimeException | Error e) {
      JCudaDriver.cuDevicePrimaryCtxRelease(device);
      throw e;
    }
  }

  private static String nameOf(CUdevice device) {
    byte[] text = new byte[256];
    check(JCudaDriver.cuDeviceGetName(text, text.length, device), "cuDeviceGetName");
    int n = 0;
    while (n < text.length && text[n] != 0) {
      n++;
    }
    return new String(text, 0, n, StandardCharsets.UTF_8);
  }

  private int attribute(int which) {
    int[] value = new int[1];
    check(JCudaDriver.cuDeviceGetAttribute(value, which, device), "cuDeviceGetAttribute");
    return value[0];
  }

  static void check(int status, String call) {
    CudaDriver.check(status, call);
  }

  /** The device's name as the driver tells it. */
  String name() {
    return name;
  }

  /** Compute capability, 10 · major + minor: 90 for an H100. */
  int capability() {
    return capability;
  }

  int multiprocessors() {
    return multiprocessors;
  }

  /** Which of the machine's devices, as the driver counts. */
  int ordinal() {
    return ordinal;
  }

  /** Where the device sits, such as {@code 0000:01:00.0}; nothing where the driver does not say. */
  Optional<String> pciBusId() {
    if (!CudaLibrary.find().orThrow().has("cuDeviceGetPCIBusId")) {
      return Optional.empty();
    }
    String[] id = new String[1];
    int status = JCudaDriver.cuDeviceGetPCIBusId(id, PCI_ID_LENGTH, device);
    return status == 0 ? Optional.of(id[0]) : Optional.empty();
  }

  /** Launches that the stream has not got yet; everything else that it gets comes after them. */
  LaunchList launches() {
    return launches;
  }

  Handles.Stream stream() {
    return stream;
  }

  /** The context, for the generated bindings. */
  MemorySegment segment() {
    return context.segment();
  }

  /** Makes the context that of the calling thread; before any other call. */
  void enter() {
    Thread thread = Thread.currentThread();
    // The driver knows threads of the system only, and a virtual one changes its carrier.
    if (current != thread || thread.isVirtual()) {
      check(JCudaDriver.cuCtxSetCurrent(context), "cuCtxSetCurrent");
      current = thread;
    }
  }

  /** Bytes of device memory that are free now. */
  long freeBytes() {
    long[] free = new long[1];
    check(JCudaDriver.cuMemGetInfo(free, new long[1]), "cuMemGetInfo");
    return free[0];
  }

  /** Bytes of device memory. */
  long totalBytes() {
    long[] total = new long[1];
    check(JCudaDriver.cuMemGetInfo(new long[1], total), "cuMemGetInfo");
    return total[0];
  }

  /** Waits until all work given to the stream is done. */
  void synchronize(String after) {
    launches.flush();
    check(JCudaDriver.cuStreamSynchronize(stream), after);
    waits++;
  }

  /** How often {@link #synchronize} has waited. */
  long waits() {
    return waits;
  }

  /** How often anything was copied or filled, so also how often memory was taken. */
  long copies() {
    return copies;
  }

  /**
   * Copies to the device, ahead of launches that are kept: none of those may read {@code to}.
   * {@code from} must stay as it is until the stream has passed it.
   */
  void upload(MemorySegment from, long fromAt, long to, long bytes) {
    if (bytes > 0) {
      copies++;
      begin();
      check(
          JCudaDriver.cuMemcpyHtoDAsync(
              new DevicePointer(to), new HostPointer(from, fromAt), bytes, stream),
          "copying " + bytes + " bytes to the device");
    }
  }

  /** Copies from the device; {@code to} is filled once the stream has passed it. */
  void download(long from, MemorySegment to, long toAt, long bytes) {
    if (bytes > 0) {
      copies++;
      launches.flush();
      begin();
      check(
          JCudaDriver.cuMemcpyDtoHAsync(
              new HostPointer(to, toAt), new DevicePointer(from), bytes, stream),
          "copying " + bytes + " bytes from the device");
    }
  }

  /**
   * Copies within the device, ahead of launches that are kept: none of those may read {@code to}.
   */
  void copy(long from, long to, long bytes) {
    copies++;
    begin();
    check(
        JCudaDriver.cuMemcpyDtoDAsync(
            new DevicePointer(to), new DevicePointer(from), bytes, stream),
        "copying " + bytes + " bytes on the device");
  }

  /**
   * Milliseconds that the stream takes for what {@code work} gives it, by the device's clock: from
   * the first of it on, so that the caller's time until then does not count.
   */
  double milliseconds(Runnable work) {
    launches.flush();
    CUevent start = new CUevent();
    CUevent end = new CUevent();
    check(JCudaDriver.cuEventCreate(start, CUevent_flags.CU_EVENT_DEFAULT), "cuEventCreate");
    try {
      check(JCudaDriver.cuEventCreate(end, CUevent_flags.CU_EVENT_DEFAULT), "cuEventCreate");
      awaited = start;
      work.run();
      launches.flush();
      begin();
      check(JCudaDriver.cuEventRecord(end, stream), "cuEventRecord");
      check(JCudaDriver.cuEventSynchronize(end), "cuEventSynchronize");
      float[] milliseconds = new float[1];
      check(JCudaDriver.cuEventElapsedTime(milliseconds, start, end), "cuEventElapsedTime");
      return milliseconds[0];
    } finally {
      awaited = null;
      JCudaDriver.cuEventDestroy(start);
      JCudaDriver.cuEventDestroy(end);
    }
  }

  /** Something is about to be given to the stream, which is not being captured. */
  void begin() {
    if (awaited != null) {
      CUevent start = awaited;
      awaited = null;
      check(JCudaDriver.cuEventRecord(start, stream), "cuEventRecord");
    }
  }

  /** Fills memory with zeros, after the launches so far. */
  void clear(long address, long bytes) {
    launches.flush();
    zero(address, bytes);
  }

  /** Fills new memory, which no launch can have been given yet. */
  void zero(long address, long bytes) {
    copies++;
    begin();
    check(
        JCudaDriver.cuMemsetD8Async(new DevicePointer(address), (byte) 0, bytes, stream),
        "filling " + bytes + " bytes with zeros");
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      launches.close();
      arena.close();
      JCudaDriver.cuStreamDestroy(stream);
      JCudaDriver.cuDevicePrimaryCtxRelease(device);
    }
  }
}
