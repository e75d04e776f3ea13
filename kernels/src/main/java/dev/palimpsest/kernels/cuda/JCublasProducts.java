/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.bindings.CublasLibrary;
import dev.palimpsest.bindings.LibrarySearch;
import dev.palimpsest.bindings.LibrarySearch.Found;
import dev.palimpsest.bindings.LibrarySearch.Missing;
import dev.palimpsest.bindings.NativeLibrary;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jcuda.cudaDataType;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasGemmAlgo;
import jcuda.jcublas.cublasHandle;
import jcuda.jcublas.cublasOperation;
import jcuda.jcublas.cublasStatus;
import jcuda.runtime.cudaStream_t;

/**
 * bf16 products by cuBLAS of CUDA 12 through JCublas. {@code cublasGemmEx} chooses its algorithm by
 * the shape and cannot be told one, so it is always asked for {@value #ROWS} rows: more are taken
 * in turns, and what is left is copied to scratch memory of so many rows. Gated products, biases
 * and f32 by our own kernels.
 */
final class JCublasProducts implements Products, LaunchList.Call {
  /**
   * About where an H100 takes as long for the arithmetic as for reading the weights, by its
   * datasheet. Part {@code kernels} of {@code bench/gpu} with {@code
   * -Dpalimpsest.cuda.matmul=jcublas} measures it.
   */
  static final int ROWS = 256;

  private static final long WORKSPACE_BYTES = 32L << 20;
  private static final List<String> FUNCTIONS =
      List.of(
          "cublasGemmEx",
          "cublasGetMathMode",
          "cublasCreate_v2",
          "cublasDestroy_v2",
          "cublasGetVersion_v2",
          "cublasSetStream_v2",
          "cublasSetWorkspace_v2");

  private final CudaContext context;
  private final Matmul own;
  private final Path path;
  private final cublasHandle handle;
  private final GrowingBlock scratch;
  private final Arena arena = Arena.ofShared();
  private final HostPointer one = new HostPointer(arena.allocateFrom(JAVA_FLOAT, 1f), 0);
  private final HostPointer zero = new HostPointer(arena.allocateFrom(JAVA_FLOAT, 0f), 0);
  private final int number;
  private final Map<Long, Integer> numbers = new HashMap<>();
  private final List<CudaLinear> maps = new ArrayList<>();
  private boolean closed;

  private JCublasProducts(
      CudaContext context, DeviceMemory memory, Matmul own, Path path, cublasHandle handle) {
    this.context = context;
    this.own = own;
    this.path = path;
    this.handle = handle;
    scratch = new GrowingBlock(memory);
    number = context.launches().register(this);
  }

  /** Opens it in the current context if CUDA 12's cuBLAS is here; never throws for what is not. */
  static LibrarySearch<Products> open(CudaContext context, DeviceMemory memory, Matmul own) {
    return switch (CublasLibrary.load(FUNCTIONS)) {
      case Missing<NativeLibrary> missing -> new Missing<>(missing.name(), missing.reasons());
      case Found<NativeLibrary>(NativeLibrary library) -> {
        cublasHandle handle = new cublasHandle();
        try {
          JCudaLibrary.loadCublas();
          check(JCublas2.cublasCreate(handle), "cublasCreate");
        } catch (IOException | InvalidPathException | LinkageError | IllegalStateException e) {
          yield new Missing<>("JCublas", List.of(library.path() + ": " + e.getMessage()));
        }
        try {
          // Its own would be allocated while a graph is captured.
          long workspace = memory.allocate(WORKSPACE_BYTES).address();
          check(
              JCublas2.cublasSetStream(handle, new cudaStream_t(context.stream())),
              "cublasSetStream");
          check(
              JCublas2.cublasSetWorkspace(handle, new DevicePointer(workspace), WORKSPACE_BYTES),
              "cublasSetWorkspace");
          yield new Found<>(new JCublasProducts(context, memory, own, library.path(), handle));
        } catch (IllegalStateException e) {
          JCublas2.cublasDestroy(handle);
          yield new Missing<>("JCublas", List.of(library.path() + ": " + e.getMessage()));
        }
      }
    };
  }

  /** Its manual does not say when it adds. */
  @Override
  public boolean addsLast() {
    return false;
  }

  @Override
  public String describe() {
    int[] version = new int[1];
    check(JCublas2.cublasGetVersion(handle, version), "cublasGetVersion");
    return "cuBLAS %d.%d.%d through JCublas (%s), gated ones by our own kernels"
        .formatted(version[0] / 10000, version[0] / 100 % 100, version[0] % 100, path);
  }

  @Override
  public void run(
      Matmul.Epilogue epilogue,
      MemorySegment x,
      int rows,
      CudaLinear map,
      MemorySegment bias,
      MemorySegment out) {
    if (!Products.isForLibraries(epilogue, map) || rows <= 0) {
      own.run(epilogue, x, rows, map, bias, out);
      return;
    }
    int at = numberOf(map);
    if (rows % ROWS != 0) {
      scratch.reserve(sumsAt(map) + 4L * ROWS * map.out());
    }
    int add = epilogue == Matmul.Epilogue.ADD ? 1 : 0;
    // With the scratch memory's address: a graph that was made before it grew is not replayed.
    context
        .launches()
        .add(number, 2L * at + add, rows, x.address(), out.address(), scratch.address());
  }

  private int numberOf(CudaLinear map) {
    Integer known = numbers.get(map.memory().address());
    if (known == null || !maps.get(known).equals(map)) {
      known = maps.size();
      maps.add(map);
      numbers.put(map.memory().address(), known);
    }
    return known;
  }

  /** Where sums lie in the scratch memory, behind rows of x. */
  private static long sumsAt(CudaLinear map) {
    return 2L * ROWS * map.in();
  }

  @Override
  public void call(long[] words, int at) {
    CudaLinear map = maps.get((int) (words[at] / 2));
    boolean add = words[at] % 2 == 1;
    int rows = (int) words[at + 1];
    long input = 2L * map.in();
    long output = 4L * map.out();
    int done = 0;
    for (; done + ROWS <= rows; done += ROWS) {
      multiply(map, words[at + 2] + done * input, words[at + 3] + done * output, add);
    }
    if (done < rows) {
      long x = words[at + 4];
      long sums = x + sumsAt(map);
      long out = words[at + 3] + done * output;
      context.copy(words[at + 2] + done * input, x, (rows - done) * input);
      if (add) {
        context.copy(out, sums, (rows - done) * output);
      }
      multiply(map, x, sums, add);
      context.copy(sums, out, (rows - done) * output);
    }
  }

  /** {@value #ROWS} rows. Column-major, as cuBLAS has it: our rows are its columns. */
  private void multiply(CudaLinear map, long x, long out, boolean add) {
    int status =
        JCublas2.cublasGemmEx(
            handle,
            cublasOperation.CUBLAS_OP_T,
            cublasOperation.CUBLAS_OP_N,
            map.out(),
            ROWS,
            map.in(),
            one,
            new DevicePointer(map.memory().address()),
            cudaDataType.CUDA_R_16BF,
            map.stride(),
            new DevicePointer(x),
            cudaDataType.CUDA_R_16BF,
            map.in(),
            add ? one : zero,
            new DevicePointer(out),
            cudaDataType.CUDA_R_32F,
            map.out(),
            // JCublas calls the older form of this function, which wants the sums' type here.
            cudaDataType.CUDA_R_32F,
            cublasGemmAlgo.CUBLAS_GEMM_DEFAULT);
    if (status != cublasStatus.CUBLAS_STATUS_SUCCESS) {
      throw new IllegalStateException(
          "cublasGemmEx of %d x %d -> %d fails: %s; run with -D%s=own"
              .formatted(ROWS, map.in(), map.out(), cublasStatus.stringFor(status), PROPERTY));
    }
  }

  private static void check(int status, String call) {
    if (status != cublasStatus.CUBLAS_STATUS_SUCCESS) {
      throw new IllegalStateException(call + " answers " + cublasStatus.stringFor(status));
    }
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      JCublas2.cublasDestroy(handle);
      arena.close();
    }
  }
}
