/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.bindings.CublasLt;
import dev.palimpsest.bindings.LibrarySearch;
import dev.palimpsest.bindings.LibrarySearch.Found;
import dev.palimpsest.bindings.LibrarySearch.Missing;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * bf16 products by cuBLASLt, one algorithm a map whatever the rows, so that a row is summed in one
 * order; gated products, biases and f32 by our own kernels.
 */
final class LibraryProducts implements Products, LaunchList.Call {
  private static final long WORKSPACE_BYTES = 32L << 20;

  /**
   * Rows that a map's algorithm is chosen for. No measurement stands behind it: part {@code
   * kernels} of {@code bench/gpu} with {@code -Dpalimpsest.cuda.matmul=cublaslt} does, at 32 rows
   * and more.
   */
  private static final int PLANNED_ROWS = 256;

  /** Numbers of rows that are remembered; the one unused for the longest time goes first. */
  private static final int KNOWN_ROWS = 64;

  private final CudaContext context;
  private final CublasLt library;
  private final Matmul own;
  private final MemorySegment workspace;
  private final Arena arena = Arena.ofShared();
  private final int number;
  private final Map<Long, Plan> plans = new HashMap<>();
  private final List<Plan> numbered = new ArrayList<>();

  /** How rows of x and of the sums lie. */
  private record Rows(MemorySegment x, MemorySegment out) {}

  /** A map's layout and algorithm; without one it is not the library's. */
  private final class Plan {
    final CudaLinear map;
    final int number;
    final MemorySegment layout;
    final Optional<MemorySegment> algorithm;
    final Map<Integer, Rows> rows =
        new LinkedHashMap<>(16, 0.75f, true) {
          private static final long serialVersionUID = 1L;

          @Override
          protected boolean removeEldestEntry(Map.Entry<Integer, Rows> eldest) {
            if (size() > KNOWN_ROWS) {
              free(eldest.getValue());
              return true;
            }
            return false;
          }
        };

    Plan(CudaLinear map, int number) {
      this.map = map;
      this.number = number;
      layout = library.layout(false, map.in(), map.out(), map.stride());
      Rows planned = rows(PLANNED_ROWS);
      algorithm = library.algorithm(arena, layout, planned.x, planned.out, WORKSPACE_BYTES);
    }

    Rows rows(int n) {
      Rows known = rows.get(n);
      if (known == null) {
        known =
            new Rows(
                library.layout(false, map.in(), n, map.in()),
                library.layout(true, map.out(), n, map.out()));
        rows.put(n, known);
      }
      return known;
    }

    void close() {
      rows.values().forEach(LibraryProducts.this::free);
      library.free(layout);
    }
  }

  private LibraryProducts(CudaContext context, DeviceMemory memory, CublasLt library, Matmul own) {
    this.context = context;
    this.library = library;
    this.own = own;
    workspace = memory.allocate(WORKSPACE_BYTES);
    number = context.launches().register(this);
  }

  /** Opens it in the current context if it is here; never throws for what is not. */
  static LibrarySearch<Products> open(CudaContext context, DeviceMemory memory, Matmul own) {
    return switch (CublasLt.open()) {
      case Missing<CublasLt> missing -> new Missing<>(missing.name(), missing.reasons());
      case Found<CublasLt>(CublasLt library) -> {
        try {
          yield new Found<>(new LibraryProducts(context, memory, library, own));
        } catch (RuntimeException | Error e) {
          library.close();
          throw e;
        }
      }
    };
  }

  private void free(Rows rows) {
    library.free(rows.x);
    library.free(rows.out);
  }

  @Override
  public String describe() {
    long version = library.version();
    return "cuBLASLt %d.%d.%d (%s), gated ones by our own kernels"
        .formatted(version / 10000, version / 100 % 100, version % 100, library.path());
  }

  /** Its manual does not say when it adds. */
  @Override
  public boolean addsLast() {
    return false;
  }

  @Override
  public void run(
      Matmul.Epilogue epilogue,
      MemorySegment x,
      int rows,
      CudaLinear map,
      MemorySegment bias,
      MemorySegment out) {
    if (Products.isForLibraries(epilogue, map) && rows > 0) {
      Plan plan = plan(map);
      if (plan.algorithm.isPresent()) {
        context
            .launches()
            .add(
                number,
                plan.number,
                rows,
                x.address(),
                out.address(),
                epilogue == Matmul.Epilogue.ADD ? 1 : 0);
        return;
      }
    }
    own.run(epilogue, x, rows, map, bias, out);
  }

  private Plan plan(CudaLinear map) {
    Plan known = plans.get(map.memory().address());
    if (known == null || !known.map.equals(map)) {
      known = new Plan(map, numbered.size());
      numbered.add(known);
      plans.put(map.memory().address(), known);
    }
    return known;
  }

  @Override
  public void call(long[] words, int at) {
    Plan plan = numbered.get((int) words[at]);
    int n = (int) words[at + 1];
    Rows rows = plan.rows(n);
    int status =
        library.multiply(
            plan.map.memory().address(),
            plan.layout,
            words[at + 2],
            rows.x,
            words[at + 3],
            rows.out,
            words[at + 4] == 1,
            plan.algorithm.orElseThrow(),
            workspace,
            WORKSPACE_BYTES,
            context.stream().segment());
    if (status != 0) {
      throw new IllegalStateException(
          "cublasLtMatmul of %d x %d -> %d fails: %s; run with -D%s=own"
              .formatted(n, plan.map.in(), plan.map.out(), CublasLt.text(status), PROPERTY));
    }
  }

  @Override
  public void close() {
    numbered.forEach(Plan::close);
    numbered.clear();
    plans.clear();
    library.close();
    arena.close();
  }
}
