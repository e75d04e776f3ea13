/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.bindings.CudaFolders;
import dev.palimpsest.bindings.LibrarySearch.Found;
import dev.palimpsest.bindings.LibrarySearch.Missing;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Who multiplies matrices; chosen when a device is opened. */
interface Products extends AutoCloseable {
  /** System property: who is asked first, one of {@link #NAMES}. */
  String PROPERTY = "palimpsest.cuda.matmul";

  String CUBLASLT = "cublaslt";
  String JCUBLAS = "jcublas";
  String OWN = "own";

  /** In the order they are asked. */
  List<String> NAMES = List.of(CUBLASLT, JCUBLAS, OWN);

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
   * Whether a library may take it: bf16 as our tensor core kernels take it, sums stored or added.
   * Apart from what becomes of the sums that is decided by the map alone: all rows of a map go one
   * way.
   */
  static boolean isForLibraries(Matmul.Epilogue epilogue, CudaLinear map) {
    boolean plain = epilogue == Matmul.Epilogue.STORE || epilogue == Matmul.Epilogue.ADD;
    return plain && map.shape().bf16OnTensorCores();
  }

  /**
   * Who multiplies, and why it is that one.
   *
   * @param reason for people and logs
   */
  record Chosen(Products products, String reason) {}

  /**
   * The first that is here of those from {@link #PROPERTY}'s on: {@code cublaslt}, {@code jcublas},
   * {@code own}; a line in the log says why one is not. Without the property our own kernels: that
   * a row's bits do not depend on the batch is theirs to keep, and no library's promise.
   *
   * @throws IllegalStateException if the property names none of them
   */
  static Chosen choose(CudaContext context, DeviceMemory memory, Matmul own) {
    String wanted = System.getProperty(PROPERTY, "");
    if (!wanted.isEmpty() && !NAMES.contains(wanted)) {
      throw new IllegalStateException(
          "-D%s wants one of %s; found %s".formatted(PROPERTY, String.join(", ", NAMES), wanted));
    }
    int first = wanted.isEmpty() ? NAMES.size() - 1 : NAMES.indexOf(wanted);
    for (String name : NAMES.subList(first, NAMES.size() - 1)) {
      switch (name.equals(CUBLASLT)
          ? LibraryProducts.open(context, memory, own)
          : JCublasProducts.open(context, memory, own)) {
        case Found<Products>(Products library) -> {
          return new Chosen(
              library,
              name.equals(wanted)
                  ? "-D%s=%s asks for it".formatted(PROPERTY, wanted)
                  : "the next after " + wanted + " that is here");
        }
        case Missing<Products> missing ->
            System.getLogger(Products.class.getName())
                .log(
                    System.Logger.Level.WARNING,
                    "-D{0}={1}: {2}. Name its folder with -D{3}; next is {4}",
                    PROPERTY,
                    wanted,
                    missing.message(),
                    CudaFolders.PROPERTY,
                    NAMES.get(NAMES.indexOf(name) + 1));
      }
    }
    return new Chosen(
        new Own(own),
        wanted.isEmpty()
            ? "a row's bits do not depend on the batch"
            : wanted.equals(OWN)
                ? "-D%s=%s asks for it".formatted(PROPERTY, wanted)
                : wanted + " was asked for, and no library is here");
  }
}
