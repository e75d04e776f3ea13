/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.palimpsest.bindings.LibrarySearch.Found;
import dev.palimpsest.bindings.LibrarySearch.Missing;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * cuBLASLt as far as this project multiplies with it: {@code out = x · Wᵀ (+ out)} with rows of
 * bf16 and sums in f32. Layered by hand over eleven functions; constants are those of cublasLt.h
 * (CUDA 12 and 13). Called by one thread at a time, in a current context.
 */
public final class CublasLt implements AutoCloseable {
  /** The names looked for, in order, in {@link CudaFolders} and where the linker looks. */
  public static final List<String> SONAMES = List.of("libcublasLt.so.13", "libcublasLt.so.12");

  /** Bytes of a {@code cublasLtMatmulAlgo_t}. */
  public static final long ALGORITHM_BYTES = 64;

  private static final String TITLE = "cuBLASLt";

  /** {@code cublasLtMatmulHeuristicResult_t}: algorithm, workspace, status, waves, reserved. */
  private static final long RESULT_BYTES = ALGORITHM_BYTES + 8 + 4 + 4 + 16;

  private static final int R_32F = 0;
  private static final int R_16BF = 14;
  private static final int COMPUTE_32F = 68;
  private static final int DESC_TRANSA = 3;
  private static final int TRANSPOSED = 1;
  private static final int PREF_MAX_WORKSPACE_BYTES = 1;
  private static final int PREF_REDUCTION_SCHEME_MASK = 3;

  private final NativeLibrary library;
  private final MethodHandle multiply;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment one = arena.allocateFrom(JAVA_FLOAT, 1f);
  private final MemorySegment zero = arena.allocateFrom(JAVA_FLOAT, 0f);
  private MemorySegment handle = MemorySegment.NULL;
  private MemorySegment description = MemorySegment.NULL;
  private boolean closed;

  private CublasLt(NativeLibrary library) {
    this.library = library;
    MemoryLayout[] addresses = new MemoryLayout[16];
    Arrays.fill(addresses, ADDRESS);
    addresses[14] = JAVA_LONG;
    multiply = function("cublasLtMatmul", FunctionDescriptor.of(JAVA_INT, addresses));
  }

  /** Finds, loads and opens it in the current context. */
  public static LibrarySearch<CublasLt> open() {
    return open(CudaFolders.here(), SONAMES);
  }

  static LibrarySearch<CublasLt> open(List<Path> folders, List<String> sonames) {
    List<String> names = CudaFolders.candidates(folders, sonames);
    return switch (NativeLibrary.find(TITLE, names, "cublasLtMatmul")) {
      case Missing<NativeLibrary> missing -> new Missing<>(TITLE, missing.reasons());
      case Found<NativeLibrary>(NativeLibrary found) -> {
        try {
          CublasLt lt = new CublasLt(found);
          lt.create();
          yield new Found<>(lt);
        } catch (IllegalStateException e) {
          yield new Missing<>(TITLE, List.of(found.path() + ": " + e.getMessage()));
        }
      }
    };
  }

  private void create() {
    try (Arena local = Arena.ofConfined()) {
      MemorySegment out = local.allocate(ADDRESS);
      check(call("cublasLtCreate", out), "cublasLtCreate");
      handle = out.get(ADDRESS, 0);
      check(call("cublasLtMatmulDescCreate", out, COMPUTE_32F, R_32F), "cublasLtMatmulDescCreate");
      description = out.get(ADDRESS, 0);
      check(
          call(
              "cublasLtMatmulDescSetAttribute",
              description,
              DESC_TRANSA,
              local.allocateFrom(JAVA_INT, TRANSPOSED),
              4L),
          "cublasLtMatmulDescSetAttribute");
    }
  }

  /** The file that was loaded. */
  public Path path() {
    return library.path();
  }

  /** Such as 130100 for 13.1.0. */
  public long version() {
    try {
      return (long) function("cublasLtGetVersion", FunctionDescriptor.of(JAVA_LONG)).invokeExact();
    } catch (Throwable e) {
      throw new LinkageError("cublasLtGetVersion", e);
    }
  }

  /**
   * How a matrix of rows lies in memory; freed by {@link #free}.
   *
   * @param f32 elements of f32, else bf16
   * @param width elements of a row
   * @param rows rows
   * @param stride elements from row to row
   */
  public MemorySegment layout(boolean f32, long width, long rows, long stride) {
    try (Arena local = Arena.ofConfined()) {
      MemorySegment out = local.allocate(ADDRESS);
      // Column-major, as cuBLAS has it: our rows are its columns.
      check(
          call("cublasLtMatrixLayoutCreate", out, f32 ? R_32F : R_16BF, width, rows, stride),
          "cublasLtMatrixLayoutCreate");
      return out.get(ADDRESS, 0);
    }
  }

  public void free(MemorySegment layout) {
    call("cublasLtMatrixLayoutDestroy", layout);
  }

  /**
   * The algorithm that the library would take, of those that sum each element in one order.
   *
   * @return {@link #ALGORITHM_BYTES} in {@code arena}; nothing if it has none for these layouts
   */
  public Optional<MemorySegment> algorithm(
      Arena arena, MemorySegment weights, MemorySegment x, MemorySegment out, long workspace) {
    try (Arena local = Arena.ofConfined()) {
      MemorySegment pointer = local.allocate(ADDRESS);
      check(call("cublasLtMatmulPreferenceCreate", pointer), "cublasLtMatmulPreferenceCreate");
      MemorySegment preference = pointer.get(ADDRESS, 0);
      try {
        prefer(preference, PREF_MAX_WORKSPACE_BYTES, local.allocateFrom(JAVA_LONG, workspace));
        prefer(preference, PREF_REDUCTION_SCHEME_MASK, local.allocate(JAVA_INT));
        MemorySegment result = local.allocate(RESULT_BYTES, 8);
        MemorySegment count = local.allocate(JAVA_INT);
        int status =
            call(
                "cublasLtMatmulAlgoGetHeuristic",
                handle,
                description,
                weights,
                x,
                out,
                out,
                preference,
                1,
                result,
                count);
        if (status != 0 || count.get(JAVA_INT, 0) < 1 || result.get(JAVA_INT, 72) != 0) {
          return Optional.empty();
        }
        MemorySegment algorithm = arena.allocate(ALGORITHM_BYTES, 8);
        algorithm.copyFrom(result.asSlice(0, ALGORITHM_BYTES));
        return Optional.of(algorithm);
      } finally {
        call("cublasLtMatmulPreferenceDestroy", preference);
      }
    }
  }

  private void prefer(MemorySegment preference, int what, MemorySegment value) {
    check(
        call("cublasLtMatmulPreferenceSetAttribute", preference, what, value, value.byteSize()),
        "cublasLtMatmulPreferenceSetAttribute(" + what + ")");
  }

  /**
   * {@code out = x · Wᵀ}, or {@code out += x · Wᵀ}; enqueued on the stream.
   *
   * @return the library's status; 0 is success
   */
  public int multiply(
      long weights,
      MemorySegment weightLayout,
      long x,
      MemorySegment layout,
      long out,
      MemorySegment outLayout,
      boolean add,
      MemorySegment algorithm,
      MemorySegment workspace,
      long workspaceBytes,
      MemorySegment stream) {
    try {
      MemorySegment target = MemorySegment.ofAddress(out);
      MemorySegment beta = add ? one : zero;
      return (int)
          multiply.invokeExact(
              handle,
              description,
              one,
              MemorySegment.ofAddress(weights),
              weightLayout,
              MemorySegment.ofAddress(x),
              layout,
              beta,
              target,
              outLayout,
              target,
              outLayout,
              algorithm,
              workspace,
              workspaceBytes,
              stream);
    } catch (Throwable e) {
      throw new LinkageError("cublasLtMatmul", e);
    }
  }

  /** A {@code cublasStatus_t} in words. */
  public static String text(int status) {
    String name =
        switch (status) {
          case 0 -> "CUBLAS_STATUS_SUCCESS";
          case 1 -> "CUBLAS_STATUS_NOT_INITIALIZED";
          case 3 -> "CUBLAS_STATUS_ALLOC_FAILED";
          case 7 -> "CUBLAS_STATUS_INVALID_VALUE";
          case 8 -> "CUBLAS_STATUS_ARCH_MISMATCH";
          case 11 -> "CUBLAS_STATUS_MAPPING_ERROR";
          case 13 -> "CUBLAS_STATUS_EXECUTION_FAILED";
          case 14 -> "CUBLAS_STATUS_INTERNAL_ERROR";
          case 15 -> "CUBLAS_STATUS_NOT_SUPPORTED";
          default -> "cublasStatus_t";
        };
    return name + " (" + status + ")";
  }

  private static void check(int status, String call) {
    if (status != 0) {
      throw new IllegalStateException(call + " answers " + text(status));
    }
  }

  private int call(String name, Object... arguments) {
    return library.call(name, arguments).orElseThrow(() -> without(name));
  }

  private MethodHandle function(String name, FunctionDescriptor descriptor) {
    return library.function(name, descriptor).orElseThrow(() -> without(name));
  }

  private static IllegalStateException without(String name) {
    return new IllegalStateException("it has no function " + name);
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      call("cublasLtMatmulDescDestroy", description);
      call("cublasLtDestroy", handle);
      arena.close();
    }
  }
}
