/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static dev.palimpsest.bindings.OneDnn.check;
import static dev.palimpsest.bindings.dnnl.Dnnl.*;

import dev.palimpsest.bindings.OneDnnLibrary;
import dev.palimpsest.bindings.dnnl.dnnl_exec_arg_t;
import dev.palimpsest.kernels.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A oneDNN engine with one stream per worker, and the objects made on it, which it destroys
 * together. Objects are made by one thread at a time; each worker executes on its own stream and
 * arguments.
 */
final class DnnlEngine implements AutoCloseable {
  private final OneDnnLibrary library;
  private final Arena arena = Arena.ofShared();
  private final List<Runnable> destroy = new ArrayList<>();
  private final Thread[] prepared;
  private final MemorySegment engine;
  private final MemorySegment[] streams;

  DnnlEngine(OneDnnLibrary library, int workers) {
    this.library = library;
    prepared = new Thread[workers];
    streams = new MemorySegment[workers];
    prepare(0);
    MemorySegment out = arena.allocate(C_POINTER);
    check(dnnl_engine_create(out, dnnl_cpu(), 0), "dnnl_engine_create(cpu)");
    engine = out.get(C_POINTER, 0);
    destroy.add(() -> dnnl_engine_destroy(engine));
    for (int i = 0; i < workers; i++) {
      check(dnnl_stream_create(out, engine, dnnl_stream_default_flags()), "dnnl_stream_create");
      MemorySegment stream = out.get(C_POINTER, 0);
      streams[i] = stream;
      destroy.add(() -> dnnl_stream_destroy(stream));
    }
  }

  /** The library in words: version and instruction set. */
  String describe() {
    return "oneDNN " + library.version() + " (" + isa() + ")";
  }

  /** True when the processor multiplies bf16 itself. */
  static boolean nativeBfloat16() {
    return has(dnnl_get_effective_cpu_isa(), dnnl_cpu_isa_avx512_core_bf16());
  }

  /**
   * True when oneDNN sums u8·s8 products exactly. Without the VNNI instructions it adds pairs of
   * them in 16 bits, which saturates.
   */
  static boolean exactIntegers() {
    int isa = dnnl_get_effective_cpu_isa();
    return has(isa, dnnl_cpu_isa_avx512_core_vnni()) || has(isa, dnnl_cpu_isa_avx2_vnni());
  }

  /** The instruction set oneDNN uses. */
  static String isa() {
    int isa = dnnl_get_effective_cpu_isa();
    if (has(isa, dnnl_cpu_isa_avx512_core_amx())) {
      return "avx512_core_amx";
    } else if (has(isa, dnnl_cpu_isa_avx10_1_512())) {
      return "avx10_1_512";
    } else if (has(isa, dnnl_cpu_isa_avx512_core_bf16())) {
      return "avx512_core_bf16";
    } else if (has(isa, dnnl_cpu_isa_avx512_core())) {
      return "avx512_core";
    } else if (has(isa, dnnl_cpu_isa_avx2())) {
      return "avx2";
    }
    return "isa 0x" + Integer.toHexString(isa);
  }

  private static boolean has(int isa, int wanted) {
    return (isa & wanted) == wanted;
  }

  /**
   * Keeps OpenMP out of the calling thread's calls: parallelism is the team's. Every thread that
   * makes or executes primitives passes here first.
   */
  void prepare(int worker) {
    if (prepared[worker] != Thread.currentThread()) {
      library.ompThreads(1);
      prepared[worker] = Thread.currentThread();
    }
  }

  /** What is multiplied, and what sums are. */
  enum Numbers {
    F32(dnnl_f32(), dnnl_f32(), dnnl_f32()),
    BF16(dnnl_bf16(), dnnl_bf16(), dnnl_f32()),
    /** u8 rows, s8 weights, s32 sums. */
    INT8(dnnl_u8(), dnnl_s8(), dnnl_s32());

    private final int source;
    private final int weights;
    private final int sum;

    Numbers(int source, int weights, int sum) {
      this.source = source;
      this.weights = weights;
      this.sum = sum;
    }

    static Numbers of(DType type) {
      return type == DType.BF16 ? BF16 : F32;
    }
  }

  /** A matrix with elements {@code rowStride} and {@code columnStride} apart. */
  private MemorySegment matrix(
      Arena scope, long rows, long columns, int type, long rowStride, long columnStride) {
    MemorySegment out = scope.allocate(C_POINTER);
    check(
        dnnl_memory_desc_create_with_strides(
            out,
            2,
            scope.allocateFrom(ValueLayout.JAVA_LONG, rows, columns),
            type,
            scope.allocateFrom(ValueLayout.JAVA_LONG, rowStride, columnStride)),
        "dnnl_memory_desc_create_with_strides([" + rows + "," + columns + "])");
    return out.get(C_POINTER, 0);
  }

  /** How oneDNN likes weights {@code [k][n]} laid out for products of {@code m} rows. */
  MemorySegment weightsLayout(int m, int k, int n, Numbers numbers) {
    try (Arena scope = Arena.ofConfined()) {
      MemorySegment out = scope.allocate(C_POINTER);
      check(
          dnnl_memory_desc_create_with_tag(
              out,
              2,
              scope.allocateFrom(ValueLayout.JAVA_LONG, k, n),
              numbers.weights,
              dnnl_format_tag_any()),
          "dnnl_memory_desc_create_with_tag([" + k + "," + n + "])");
      MemorySegment any = out.get(C_POINTER, 0);
      MemorySegment pd = matmul(scope, m, k, n, n, numbers, any, false);
      check(
          dnnl_memory_desc_clone(out, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md(), 0)),
          "dnnl_memory_desc_clone");
      MemorySegment layout = out.get(C_POINTER, 0);
      dnnl_primitive_desc_destroy(pd);
      dnnl_memory_desc_destroy(any);
      destroy.add(() -> dnnl_memory_desc_destroy(layout));
      return layout;
    }
  }

  /**
   * Weights {@code [k][n]} in bf16 as {@link InterleavedLayout} describes them.
   *
   * @return nothing if oneDNN has no such layout
   */
  Optional<MemorySegment> interleaved(int k, int n, int width) {
    int tag = InterleavedLayout.tag(width);
    if (tag == dnnl_format_tag_undef()) {
      return Optional.empty();
    }
    try (Arena scope = Arena.ofConfined()) {
      MemorySegment out = scope.allocate(C_POINTER);
      check(
          dnnl_memory_desc_create_with_tag(
              out, 2, scope.allocateFrom(ValueLayout.JAVA_LONG, k, n), dnnl_bf16(), tag),
          "dnnl_memory_desc_create_with_tag([" + k + "," + n + "])");
      MemorySegment layout = out.get(C_POINTER, 0);
      destroy.add(() -> dnnl_memory_desc_destroy(layout));
      return Optional.of(layout);
    }
  }

  static long bytes(MemorySegment layout) {
    return dnnl_memory_desc_get_size(layout);
  }

  private MemorySegment matmul(
      Arena scope,
      int m,
      int k,
      int n,
      long outStride,
      Numbers numbers,
      MemorySegment weights,
      boolean add) {
    MemorySegment out = scope.allocate(C_POINTER);
    check(dnnl_primitive_attr_create(out), "dnnl_primitive_attr_create");
    MemorySegment attributes = out.get(C_POINTER, 0);
    check(
        dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user()),
        "dnnl_primitive_attr_set_scratchpad_mode(user)");
    if (add) {
      check(dnnl_post_ops_create(out), "dnnl_post_ops_create");
      MemorySegment postOps = out.get(C_POINTER, 0);
      check(
          dnnl_post_ops_append_sum(postOps, 1f, 0, dnnl_data_type_undef()),
          "dnnl_post_ops_append_sum");
      check(
          dnnl_primitive_attr_set_post_ops(attributes, postOps),
          "dnnl_primitive_attr_set_post_ops(sum)");
      dnnl_post_ops_destroy(postOps);
    }
    MemorySegment source = matrix(scope, m, k, numbers.source, k, 1);
    MemorySegment product = matrix(scope, m, n, numbers.sum, outStride, 1);
    try {
      check(
          dnnl_matmul_primitive_desc_create(
              out, engine, source, weights, MemorySegment.NULL, product, attributes),
          "dnnl_matmul_primitive_desc_create(["
              + m
              + ","
              + k
              + "] x ["
              + k
              + ","
              + n
              + "] "
              + numbers
              + ")");
    } finally {
      dnnl_memory_desc_destroy(source);
      dnnl_memory_desc_destroy(product);
      dnnl_primitive_attr_destroy(attributes);
    }
    return out.get(C_POINTER, 0);
  }

  /**
   * A product of {@code m} rows with weights in {@code layout}.
   *
   * @param outStride elements from row to row of the output
   * @param add whether products are added to the output
   */
  Primitive product(
      int m, int k, int n, long outStride, Numbers numbers, MemorySegment layout, boolean add) {
    try (Arena scope = Arena.ofConfined()) {
      MemorySegment pd = matmul(scope, m, k, n, outStride, numbers, layout, add);
      String implementation = implementation(scope, pd);
      System.Logger logger = System.getLogger(DnnlEngine.class.getName());
      logger.log(
          implementation.startsWith("ref")
              ? System.Logger.Level.WARNING
              : System.Logger.Level.DEBUG,
          "matmul [{0},{1}] x [{1},{2}] {3}: {4}",
          m,
          k,
          n,
          numbers,
          implementation);
      MemorySegment source = matrix(scope, m, k, numbers.source, k, 1);
      MemorySegment product = matrix(scope, m, n, numbers.sum, outStride, 1);
      Primitive primitive =
          new Primitive(
              create(scope, pd),
              new int[] {DNNL_ARG_SRC(), DNNL_ARG_WEIGHTS(), DNNL_ARG_DST()},
              new MemorySegment[] {source, layout, product},
              dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md(), 0));
      dnnl_memory_desc_destroy(source);
      dnnl_memory_desc_destroy(product);
      dnnl_primitive_desc_destroy(pd);
      return primitive;
    }
  }

  /** Turns weights {@code [n][k]} into {@code layout}. */
  Primitive reorder(int k, int n, Numbers numbers, MemorySegment layout) {
    try (Arena scope = Arena.ofConfined()) {
      MemorySegment rows = matrix(scope, k, n, numbers.weights, 1, k);
      MemorySegment out = scope.allocate(C_POINTER);
      check(dnnl_primitive_attr_create(out), "dnnl_primitive_attr_create");
      MemorySegment attributes = out.get(C_POINTER, 0);
      check(
          dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user()),
          "dnnl_primitive_attr_set_scratchpad_mode(user)");
      check(
          dnnl_reorder_primitive_desc_create(out, rows, engine, layout, engine, attributes),
          "dnnl_reorder_primitive_desc_create([" + n + "," + k + "] " + numbers + ")");
      MemorySegment pd = out.get(C_POINTER, 0);
      dnnl_primitive_attr_destroy(attributes);
      Primitive primitive =
          new Primitive(
              create(scope, pd),
              new int[] {DNNL_ARG_FROM(), DNNL_ARG_TO()},
              new MemorySegment[] {rows, layout},
              dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md(), 0));
      dnnl_memory_desc_destroy(rows);
      dnnl_primitive_desc_destroy(pd);
      return primitive;
    }
  }

  private static String implementation(Arena scope, MemorySegment pd) {
    MemorySegment out = scope.allocate(C_POINTER);
    check(
        dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str(), 0, out),
        "dnnl_primitive_desc_query(impl_info_str)");
    return out.get(C_POINTER, 0).getString(0);
  }

  private MemorySegment create(Arena scope, MemorySegment pd) {
    MemorySegment out = scope.allocate(C_POINTER);
    check(dnnl_primitive_create(out, pd), "dnnl_primitive_create");
    MemorySegment primitive = out.get(C_POINTER, 0);
    destroy.add(() -> dnnl_primitive_destroy(primitive));
    return primitive;
  }

  /** A primitive with a set of arguments for each worker. */
  final class Primitive {
    private final MemorySegment primitive;
    private final long scratchBytes;
    private final int count;

    /** {@code [worker]}: the argument array, and the memories in it. */
    private final MemorySegment[] arguments;

    private final MemorySegment[][] memories;

    Primitive(
        MemorySegment primitive, int[] kinds, MemorySegment[] layouts, MemorySegment scratchpad) {
      this.primitive = primitive;
      scratchBytes = bytes(scratchpad);
      count = kinds.length + (scratchBytes > 0 ? 1 : 0);
      int workers = streams.length;
      arguments = new MemorySegment[workers];
      memories = new MemorySegment[workers][count];
      for (int w = 0; w < workers; w++) {
        MemorySegment array = arena.allocate(dnnl_exec_arg_t.layout(), count);
        // Addresses without a scope: calls then need not guard the arena, which outlives them.
        arguments[w] = MemorySegment.ofAddress(array.address());
        for (int i = 0; i < count; i++) {
          boolean scratch = i == kinds.length;
          memories[w][i] = memory(scratch ? scratchpad : layouts[i]);
          MemorySegment slot =
              array.asSlice(i * dnnl_exec_arg_t.sizeof(), dnnl_exec_arg_t.sizeof());
          dnnl_exec_arg_t.arg(slot, scratch ? DNNL_ARG_SCRATCHPAD() : kinds[i]);
          dnnl_exec_arg_t.memory(slot, memories[w][i]);
        }
      }
    }

    private MemorySegment memory(MemorySegment layout) {
      try (Arena scope = Arena.ofConfined()) {
        MemorySegment out = scope.allocate(C_POINTER);
        check(dnnl_memory_create(out, layout, engine, MemorySegment.NULL), "dnnl_memory_create");
        MemorySegment memory = out.get(C_POINTER, 0);
        destroy.add(() -> dnnl_memory_destroy(memory));
        return memory;
      }
    }

    /** Scratch memory that one execution needs, aligned to a cache line. */
    long scratchBytes() {
      return scratchBytes;
    }

    /** A product: addresses of the rows, the packed weights, the output and scratch memory. */
    void execute(int worker, long source, long weights, long out, long scratch) {
      MemorySegment[] m = memories[worker];
      set(m[0], source);
      set(m[1], weights);
      set(m[2], out);
      if (count > 3) {
        set(m[3], scratch);
      }
      run(worker);
    }

    /** A reorder: addresses of the rows, the packed weights and scratch memory. */
    void execute(int worker, long from, long to, long scratch) {
      MemorySegment[] m = memories[worker];
      set(m[0], from);
      set(m[1], to);
      if (count > 2) {
        set(m[2], scratch);
      }
      run(worker);
    }

    private void run(int worker) {
      int status = dnnl_primitive_execute(primitive, streams[worker], count, arguments[worker]);
      if (status != 0) {
        check(status, "dnnl_primitive_execute");
      }
    }

    private static void set(MemorySegment memory, long address) {
      int status = dnnl_memory_set_data_handle(memory, MemorySegment.ofAddress(address));
      if (status != 0) {
        check(status, "dnnl_memory_set_data_handle");
      }
    }
  }

  @Override
  public void close() {
    destroy.reversed().forEach(Runnable::run);
    destroy.clear();
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
