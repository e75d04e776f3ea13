/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.jmh;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.KvStore;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * {@code Device.attention} over one sequence that sees all of itself: all of its rows, or some
 * whose other keys and values lie in pages, as in a step over one block.
 */
public class AttentionBenchmark extends OpBenchmark {
  /** Queries x positions; pages are used unless these are equal. */
  @Param({"256x256", "1024x1024", "32x384", "32x4096", "8x16384"})
  public String shape;

  /** Query heads / key heads x elements of a head. */
  @Param({"16/16x64", "28/4x128"})
  public String heads;

  private HeadShape headShape;
  private RowSpans spans;
  private int[] positions;
  private boolean paged;
  private KvStore store;
  private Tensor fused;
  private Tensor out;

  private static int[] numbers(String text) {
    return Arrays.stream(text.split("[x/]")).mapToInt(Integer::parseInt).toArray();
  }

  @Setup(Level.Trial)
  public void open() {
    int[] size = numbers(shape);
    int[] head = numbers(heads);
    int queries = size[0];
    int context = size[1];
    headShape = new HeadShape(head[0], head[1], head[2]);
    paged = queries < context;
    fused = filled(DType.F32, context, headShape.fusedWidth());
    out = device().allocate(device().computeType(), context, headShape.queryWidth());
    spans = new RowSpans();
    int pages = KvStore.pagesFor(context);
    store = device().keyValues(1, headShape, paged ? 1L << 32 : 0);
    if (paged) {
      store.grow(pages);
      int[] table = IntStream.range(0, pages).toArray();
      spans.add(context, context, table);
      positions = IntStream.range(0, context).toArray();
      attention();
      spans.clear();
      spans.add(queries, context, table);
      positions = IntStream.range(context - queries, context).toArray();
    } else {
      spans.add(queries);
    }
    WorkRate.perCall(
        4.0 * queries * context * headShape.queryWidth(),
        4.0 * queries * headShape.fusedWidth()
            + out.dtype().bytes((long) queries * headShape.queryWidth())
            + (paged ? (double) pages * store.pageBytes() : 0));
  }

  @Benchmark
  public void attention() {
    if (paged) {
      device().attention(fused, headShape, spans, positions, AttentionMask.FULL, store, 0, out);
    } else {
      device().attention(fused, headShape, spans, AttentionMask.FULL, out);
    }
  }
}
