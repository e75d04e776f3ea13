/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.DType;
import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;

/**
 * Launches of {@code quantized.cu} and {@code quantized_plain.cu}: products with weights of 8 or 4
 * bits.
 *
 * <p>More than 64 rows are tiles of 64 of them in one launch: a copy of the weights in bf16 for a
 * product of its own would take memory, would round where these do not, and would give a row other
 * bits than it has among few.
 */
final class Quantized {
  /** Columns of a block, and how far it goes along k at a time. */
  private static final int COLUMNS = 64;

  private static final int DEPTH = 128;

  /** Rows of a block; as with all that follows, no measurement stands behind it: see below. */
  private static final int[] TILES = {16, 32, 64};

  /**
   * As many blocks as keep the multiprocessors of a large chip busy. This and what a split is worth
   * are guesses: part {@code kernels} of {@code bench/gpu} measures products with int8, Q8_0 and
   * Q4_0 weights of 16 to 256 rows, those of the down projection in splits.
   */
  private static final int ENOUGH_BLOCKS = 128;

  private static final int MOST_SPLITS = 8;

  /** Steps along k that are worth a block of their own. */
  private static final int LEAST_STEPS = 4;

  /**
   * Rows whose sums of splits are held at a time: 16 MiB at most, since splits times columns are
   * {@link #ENOUGH_BLOCKS} blocks' at most.
   */
  private static final int ROWS_AT_ONCE = 512;

  private static final int PLAIN_TILE = 64;
  private static final int PLAIN_SHARED = 2 * 64 * 17 * 4;
  private static final int COMBINED_COLUMNS = 256;

  private final Map<WeightFormat, Kernel[]> tiles = new EnumMap<>(WeightFormat.class);
  private final Map<WeightFormat, Kernel> plainF32 = new EnumMap<>(WeightFormat.class);
  private final Map<WeightFormat, Kernel> plainBf16 = new EnumMap<>(WeightFormat.class);
  private final Kernel combine;
  private final GrowingBlock partials;

  Quantized(Modules modules, DeviceMemory memory) {
    partials = new GrowingBlock(memory);
    for (WeightFormat format : WeightFormat.values()) {
      if (format == WeightFormat.COMPUTE) {
        continue;
      }
      String name = format.name().toLowerCase(Locale.ROOT);
      Kernel[] kernels = new Kernel[TILES.length];
      for (int i = 0; i < kernels.length; i++) {
        kernels[i] =
            modules.kernel(
                "quantized",
                "quantized_" + name + "_" + TILES[i],
                128,
                sharedBytes(format, TILES[i]),
                "x*",
                "w*",
                "bias*",
                "out*",
                "partial*",
                "rows",
                "in",
                "packed",
                "columns",
                "epilogue");
      }
      tiles.put(format, kernels);
      plainF32.put(format, plain(modules, name + "_f32"));
      plainBf16.put(format, plain(modules, name + "_bf16"));
    }
    combine =
        modules.kernel(
            "quantized",
            "quantized_combine",
            COMBINED_COLUMNS,
            0,
            "partial*",
            "bias*",
            "out*",
            "rows",
            "packed",
            "columns",
            "splits",
            "epilogue");
  }

  private static Kernel plain(Modules modules, String ending) {
    return modules.kernel(
        "quantized_plain",
        "quantized_plain_" + ending,
        256,
        PLAIN_SHARED,
        "x*",
        "w*",
        "bias*",
        "out*",
        "rows",
        "in",
        "packed",
        "columns",
        "epilogue");
  }

  /** {@code Ring} of the source. */
  private static int sharedBytes(WeightFormat format, int rows) {
    int stages = rows == 64 ? 4 : 6;
    int chunks = DEPTH / WeightFormat.CHUNK;
    return stages * (rows * DEPTH * 2 + COLUMNS / WeightFormat.ROWS * chunks * format.chunkBytes());
  }

  /** Into how many parts a map's sums are cut: by its shape alone, whatever chip and rows. */
  static int splits(int packed, int in) {
    int blocks = (packed + COLUMNS - 1) / COLUMNS;
    int steps = (in + DEPTH - 1) / DEPTH;
    return Math.clamp(Math.min(ENOUGH_BLOCKS / blocks, steps / LEAST_STEPS), 1, MOST_SPLITS);
  }

  /** As {@link Matmul#run}. */
  void run(
      Matmul.Epilogue epilogue,
      MemorySegment x,
      int rows,
      CudaLinear map,
      MemorySegment bias,
      MemorySegment out) {
    if (map.type() != DType.BF16 || map.in() % 8 != 0) {
      Map<WeightFormat, Kernel> plain = map.type() == DType.BF16 ? plainBf16 : plainF32;
      plain
          .get(map.format())
          .set(0, x)
          .set(1, map.memory())
          .set(2, bias)
          .set(3, out)
          .set(4, rows)
          .set(5, map.in())
          .set(6, map.packed())
          .set(7, map.out())
          .set(8, epilogue.ordinal())
          .launch(parts(map.packed(), PLAIN_TILE), parts(rows, PLAIN_TILE));
      return;
    }
    int splits = splits(map.packed(), map.in());
    int atOnce = rows;
    if (splits > 1) {
      atOnce = Math.min(rows, ROWS_AT_ONCE);
      int width = parts(map.packed(), WeightFormat.ROWS) * WeightFormat.ROWS;
      partials.reserve(4L * splits * atOnce * width);
    }
    long xBytes = map.type().bytes(map.in());
    long outBytes = (epilogue == Matmul.Epilogue.GATED ? map.type() : DType.F32).bytes(map.out());
    for (int row = 0; row < rows; row += atOnce) {
      int n = Math.min(atOnce, rows - row);
      tiles(
          epilogue,
          x.address() + row * xBytes,
          n,
          map,
          bias,
          out.address() + row * outBytes,
          splits);
    }
  }

  private void tiles(
      Matmul.Epilogue epilogue,
      long x,
      int rows,
      CudaLinear map,
      MemorySegment bias,
      long out,
      int splits) {
    int tile = rows <= TILES[0] ? 0 : rows <= TILES[1] ? 1 : 2;
    tiles
        .get(map.format())[tile]
        .set(0, x)
        .set(1, map.memory())
        .set(2, bias)
        .set(3, out)
        .set(4, partials.memory())
        .set(5, rows)
        .set(6, map.in())
        .set(7, map.packed())
        .set(8, map.out())
        .set(9, epilogue.ordinal())
        // Blocks of the same weights follow each other, and find them in the second-level cache.
        .launch(parts(rows, TILES[tile]), parts(map.packed(), COLUMNS), splits);
    if (splits > 1) {
      combine
          .set(0, partials.memory())
          .set(1, bias)
          .set(2, out)
          .set(3, rows)
          .set(4, map.packed())
          .set(5, map.out())
          .set(6, splits)
          .set(7, epilogue.ordinal())
          .launch(rows, parts(map.out(), COMBINED_COLUMNS));
    }
  }

  private static int parts(int n, int each) {
    return (n + each - 1) / each;
  }
}
