/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.bindings.OneDnnLibrary;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** u8·s8 products by oneDNN, each by a single-threaded primitive. */
final class OneDnnIntegers implements IntegerProducts {
  private static final DnnlEngine.Numbers INT8 = DnnlEngine.Numbers.INT8;

  private final NativeMemory memory;
  private final DnnlEngine engine;
  private final Map<Tile, Products> products = new HashMap<>();
  private final MemorySegment[] scratchpad;

  private record Tile(int depth, int columns) {}

  /** How a tile is packed, and its products by sixteenths of their rows. */
  private final class Products {
    private final int depth;
    private final int columns;
    private final MemorySegment layout;
    private final long bytes;
    private final DnnlEngine.Primitive reorder;
    private final DnnlEngine.Primitive[] bySteps =
        new DnnlEngine.Primitive[RowCut.MOST / RowCut.STEP + 1];

    Products(int depth, int columns) {
      this.depth = depth;
      this.columns = columns;
      layout = engine.weightsLayout(RowCut.MOST, depth, columns, INT8);
      bytes = DnnlEngine.bytes(layout);
      reorder = engine.reorder(depth, columns, INT8, layout);
      reserve(reorder.scratchBytes());
    }

    void prepare(int rows) {
      int i = rows / RowCut.STEP;
      if (bySteps[i] == null) {
        bySteps[i] = engine.product(rows, depth, columns, columns, INT8, layout, false);
        reserve(bySteps[i].scratchBytes());
      }
    }
  }

  OneDnnIntegers(OneDnnLibrary library, ThreadTeam team, NativeMemory memory) {
    this.memory = memory;
    engine = new DnnlEngine(library, team.size());
    scratchpad = new MemorySegment[team.size()];
    for (int i = 0; i < scratchpad.length; i++) {
      scratchpad[i] = memory.allocate(NativeMemory.ALIGNMENT);
    }
  }

  @Override
  public Optional<DnnlEngine> engine() {
    return Optional.of(engine);
  }

  private void reserve(long bytes) {
    for (int i = 0; i < scratchpad.length; i++) {
      if (scratchpad[i].byteSize() < bytes) {
        memory.free(scratchpad[i]);
        scratchpad[i] =
            MemorySegment.NULL; // an allocation that fails must not leave a freed one in use
        scratchpad[i] = memory.allocate(bytes);
      }
    }
  }

  @Override
  public String describe() {
    return engine.describe();
  }

  private Products products(int depth, int columns) {
    engine.prepare(0);
    return products.computeIfAbsent(
        new Tile(depth, columns), t -> new Products(t.depth, t.columns));
  }

  @Override
  public long tileBytes(int depth, int columns) {
    return products(depth, columns).bytes;
  }

  @Override
  public void pack(
      int worker, MemorySegment weights, int depth, int columns, MemorySegment tiles, long tileAt) {
    engine.prepare(worker);
    products
        .get(new Tile(depth, columns))
        .reorder
        .execute(worker, weights.address(), tiles.address() + tileAt, scratchpad[worker].address());
  }

  @Override
  public void prepare(int rows, int depth, int columns) {
    products(depth, columns).prepare(rows);
  }

  @Override
  public void multiply(
      int worker,
      MemorySegment x,
      long xAt,
      int rows,
      int depth,
      MemorySegment tiles,
      long tileAt,
      int columns,
      MemorySegment sums) {
    engine.prepare(worker);
    products
        .get(new Tile(depth, columns))
        .bySteps[rows / RowCut.STEP]
        .execute(
            worker,
            x.address() + xAt,
            tiles.address() + tileAt,
            sums.address(),
            scratchpad[worker].address());
  }

  @Override
  public void close() {
    engine.close();
  }
}
