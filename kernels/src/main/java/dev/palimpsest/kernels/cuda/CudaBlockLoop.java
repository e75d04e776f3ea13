/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.palimpsest.bindings.CudaException;
import dev.palimpsest.kernels.BlockBatch;
import dev.palimpsest.kernels.BlockLoop;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.EmbeddingTable;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * Steps of masked diffusion on the device: embedding, network, head, commit, and a flag that says
 * whether there is another. Tokens, what canvases have come to and what was predicted stay in
 * device memory; the host fetches them when all blocks are over.
 *
 * <p>A step is the same launches as long as the batch has the same shape, so a {@link DeviceLoop}
 * repeats it as one graph; there is one for each shape of {@link LoopShape}.
 */
final class CudaBlockLoop implements BlockLoop, AutoCloseable {
  /** Steps that a loop of the host may make beyond those asked for. */
  private static final int LAGGED_STEPS = 1;

  private final CudaDevice device;
  private final CudaContext context;
  private final DeviceMemory memory;
  private final Modules modules;
  private final SequenceLayout layout;
  private final Embed embed;
  private final Prediction prediction;
  private final boolean fallsBack;
  private final Commit commit;
  private final Loops ends;
  private final LoopInput input;
  private final MemorySegment state;
  private final MemorySegment stateHere;
  private final GrowingBlock found;
  private final GrowingBlock actions;
  private final GrowingBlock log;
  private MemorySegment logHere = MemorySegment.NULL;
  private LoopWay way;
  private DeviceLoop loop;

  // Of the run at hand, or the last one.
  private Runnable network = () -> {};
  private BlockBatch blocks = new BlockBatch();
  private int[] tokens = {};
  private PredictionRows wanted = new PredictionRows();
  private int rows;
  private int canvases;
  private int mostEntries;
  private int vocabulary;
  private boolean predicted;

  /**
   * @param fallsBack from a graph to the host's loop, where the driver refuses the graph
   */
  CudaBlockLoop(
      CudaDevice device,
      Modules modules,
      SequenceLayout layout,
      Embed embed,
      Prediction prediction,
      LoopWay way,
      boolean fallsBack) {
    this.device = device;
    this.modules = modules;
    this.layout = layout;
    this.embed = embed;
    this.prediction = prediction;
    this.way = way;
    this.fallsBack = fallsBack;
    context = device.context();
    memory = device.memory();
    commit = new Commit(modules);
    ends = new Loops(modules);
    input = new LoopInput(context, memory);
    state = memory.allocate(4L * Loops.STATE_INTS);
    stateHere = memory.pinned(4L * Loops.STATE_INTS);
    found = new GrowingBlock(memory);
    actions = new GrowingBlock(memory);
    log = new GrowingBlock(memory);
    loop = open();
  }

  private DeviceLoop open() {
    try {
      return new DeviceLoop(
          context,
          memory,
          way,
          this::step,
          state.address(),
          way == LoopWay.DEVICE ? LoopWay.again(modules) : null);
    } catch (IllegalStateException | CudaException e) {
      return fallBack(e);
    }
  }

  /** Once and for all. */
  private DeviceLoop fallBack(RuntimeException e) {
    if (!fallsBack || way != LoopWay.DEVICE) {
      throw e;
    }
    System.getLogger(CudaBlockLoop.class.getName())
        .log(
            System.Logger.Level.INFO,
            "blocks are written by a loop of the host, one step behind: {0}",
            e.getMessage());
    way = LoopWay.LAGGED;
    return open();
  }

  @Override
  public String describe() {
    return way == LoopWay.DEVICE ? "graph" : "lagged";
  }

  /** Graphs of whole loops that are kept. */
  int graphs() {
    return loop.graphs();
  }

  @Override
  public int mostEntries() {
    return Commit.MOST_ENTRIES;
  }

  @Override
  public int paddedRows(int count) {
    return LoopShape.rows(count);
  }

  @Override
  public int paddedEntries(int count) {
    return LoopShape.rows(count);
  }

  @Override
  public void run(
      BlockBatch blocks,
      int[] tokens,
      int rows,
      PredictionRows wanted,
      int most,
      Runnable network) {
    device.exclusively(
        () -> {
          device.enter("run");
          check(blocks, tokens, rows, wanted, most);
          this.blocks = blocks;
          this.tokens = tokens;
          this.rows = rows;
          this.wanted = wanted;
          this.network = network;
          begin(most);
          layout.padded(true);
          try {
            repeat(most);
          } finally {
            layout.padded(false);
          }
          fetch();
        });
  }

  private static void check(
      BlockBatch blocks, int[] tokens, int rows, PredictionRows wanted, int most) {
    if (blocks.size() == 0 || most < 1 || rows > tokens.length) {
      throw new IllegalArgumentException(
          "a loop wants blocks, steps and a token for each row; found %d, %d, and %d for %d"
              .formatted(blocks.size(), most, tokens.length, rows));
    }
    for (int i = 0; i < blocks.size(); i++) {
      BlockBatch.Placed b = blocks.get(i);
      if (b.firstRow() < 0
          || b.firstRow() + b.rows() > rows
          || b.firstEntry() < 0
          || b.firstEntry() + b.entries() > wanted.size()) {
        throw new IllegalArgumentException(
            "block %d has rows and entries (%s) beyond the batch's %d and %d"
                .formatted(i, b, rows, wanted.size()));
      }
      for (int e = b.firstEntry(); e < b.firstEntry() + b.entries(); e++) {
        int at = wanted.position(e) - b.firstPosition();
        if (at < 0
            || at >= b.rows()
            || wanted.unconditionalRow(e) >= 0
            || wanted.presentToken(e) != PredictionRows.NO_TOKEN) {
          throw new IllegalArgumentException(
              "entry %d of a loop is for position %d, and its rows are %d positions from %d on: it must be one of them, without guidance or a present token"
                  .formatted(e, wanted.position(e), b.rows(), b.firstPosition()));
        }
      }
    }
  }

  private void begin(int most) {
    context.launches().flush();
    canvases = LoopShape.up(blocks.size());
    int longest = 0;
    for (int i = 0; i < blocks.size(); i++) {
      longest = Math.max(longest, blocks.get(i).entries());
    }
    mostEntries = Math.min(LoopShape.rows(longest), Commit.MOST_ENTRIES);
    input.bring(blocks, canvases, tokens, rows, wanted);
    int kept = most + LAGGED_STEPS;
    found.reserve(bytes(1));
    actions.reserve(4L * wanted.size());
    log.reserve(bytes(kept));
    stateHere.setAtIndex(JAVA_INT, 0, 1);
    stateHere.setAtIndex(JAVA_INT, 1, 0);
    stateHere.setAtIndex(JAVA_INT, 2, most);
    stateHere.setAtIndex(JAVA_INT, 3, kept);
    context.upload(stateHere, 0, state.address(), 4L * Loops.STATE_INTS);
  }

  /** Of what so many steps find. */
  private long bytes(int steps) {
    return (long) steps * wanted.size() * Sample.FOUND_BYTES;
  }

  private void repeat(int most) {
    try {
      loop.run(most + LAGGED_STEPS);
    } catch (IllegalStateException | CudaException e) {
      if (loop.turns() > 0) {
        throw e;
      }
      DeviceLoop other = fallBack(e);
      loop.close();
      loop = other;
      loop.run(most + LAGGED_STEPS);
    }
  }

  private void step() {
    predicted = false;
    network.run();
    if (!predicted) {
      throw new IllegalStateException("the network of a loop has predicted nothing");
    }
    commit.run(
        input.canvases(),
        canvases,
        mostEntries,
        input.progress(),
        found.address(),
        input.positions(),
        input.tokens(),
        actions.address(),
        input.entries());
    ends.run(
        canvases,
        input.canvases(),
        input.progress(),
        found.address(),
        log.address(),
        wanted.size(),
        state.address(),
        input.texts(),
        input.tokens(),
        input.roles(),
        input.ends());
  }

  private void fetch() {
    input.fetch();
    int most = 0;
    for (int i = 0; i < blocks.size(); i++) {
      most = Math.max(most, steps(i));
    }
    if (logHere.byteSize() < bytes(most)) {
      logHere = memory.pinned(2 * bytes(most));
    }
    context.download(log.address(), logHere, 0, bytes(most));
    context.synchronize("fetching what a loop has predicted");
  }

  @Override
  public void embed(EmbeddingTable table, int count, Tensor out) {
    device.exclusively(
        () -> {
          CudaTable t = device.ownTable("embed", table);
          device.tensor("embed", "out", out, DType.F32, count, t.width());
          Shapes.indices("embed", "token", tokens, count, t.vocabulary());
          vocabulary = t.vocabulary();
          embed.run(t, input.tokens(), count, out);
        });
  }

  @Override
  public void predict(Tensor hidden, int count, PackedLinear head) {
    device.exclusively(
        () -> {
          CudaLinear map = device.ownMap("predict", head, false);
          device.tensor("predict", "hidden", hidden, device.computeType(), count, map.in());
          if (count < wanted.size() || map.out() > vocabulary) {
            throw new IllegalArgumentException(
                "predict: a loop wants a row for each of %d entries and tokens below %d; found %d and %d"
                    .formatted(wanted.size(), vocabulary, count, map.out()));
          }
          Prediction.check(wanted, map.out());
          prediction.enqueue(
              hidden.memory().address(),
              map,
              wanted,
              input.resident(wanted.size(), found.address()));
          predicted = true;
        });
  }

  @Override
  public int steps(int i) {
    int broken = input.progress(i, Commit.BROKEN) > 0 ? 1 : 0;
    return input.progress(i, Commit.STEP) - blocks.get(i).block().step() + broken;
  }

  @Override
  public void read(int block, int step, int entry, int to, Predictions out) {
    BlockBatch.Placed placed = blocks.get(block);
    if (step < 0 || step >= steps(block) || entry < 0 || entry >= placed.entries()) {
      throw new IllegalArgumentException(
          "block %d took %d steps with %d entries; asked for step %d and entry %d"
              .formatted(block, steps(block), placed.entries(), step, entry));
    }
    int i = placed.firstEntry() + entry;
    Sample.read(logHere, bytes(step) + (long) i * Sample.FOUND_BYTES, wanted.position(i), to, out);
  }

  @Override
  public int token(int row) {
    return input.token(row);
  }

  @Override
  public void close() {
    loop.close();
  }
}
