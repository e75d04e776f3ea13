/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.DType;
import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** Launches of {@code matmul.cu} and {@code matmul_plain.cu}. */
final class Matmul {
  /** What a product does with its sums. */
  enum Epilogue {
    STORE,
    BIAS,
    ADD,
    GATED
  }

  /**
   * A tile of {@code matmul.cu}, from the fewest rows to the most. Neither the tiles nor the rows
   * from which the next one is taken are measured: the products in part {@code kernels} of {@code
   * bench/gpu} are, at 32 rows (small) and from 256 on (large), and none between.
   */
  private enum Tile {
    SMALL(32, 32, 128, 128, 3),
    MIDDLE(64, 64, 64, 128, 3),
    LARGE(128, 128, 32, 256, 4);

    private final int rows;
    private final int columns;
    private final int depth;
    private final int threads;
    private final int stages;

    Tile(int rows, int columns, int depth, int threads, int stages) {
      this.rows = rows;
      this.columns = columns;
      this.depth = depth;
      this.threads = threads;
      this.stages = stages;
    }

    int sharedBytes() {
      return 2 * stages * (rows + columns) * (depth + 8);
    }

    static Tile of(int rows) {
      return rows <= SMALL.rows ? SMALL : rows <= 2 * MIDDLE.rows ? MIDDLE : LARGE;
    }
  }

  private static final int PLAIN_TILE = 64;

  /** Two tiles of 64 × 17 floats. */
  private static final int PLAIN_SHARED = 2 * 64 * 17 * 4;

  private static final String[] ARGUMENTS = {
    "x*", "w*", "bias*", "out*", "rows", "in", "stride", "packed", "columns"
  };

  private final Map<Epilogue, Map<Tile, Kernel>> tiled = new EnumMap<>(Epilogue.class);
  private final Map<Epilogue, Kernel> plainF32 = new EnumMap<>(Epilogue.class);
  private final Map<Epilogue, Kernel> plainBf16 = new EnumMap<>(Epilogue.class);
  private final Optional<Quantized> quantized;

  /**
   * @param quantized for maps of fewer bits, where the device makes such
   */
  Matmul(Modules modules, Optional<Quantized> quantized) {
    this.quantized = quantized;
    for (Epilogue epilogue : Epilogue.values()) {
      String ending = epilogue.name().toLowerCase(Locale.ROOT);
      Map<Tile, Kernel> tiles = new EnumMap<>(Tile.class);
      for (Tile tile : Tile.values()) {
        String name = "matmul_" + tile.name().toLowerCase(Locale.ROOT) + "_" + ending;
        tiles.put(
            tile, modules.kernel("matmul", name, tile.threads, tile.sharedBytes(), ARGUMENTS));
      }
      tiled.put(epilogue, tiles);
      plainF32.put(epilogue, plain(modules, ending + "_f32"));
      plainBf16.put(epilogue, plain(modules, ending + "_bf16"));
    }
  }

  private static Kernel plain(Modules modules, String ending) {
    return modules.kernel("matmul_plain", "matmul_plain_" + ending, 256, PLAIN_SHARED, ARGUMENTS);
  }

  /**
   * {@code rows} rows of x times the map.
   *
   * @param bias of a {@link Epilogue#BIAS}, else {@link MemorySegment#NULL}
   */
  void run(
      Epilogue epilogue,
      MemorySegment x,
      int rows,
      CudaLinear map,
      MemorySegment bias,
      MemorySegment out) {
    // Which kernel a map runs on depends on its shape, and the tile does not show in a row's bits.
    if (map.format() != WeightFormat.COMPUTE) {
      quantized.orElseThrow().run(epilogue, x, rows, map, bias, out);
      return;
    }
    boolean tensorCores = map.shape().bf16OnTensorCores();
    Kernel kernel;
    int tileRows;
    int tileColumns;
    if (tensorCores) {
      Tile tile = Tile.of(rows);
      kernel = tiled.get(epilogue).get(tile);
      tileRows = tile.rows;
      tileColumns = tile.columns;
    } else {
      kernel = (map.type() == DType.BF16 ? plainBf16 : plainF32).get(epilogue);
      tileRows = PLAIN_TILE;
      tileColumns = PLAIN_TILE;
    }
    kernel
        .set(0, x)
        .set(1, map.memory())
        .set(2, bias)
        .set(3, out)
        .set(4, rows)
        .set(5, map.in())
        .set(6, map.stride())
        .set(7, map.packed())
        .set(8, map.out())
        .launch((map.packed() + tileColumns - 1) / tileColumns, (rows + tileRows - 1) / tileRows);
  }
}
