/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.bindings.CublasLt;
import dev.palimpsest.bindings.LibrarySearch.Found;
import dev.palimpsest.bindings.LibrarySearch.Missing;
import java.lang.foreign.MemorySegment;

/** Who multiplies matrices; chosen when a device is opened. */
interface Products extends AutoCloseable {
  /** System property: {@code own} or {@code cublaslt}. */
  String PROPERTY = "palimpsest.cuda.matmul";

  /** For people and logs: who, and why. */
  String describe();

  /**
   * Whether {@link Matmul.Epilogue#ADD} gives the bits of {@link Matmul.Epilogue#STORE} and an
   * addition after it.
   */
  boolean addsLast();

  /**
   * {@code rows} rows of x times the map.
   *
   * @param bias of a {@link Matmul.Epilogue#BIAS}, else {@link MemorySegment#NULL}
   */
  void run(
      Matmul.Epilogue epilogue,
      MemorySegment x,
      int rows,
      CudaLinear map,
      MemorySegment bias,
      MemorySegment out);

  @Override
  void close();

  /** Our own kernels. */
  record Own(Matmul matmul) implements Products {
    @Override
    public String describe() {
      return "our own kernels";
    }

    @Override
    public boolean addsLast() {
      return true;
    }

    @Override
    public void run(
        Matmul.Epilogue epilogue,
        MemorySegment x,
        int rows,
        CudaLinear map,
        MemorySegment bias,
        MemorySegment out) {
      matmul.run(epilogue, x, rows, map, bias, out);
    }

    @Override
    public void close() {}
  }

  /**
   * Who {@link #PROPERTY} names. Without it our own kernels: that a row's bits do not depend on the
   * batch is theirs to keep, and the library's promise only for one algorithm.
   *
   * @throws IllegalStateException if that one is not here; the message says where it was looked for
   */
  static Products choose(CudaContext context, DeviceMemory memory, Matmul own) {
    String wanted = System.getProperty(PROPERTY, "own");
    return switch (wanted) {
      case "own" -> new Own(own);
      case "cublaslt" ->
          switch (CublasLt.open()) {
            case Found<CublasLt>(CublasLt library) ->
                new LibraryProducts(context, memory, library, own);
            case Missing<CublasLt> missing ->
                throw new IllegalStateException(
                    "-D%s=cublaslt was asked for, and %s. Name its folder with -Dpalimpsest.cuda.libraries, or take own"
                        .formatted(PROPERTY, missing.message()));
          };
      default ->
          throw new IllegalStateException(
              "-D%s wants own or cublaslt; found %s".formatted(PROPERTY, wanted));
    };
  }
}
