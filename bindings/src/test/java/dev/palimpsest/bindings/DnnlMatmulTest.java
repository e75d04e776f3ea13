/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import static dev.palimpsest.bindings.OneDnn.check;
import static dev.palimpsest.bindings.dnnl.Dnnl.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.bindings.dnnl.dnnl_exec_arg_t;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Matrix products through the generated bindings, against plain Java. */
class DnnlMatmulTest {
  private static OneDnnLibrary library;

  private final Arena arena = Arena.ofConfined();
  private final List<Runnable> destroy = new ArrayList<>();
  private MemorySegment engine;
  private MemorySegment stream;

  @BeforeAll
  static void load() {
    library = OneDnnLibrary.find().orThrow();
  }

  @BeforeEach
  void open() {
    library.ompThreads(1);
    MemorySegment out = arena.allocate(C_POINTER);
    check(dnnl_engine_create(out, dnnl_cpu(), 0), "dnnl_engine_create(cpu)");
    engine = out.get(C_POINTER, 0);
    destroy.add(() -> dnnl_engine_destroy(engine));
    check(dnnl_stream_create(out, engine, dnnl_stream_default_flags()), "dnnl_stream_create");
    stream = out.get(C_POINTER, 0);
    destroy.add(() -> dnnl_stream_destroy(stream));
  }

  @AfterEach
  void close() {
    destroy.reversed().forEach(Runnable::run);
    arena.close();
  }

  @Test
  void f32MatmulEqualsPlainJava() {
    int m = 5;
    int k = 7;
    int n = 3;
    Random random = new Random(1);
    float[] a = gaussian(random, m * k);
    float[] b = gaussian(random, k * n);
    MemorySegment aData = arena.allocateFrom(ValueLayout.JAVA_FLOAT, a);
    MemorySegment bData = arena.allocateFrom(ValueLayout.JAVA_FLOAT, b);
    MemorySegment cData = arena.allocate(ValueLayout.JAVA_FLOAT, m * n);
    MemorySegment aMd = desc(m, k, dnnl_f32(), dnnl_ab());
    MemorySegment bMd = desc(k, n, dnnl_f32(), dnnl_ab());
    MemorySegment cMd = desc(m, n, dnnl_f32(), dnnl_ab());

    MemorySegment pd = matmul(aMd, bMd, cMd);
    execute(pd, aMd, aData, bMd, bData, cMd, cData);

    float[] c = cData.toArray(ValueLayout.JAVA_FLOAT);
    double[] expected = product(a, b, m, k, n);
    for (int i = 0; i < m * n; i++) {
      assertEquals(expected[i], c[i], 1e-5, "element " + i);
    }
  }

  @Test
  void bf16MatmulWithPackedWeightsEqualsPlainJavaOnRoundedInputs() {
    int m = 4;
    int k = 96;
    int n = 80;
    Random random = new Random(2);
    float[] a = rounded(gaussian(random, m * k));
    float[] b = rounded(gaussian(random, k * n));
    MemorySegment aData = bf16(a);
    MemorySegment bData = bf16(b);
    MemorySegment cData = arena.allocate(ValueLayout.JAVA_FLOAT, m * n);
    MemorySegment aMd = desc(m, k, dnnl_bf16(), dnnl_ab());
    MemorySegment anyMd = desc(k, n, dnnl_bf16(), dnnl_format_tag_any());
    MemorySegment plainMd = desc(k, n, dnnl_bf16(), dnnl_ab());
    MemorySegment cMd = desc(m, n, dnnl_f32(), dnnl_ab());

    MemorySegment pd = matmul(aMd, anyMd, cMd);
    MemorySegment packedMd = dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md(), 0);
    MemorySegment packed = arena.allocate(dnnl_memory_desc_get_size(packedMd), 64);
    reorder(plainMd, bData, packedMd, packed);
    execute(pd, aMd, aData, packedMd, packed, cMd, cData);

    float[] c = cData.toArray(ValueLayout.JAVA_FLOAT);
    double[] expected = product(a, b, m, k, n);
    for (int i = 0; i < m * n; i++) {
      assertEquals(expected[i], c[i], 1e-4 * Math.sqrt(k), "element " + i);
    }
  }

  @Test
  void shapesThatDoNotFitAreAnExceptionWithTheCall() {
    MemorySegment out = arena.allocate(C_POINTER);
    DnnlException e =
        assertThrows(
            DnnlException.class,
            () ->
                check(
                    dnnl_matmul_primitive_desc_create(
                        out,
                        engine,
                        desc(5, 7, dnnl_f32(), dnnl_ab()),
                        desc(6, 3, dnnl_f32(), dnnl_ab()),
                        MemorySegment.NULL,
                        desc(5, 3, dnnl_f32(), dnnl_ab()),
                        MemorySegment.NULL),
                    "dnnl_matmul_primitive_desc_create([5,7] x [6,3])"));
    assertTrue(e.getMessage().contains("[5,7] x [6,3]"), e.getMessage());
    assertTrue(
        e.status() == DnnlStatus.INVALID_SHAPE || e.status() == DnnlStatus.INVALID_ARGUMENTS,
        e.getMessage());
  }

  private MemorySegment desc(long rows, long columns, int type, int tag) {
    MemorySegment out = arena.allocate(C_POINTER);
    check(
        dnnl_memory_desc_create_with_tag(
            out, 2, arena.allocateFrom(ValueLayout.JAVA_LONG, rows, columns), type, tag),
        "dnnl_memory_desc_create_with_tag([" + rows + "," + columns + "])");
    MemorySegment md = out.get(C_POINTER, 0);
    destroy.add(() -> dnnl_memory_desc_destroy(md));
    return md;
  }

  private MemorySegment matmul(MemorySegment aMd, MemorySegment bMd, MemorySegment cMd) {
    MemorySegment out = arena.allocate(C_POINTER);
    check(dnnl_primitive_attr_create(out), "dnnl_primitive_attr_create");
    MemorySegment attr = out.get(C_POINTER, 0);
    check(
        dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user()),
        "dnnl_primitive_attr_set_scratchpad_mode(user)");
    check(
        dnnl_matmul_primitive_desc_create(out, engine, aMd, bMd, MemorySegment.NULL, cMd, attr),
        "dnnl_matmul_primitive_desc_create");
    dnnl_primitive_attr_destroy(attr);
    MemorySegment pd = out.get(C_POINTER, 0);
    destroy.add(() -> dnnl_primitive_desc_destroy(pd));
    return pd;
  }

  private MemorySegment memory(MemorySegment md, MemorySegment data) {
    MemorySegment out = arena.allocate(C_POINTER);
    check(dnnl_memory_create(out, md, engine, data), "dnnl_memory_create");
    MemorySegment memory = out.get(C_POINTER, 0);
    destroy.add(() -> dnnl_memory_destroy(memory));
    return memory;
  }

  private void execute(
      MemorySegment pd,
      MemorySegment aMd,
      MemorySegment a,
      MemorySegment bMd,
      MemorySegment b,
      MemorySegment cMd,
      MemorySegment c) {
    MemorySegment scratchMd = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md(), 0);
    MemorySegment scratch = arena.allocate(Math.max(64, dnnl_memory_desc_get_size(scratchMd)), 64);
    run(
        pd,
        new int[] {DNNL_ARG_SRC(), DNNL_ARG_WEIGHTS(), DNNL_ARG_DST(), DNNL_ARG_SCRATCHPAD()},
        memory(aMd, a),
        memory(bMd, b),
        memory(cMd, c),
        memory(scratchMd, scratch));
  }

  private void reorder(
      MemorySegment fromMd, MemorySegment from, MemorySegment toMd, MemorySegment to) {
    MemorySegment out = arena.allocate(C_POINTER);
    check(
        dnnl_reorder_primitive_desc_create(out, fromMd, engine, toMd, engine, MemorySegment.NULL),
        "dnnl_reorder_primitive_desc_create");
    MemorySegment pd = out.get(C_POINTER, 0);
    destroy.add(() -> dnnl_primitive_desc_destroy(pd));
    run(pd, new int[] {DNNL_ARG_FROM(), DNNL_ARG_TO()}, memory(fromMd, from), memory(toMd, to));
  }

  private void run(MemorySegment pd, int[] names, MemorySegment... memories) {
    MemorySegment out = arena.allocate(C_POINTER);
    check(dnnl_primitive_create(out, pd), "dnnl_primitive_create");
    MemorySegment primitive = out.get(C_POINTER, 0);
    destroy.add(() -> dnnl_primitive_destroy(primitive));
    MemorySegment args = dnnl_exec_arg_t.allocateArray(names.length, arena);
    for (int i = 0; i < names.length; i++) {
      MemorySegment arg = dnnl_exec_arg_t.asSlice(args, i);
      dnnl_exec_arg_t.arg(arg, names[i]);
      dnnl_exec_arg_t.memory(arg, memories[i]);
    }
    check(dnnl_primitive_execute(primitive, stream, names.length, args), "dnnl_primitive_execute");
    check(dnnl_stream_wait(stream), "dnnl_stream_wait");
  }

  private MemorySegment bf16(float[] values) {
    MemorySegment data = arena.allocate(2L * values.length, 64);
    for (int i = 0; i < values.length; i++) {
      data.setAtIndex(
          ValueLayout.JAVA_SHORT, i, (short) (Float.floatToRawIntBits(values[i]) >>> 16));
    }
    return data;
  }

  /** Truncated to bfloat16, so that the packed bits and the reference hold the same numbers. */
  private static float[] rounded(float[] values) {
    float[] out = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      out[i] = Float.intBitsToFloat(Float.floatToRawIntBits(values[i]) & 0xffff0000);
    }
    return out;
  }

  private static float[] gaussian(Random random, int n) {
    float[] out = new float[n];
    for (int i = 0; i < n; i++) {
      out[i] = (float) random.nextGaussian();
    }
    return out;
  }

  private static double[] product(float[] a, float[] b, int m, int k, int n) {
    double[] c = new double[m * n];
    for (int i = 0; i < m; i++) {
      for (int j = 0; j < n; j++) {
        for (int l = 0; l < k; l++) {
          c[i * n + j] += (double) a[i * k + l] * b[l * n + j];
        }
      }
    }
    return c;
  }
}
