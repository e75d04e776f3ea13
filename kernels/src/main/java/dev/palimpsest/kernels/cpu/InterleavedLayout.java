/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static dev.palimpsest.bindings.dnnl.Dnnl.*;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * oneDNN's names for weights {@code [k][n]} in which rows 2i and 2i + 1 are interleaved: blocks of
 * 32 rows and {@code width} columns, blocks of rows side by side, blocks of columns outermost. A
 * name is found by asking oneDNN what each of its names means, since we write that layout
 * ourselves.
 */
final class InterleavedLayout {
  private static final int ROWS = 32;

  /** {@code [width / 16]}; 0, the undefined tag, where oneDNN has none. */
  private static final int[] TAGS = find();

  private InterleavedLayout() {}

  /**
   * The tag for blocks of {@code width} columns, or the undefined tag.
   *
   * @param width 16, 32, 48 or 64
   */
  static int tag(int width) {
    return TAGS[width / 16];
  }

  private static int[] find() {
    int[] tags = new int[5];
    java.util.Arrays.fill(tags, dnnl_format_tag_undef());
    for (int tag = dnnl_format_tag_any() + 1; tag < dnnl_format_tag_last(); tag++) {
      for (int width = 16; width <= 64; width += 16) {
        if (tags[width / 16] == dnnl_format_tag_undef() && matches(tag, width)) {
          tags[width / 16] = tag;
        }
      }
    }
    return tags;
  }

  private static boolean matches(int tag, int width) {
    try (Arena scope = Arena.ofConfined()) {
      MemorySegment out = scope.allocate(C_POINTER);
      MemorySegment dims = scope.allocateFrom(ValueLayout.JAVA_LONG, 2 * ROWS, 2L * width);
      if (dnnl_memory_desc_create_with_tag(out, 2, dims, dnnl_bf16(), tag) != dnnl_success()) {
        return false;
      }
      MemorySegment layout = out.get(C_POINTER, 0);
      try {
        return dnnl_memory_desc_query(layout, dnnl_query_inner_nblks_s32(), out) == dnnl_success()
            && out.get(C_INT, 0) == 3
            && holds(layout, out, dnnl_query_inner_blks(), 16, width, 2)
            && holds(layout, out, dnnl_query_inner_idxs(), 0, 1, 0)
            && holds(layout, out, dnnl_query_strides(), ROWS * width, 2 * ROWS * width);
      } finally {
        dnnl_memory_desc_destroy(layout);
      }
    }
  }

  /** Whether a query answers these numbers. */
  private static boolean holds(
      MemorySegment layout, MemorySegment out, int query, long... expected) {
    if (dnnl_memory_desc_query(layout, query, out) != dnnl_success()) {
      return false;
    }
    MemorySegment found = numbers(out.get(C_POINTER, 0), expected.length);
    for (int i = 0; i < expected.length; i++) {
      if (found.getAtIndex(ValueLayout.JAVA_LONG, i) != expected[i]) {
        return false;
      }
    }
    return true;
  }

  /** The first of the numbers that oneDNN points at. */
  @SuppressWarnings("restricted")
  private static MemorySegment numbers(MemorySegment address, int n) {
    return address.reinterpret(8L * n);
  }
}
