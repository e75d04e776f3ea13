/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.KvStore;
import dev.palimpsest.kernels.Tensor;

/**
 * Launches of {@code attention.cu}, {@code attention_plain.cu} and {@code attention_wgmma.cu}: the
 * last for sequences of many rows on compute capability 9.0, heads of 64 and 128.
 */
final class Attention {
  /** Largest head that the kernels take. */
  static final int MOST_DIM = 256;

  /** Queries of a block in {@code attention_plain.cu}. */
  private static final int PLAIN_QUERIES = 16;

  /** Query rows, by heads, of a block in {@code attention_wgmma.cu}, and its threads. */
  private static final int WGMMA_ROWS = 128;

  private static final int WGMMA_THREADS = 384;

  /** System property: whether these blocks may be set up while the kernel before still runs. */
  static final String OVERLAP_PROPERTY = "palimpsest.cuda.overlap";

  /** System property: {@code false} sends long sequences through {@code attention.cu} too. */
  static final String WGMMA_PROPERTY = "palimpsest.cuda.wgmma";

  private static final int WGMMA_CAPABILITY = 90;

  /** Keys of a split in {@code attention.cu}. */
  private static final int SPLIT = 256;

  /** Multiprocessors' worth of blocks below which every split gets a block of its own. */
  private static final int BUSY = 2;

  private static final String[] ARGUMENTS = {
    "fused*",
    "tiles*",
    "spans*",
    "positions*",
    "pages*",
    "layerOffset*",
    "out*",
    "partials*",
    "queryHeads",
    "kvHeads",
    "headDim",
    "blockLength",
    "scale_f",
    "splits",
    "rows"
  };

  /** The kernels for heads of at most {@code dim} elements; rows of a block are query and head. */
  private record Flash(int dim, int rows, Kernel whole, Kernel split) {}

  private final int multiprocessors;
  private final Kernel plainF32;
  private final Kernel plainBf16;
  private final Flash[] flash;
  private final Kernel combine;
  private final boolean hasWgmma;
  private final Kernel wgmma64;
  private final Kernel wgmma128;
  private final GrowingBlock partials;

  Attention(CudaContext context, DeviceMemory memory, Modules modules) {
    partials = new GrowingBlock(memory);
    multiprocessors = context.multiprocessors();
    plainF32 = plain(modules, "attention_plain_f32");
    plainBf16 = plain(modules, "attention_plain_bf16");
    flash =
        new Flash[] {
          flash(modules, 32, 4, 1),
          flash(modules, 64, 4, 1),
          flash(modules, 96, 4, 1),
          flash(modules, 128, 4, 1),
          flash(modules, 256, 2, 2)
        };
    combine = modules.kernel("attention", "attention_combine", 128, 0, ARGUMENTS);
    hasWgmma =
        context.capability() == WGMMA_CAPABILITY
            && Boolean.parseBoolean(System.getProperty(WGMMA_PROPERTY, "true"));
    wgmma64 = wgmma(modules, 64);
    wgmma128 = wgmma(modules, 128);
  }

  /**
   * @param warps of 16 rows each
   * @param across warps that share the elements of the same rows
   */
  private static Flash flash(Modules modules, int dim, int warps, int across) {
    int rows = 16 * warps;
    int threads = 32 * warps * across;
    int stride = dim % 64 == 0 ? dim : dim + 8;
    int shared =
        2 * KvStore.PAGE_TOKENS * stride * 2
            + Math.max(dim / 8 * 4 * 32 * warps * 4, rows * stride * 2);
    return new Flash(
        dim,
        rows,
        modules.kernel("attention", "attention_" + dim, threads, shared, ARGUMENTS),
        modules.kernel("attention", "attention_split_" + dim, threads, shared, ARGUMENTS));
  }

  /** Queries, three stages of keys and values, sums, four barriers a stage. */
  private Kernel wgmma(Modules modules, int dim) {
    int shared = (WGMMA_ROWS + 6 * KvStore.PAGE_TOKENS) * dim * 2 + dim / 2 * 256 * 4 + 4 * 3 * 8;
    return modules.kernel(
        "attention_wgmma",
        "attention_wgmma_" + dim,
        WGMMA_THREADS,
        hasWgmma ? shared : 0,
        hasWgmma && Boolean.getBoolean(OVERLAP_PROPERTY)
            ? LaunchAttributes.OVERLAPS
            : LaunchAttributes.NONE,
        ARGUMENTS);
  }

  private static Kernel plain(Modules modules, String name) {
    return modules.kernel(
        "attention_plain",
        name,
        128,
        plainShared(MOST_DIM),
        "fused*",
        "tiles*",
        "spans*",
        "positions*",
        "pages*",
        "layerOffset*",
        "out*",
        "queryHeads",
        "kvHeads",
        "headDim",
        "blockLength",
        "scale_f");
  }

  private static int plainShared(int dim) {
    return 4
        * (KvStore.PAGE_TOKENS * (dim + 1)
            + PLAIN_QUERIES * dim
            + PLAIN_QUERIES * KvStore.PAGE_TOKENS);
  }

  /** Whether tensor cores take heads of this shape. */
  private static boolean tensorCores(HeadShape shape, DType type) {
    return type == DType.BF16
        && shape.headDim() % 8 == 0
        && shape.heads() / shape.kvHeads() <= (shape.headDim() > 128 ? 32 : 64);
  }

  private Flash flash(HeadShape shape) {
    int i = 0;
    while (flash[i].dim < shape.headDim()) {
      i++;
    }
    return flash[i];
  }

  /** Rows of a sequence that a block takes for heads of this shape. */
  int queries(HeadShape shape, DType type) {
    return tensorCores(shape, type)
        ? flash(shape).rows / (shape.heads() / shape.kvHeads())
        : PLAIN_QUERIES;
  }

  /** The same of a block for sequences of many rows, which have so many at least; 0: none has. */
  int longQueries(HeadShape shape, DType type) {
    int group = shape.heads() / shape.kvHeads();
    boolean takes = tensorCores(shape, type) && (shape.headDim() == 64 || shape.headDim() == 128);
    return hasWgmma && takes && group <= WGMMA_ROWS / 2 ? WGMMA_ROWS / group : 0;
  }

  /** Attends over pages that hold the keys and values of all visible positions. */
  void run(
      Tensor fused,
      HeadShape shape,
      SequenceLayout layout,
      long layerOffset,
      AttentionMask mask,
      Tensor out) {
    if (!tensorCores(shape, out.dtype())) {
      Kernel plain = out.dtype() == DType.BF16 ? plainBf16 : plainF32;
      plain
          .set(7, shape.heads())
          .set(8, shape.kvHeads())
          .set(9, shape.headDim())
          .set(10, mask.blockLength())
          .set(11, (float) (1 / Math.sqrt(shape.headDim())));
      common(plain, fused, layout, layerOffset, out)
          .launch(layout.tiles(), shape.heads(), 1, plainShared(shape.headDim()));
      return;
    }
    Flash kernels = flash(shape);
    int splits = (layout.mostContext() + SPLIT - 1) / SPLIT;
    int blocks = layout.tiles() * shape.kvHeads();
    if (layout.longTiles() > 0) {
      flashArguments(
              shape.headDim() == 64 ? wgmma64 : wgmma128,
              kernels,
              fused,
              shape,
              layout,
              layerOffset,
              mask,
              out,
              splits)
          .set(1, layout.longTilesAt())
          .launch(layout.longTiles(), shape.kvHeads());
    }
    if (blocks == 0) {
      return;
    }
    // Both ways give a row the same bits, so this choice may look at the batch.
    if (splits == 1 || blocks >= BUSY * multiprocessors) {
      flashArguments(kernels.whole, kernels, fused, shape, layout, layerOffset, mask, out, splits)
          .launch(layout.tiles(), shape.kvHeads());
      return;
    }
    partials.reserve(4L * blocks * splits * kernels.rows * (shape.headDim() + 2));
    flashArguments(kernels.split, kernels, fused, shape, layout, layerOffset, mask, out, splits)
        .launch(layout.tiles(), shape.kvHeads(), splits);
    flashArguments(combine, kernels, fused, shape, layout, layerOffset, mask, out, splits)
        .launch(layout.tiles(), shape.kvHeads());
  }

  private Kernel flashArguments(
      Kernel kernel,
      Flash kernels,
      Tensor fused,
      HeadShape shape,
      SequenceLayout layout,
      long layerOffset,
      AttentionMask mask,
      Tensor out,
      int splits) {
    return common(kernel, fused, layout, layerOffset, out)
        .set(7, partials.memory())
        .set(8, shape.heads())
        .set(9, shape.kvHeads())
        .set(10, shape.headDim())
        .set(11, mask.blockLength())
        .set(12, (float) (1 / Math.sqrt(shape.headDim()) / Math.log(2)))
        .set(13, splits)
        .set(14, kernels.rows);
  }

  private static Kernel common(
      Kernel kernel, Tensor fused, SequenceLayout layout, long layerOffset, Tensor out) {
    return kernel
        .set(0, fused.memory())
        .set(1, layout.tilesAt())
        .set(2, layout.spansAt())
        .set(3, layout.positionsAt())
        .set(4, layout.pagesAt())
        .set(5, layerOffset)
        .set(6, out.memory());
  }
}
