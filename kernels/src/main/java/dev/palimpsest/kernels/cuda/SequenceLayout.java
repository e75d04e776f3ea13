/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.KvStore;
import dev.palimpsest.kernels.RowSpans;
import java.util.Arrays;
import java.util.Optional;

/**
 * A ragged batch as the attention kernels see it ({@code spans.cuh}): spans, tiles of queries, the
 * place of each row, and the pages of every sequence. Keys and values always lie in pages; a
 * sequence without a cache gets pages of one layer here, so that its rows have the same bits.
 */
final class SequenceLayout {
  private static final int SPAN_INTS = 5;

  private final StepArray spanArray;
  private final StepArray tileArray;
  private final StepArray longTileArray;
  private final StepArray rowArray;
  private final StepArray positionArray;
  private final StepArray pageArray;
  private final GrowingBlock own;
  private int[] spanInts = new int[64];
  private int[] tileInts = new int[64];
  private int[] longTileInts = new int[64];
  private int[] rowInts = new int[256];
  private int[] positionInts = new int[256];
  private int[] pageInts = new int[64];

  private boolean padded;
  private int tiles;
  private int longTiles;
  private int mostContext;
  private long spansAt;
  private long tilesAt;
  private long longTilesAt;
  private long rowsAt;
  private long positionsAt;
  private long pagesAt;

  SequenceLayout(CudaContext context, DeviceMemory memory) {
    own = new GrowingBlock(memory);
    spanArray = new StepArray(context, memory);
    tileArray = new StepArray(context, memory);
    longTileArray = new StepArray(context, memory);
    rowArray = new StepArray(context, memory);
    positionArray = new StepArray(context, memory);
    pageArray = new StepArray(context, memory);
  }

  /**
   * Lays a batch out and brings it to the device.
   *
   * @param positions of each row of a paged sequence
   * @param queries rows of one sequence that a block takes
   * @param longQueries the same of the blocks for sequences that have so many rows at least; 0: no
   *     such blocks. Which kernel a sequence goes through never depends on its neighbours
   */
  void lay(
      RowSpans spans,
      int[] positions,
      Optional<CudaKvStore> store,
      HeadShape shape,
      DType type,
      int queries,
      int longQueries) {
    int sequences = spans.sequences();
    int rows = spans.rows();
    long pageBytes = type.bytes(CudaKvStore.layerElements(shape));
    int ownPages = 0;
    int allPages = 0;
    for (int s = 0; s < sequences; s++) {
      int n = KvStore.pagesFor(spans.context(s));
      allPages += n;
      ownPages += spans.paged(s) ? 0 : n;
    }
    own.reserve(ownPages * pageBytes);
    spanInts = room(spanInts, SPAN_INTS * sequences);
    rowInts = room(rowInts, rows);
    positionInts = room(positionInts, rows);
    pageInts = room(pageInts, 2 * allPages);
    int page = 0;
    int ownPage = 0;
    tiles = 0;
    longTiles = 0;
    mostContext = 0;
    for (int s = 0; s < sequences; s++) {
      int length = spans.length(s);
      int start = spans.start(s);
      int at = SPAN_INTS * s;
      spanInts[at] = start;
      spanInts[at + 1] = length;
      spanInts[at + 2] = spans.context(s);
      spanInts[at + 3] = page;
      spanInts[at + 4] = spans.paged(s) ? 1 : 0;
      for (int i = 0; i < KvStore.pagesFor(spans.context(s)); i++, page++) {
        long address =
            spans.paged(s)
                ? store.orElseThrow().address(spans.pages(s)[i])
                : own.address() + ownPage++ * pageBytes;
        pageInts[2 * page] = (int) address;
        pageInts[2 * page + 1] = (int) (address >>> 32);
      }
      for (int i = 0; i < length; i++) {
        rowInts[start + i] = s;
        positionInts[start + i] = spans.paged(s) ? positions[start + i] : i;
      }
      if (longQueries > 0 && length >= longQueries) {
        longTileInts = cut(longTileInts, longTiles, s, length, longQueries);
        longTiles += (length + longQueries - 1) / longQueries;
      } else {
        tileInts = cut(tileInts, tiles, s, length, queries);
        tiles += (length + queries - 1) / queries;
        mostContext = Math.max(mostContext, spans.context(s));
      }
    }
    if (padded) {
      tileInts = pad(tileInts, tiles);
      tiles = LoopShape.up(tiles);
      longTileInts = pad(longTileInts, longTiles);
      longTiles = LoopShape.up(longTiles);
    }
    spansAt = spanArray.upload(spanInts, SPAN_INTS * sequences);
    tilesAt = tileArray.upload(tileInts, 2 * tiles);
    longTilesAt = longTileArray.upload(longTileInts, 2 * longTiles);
    rowsAt = rowArray.upload(rowInts, rows);
    positionsAt = positionArray.upload(positionInts, rows);
    pagesAt = pageArray.upload(pageInts, 2 * allPages);
  }

  /** Tiles of a sequence's rows, from number {@code at} on. */
  private static int[] cut(int[] tiles, int at, int sequence, int length, int queries) {
    int[] out = room(tiles, 2 * (at + (length + queries - 1) / queries));
    for (int first = 0; first < length; first += queries, at++) {
      out[2 * at] = sequence;
      out[2 * at + 1] = first;
    }
    return out;
  }

  /**
   * Whether the batches laid out from now on get as many tiles as others of about their size. Those
   * that are too many do what the last one does: the same numbers come to the same places.
   */
  void padded(boolean value) {
    padded = value;
  }

  private static int[] pad(int[] tiles, int count) {
    int end = LoopShape.up(count);
    int[] out = room(tiles, 2 * end);
    for (int i = count; i < end; i++) {
      out[2 * i] = out[2 * (count - 1)];
      out[2 * i + 1] = out[2 * (count - 1) + 1];
    }
    return out;
  }

  private static int[] room(int[] array, int n) {
    return n <= array.length ? array : Arrays.copyOf(array, Math.max(n, 2 * array.length));
  }

  /** Tiles of queries over all sequences but the long ones. */
  int tiles() {
    return tiles;
  }

  /** Tiles of queries over the long sequences. */
  int longTiles() {
    return longTiles;
  }

  /** Positions of the longest sequence among those that are not long ones by their rows. */
  int mostContext() {
    return mostContext;
  }

  long spansAt() {
    return spansAt;
  }

  long tilesAt() {
    return tilesAt;
  }

  long longTilesAt() {
    return longTilesAt;
  }

  /** Which sequence each row belongs to. */
  long rowsAt() {
    return rowsAt;
  }

  long positionsAt() {
    return positionsAt;
  }

  long pagesAt() {
    return pagesAt;
  }
}
