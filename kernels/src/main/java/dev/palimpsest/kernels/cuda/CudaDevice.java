/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.bindings.CudaLibrary;
import dev.palimpsest.bindings.LibrarySearch;
import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.BlockLoop;
import dev.palimpsest.kernels.CheckedDevice;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.EmbeddingTable;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.KvStore;
import dev.palimpsest.kernels.LatentOps;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.kernels.RotaryProjection;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.WeightView;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import jcuda.driver.JCudaDriver;

/**
 * The ops on an NVIDIA GPU: our own kernels ({@code src/main/cuda}) on one stream. Context, memory
 * and modules go through JCuda, launches through the generated bindings.
 *
 * <p>Launches are kept until something needs their results and go to the stream together, as a
 * graph where the same ones came before: see {@link LaunchList}.
 *
 * <p>Tensors are addresses of device memory that no Java code can touch; one used after {@link
 * #free} or {@link #close} is answered by an {@link IllegalStateException}. Ops exclude each other.
 * An op returns before its kernels are done; what they did wrong is told by the next op that waits.
 */
public final class CudaDevice extends CheckedDevice {
  private final CudaContext context;
  private final DType computeType;
  private final CudaOptions.Weights weightsKept;
  private final DeviceMemory memory;
  private final Modules modules;
  private final Upload upload;
  private final SequenceLayout layout;
  private final Embed embed;
  private final Products products;
  private final String whyProducts;
  private final Prediction prediction;
  private final CudaWeights weights;
  private final CudaRowOps rowOps;
  private final CudaLinearOps linearOps;
  private final CudaAttentionOps attentionOps;
  private final CudaLatentOps latent;
  private final CudaOptions.Loop loopChoice;
  private Optional<CudaBlockLoop> blockLoop = Optional.empty();
  private boolean closed;

  CudaDevice(CudaContext context, CudaOptions options) {
    this.context = context;
    loopChoice = options.loop();
    computeType = CudaWeights.dtype(options);
    weightsKept = options.weights();
    memory = new DeviceMemory(context);
    modules = new Modules(context);
    try {
      upload = new Upload(context, memory);
      weights = new CudaWeights(this, context, memory, upload, options);
      layout = new SequenceLayout(context, memory);
      embed = new Embed(modules);
      Norm norm = new Norm(modules);
      Optional<Quantized> quantized =
          weightsKept == CudaOptions.Weights.INT8
              ? Optional.of(new Quantized(modules, memory))
              : Optional.empty();
      Matmul matmul = new Matmul(modules, quantized);
      prediction = new Prediction(context, memory, modules, matmul);
      rowOps = new CudaRowOps(this, context, memory, modules, embed, norm);
      latent = new CudaLatentOps(this, context, memory, modules, upload);
      linearOps = new CudaLinearOps(this, memory, modules, norm);
      attentionOps = new CudaAttentionOps(this, context, memory, modules, upload, layout, norm);
      // Last: what opens a library is closed by nobody if something else fails.
      Products.Chosen chosen = Products.choose(context, memory, matmul);
      products = chosen.products();
      whyProducts = chosen.reason();
    } catch (RuntimeException | Error e) {
      modules.close();
      memory.close();
      throw e;
    }
  }

  /**
   * Opens a device if there is one that can run this: a driver, a GPU of compute capability 8.0 or
   * later, kernels for it. Never throws for what is missing: the answer says why.
   */
  public static LibrarySearch<CudaDevice> find(CudaOptions options) {
    return CudaSearch.find(options);
  }

  static String capability(CudaContext context) {
    return context.capability() / 10 + "." + context.capability() % 10;
  }

  @Override
  public String describe() {
    return "cuda, %s, compute capability %s, %s by %s"
        .formatted(
            context.name(),
            capability(context),
            (computeType == DType.BF16 ? "bf16" : "f32")
                + (weightsKept == CudaOptions.Weights.INT8 ? " with int8 weights" : ""),
            products.describe());
  }

  @Override
  public DType computeType() {
    return computeType;
  }

  /** Bytes of device memory that are free now. */
  public synchronized long freeBytes() {
    enter("freeBytes");
    return context.freeBytes();
  }

  /** Bytes of weights and tables brought to the device so far, through pinned memory. */
  public synchronized long loadedBytes() {
    return upload.bytes();
  }

  /** Bytes of device memory, used and free. */
  public synchronized long totalBytes() {
    enter("totalBytes");
    return context.totalBytes();
  }

  /** Which of the machine's devices, as the driver counts. */
  public int ordinal() {
    return context.ordinal();
  }

  /** Where the device sits, such as {@code 0000:01:00.0}; nothing where the driver does not say. */
  public Optional<String> pciBusId() {
    return context.pciBusId();
  }

  /** The device's name as the driver tells it. */
  public String name() {
    return context.name();
  }

  /** Compute capability, 10 · major + minor: 90 for an H100. */
  public int capability() {
    return context.capability();
  }

  public int multiprocessors() {
    return context.multiprocessors();
  }

  /**
   * Milliseconds that the device takes for the ops that {@code work} calls, by its own clock. Ops
   * that a graph replays take that path here too.
   */
  public synchronized double milliseconds(Runnable work) {
    enter("milliseconds");
    return context.milliseconds(work);
  }

  /**
   * From now on weights are made on the device: {@link #pack}, {@link #packGated} and {@link
   * #table} read of bf16 views nothing but their shapes, and lay the pattern's elements end to end.
   * For measuring shapes without a checkpoint of that size.
   *
   * @param pattern a vector of numbers, a multiple of 8 of them
   */
  public synchronized void makeWeightsOf(WeightView pattern) {
    enter("makeWeightsOf");
    weights.makeOf(pattern);
  }

  /** Fills a tensor with the elements of {@link #makeWeightsOf}, f32 ones with two of them each. */
  public synchronized void fillWithWeights(Tensor tensor) {
    enter("fillWithWeights");
    weights.fill(tensor);
  }

  // ---- memory ----

  @Override
  public synchronized Tensor allocate(DType dtype, int rows, int width) {
    enter("allocate");
    if (dtype != DType.F32 && dtype != DType.BF16) {
      throw new IllegalArgumentException("allocate: activations are F32 or BF16; found " + dtype);
    }
    if (rows <= 0 || width <= 0) {
      throw new IllegalArgumentException(
          "allocate: wants at least one row and column; found " + rows + " x " + width);
    }
    return new Tensor(dtype, rows, width, memory.allocate(dtype.bytes((long) rows * width)));
  }

  @Override
  public synchronized void free(Tensor tensor) {
    enter("free");
    memory.free(tensor.memory());
  }

  /** Gives the memory of a linear map back before the device is closed. */
  public synchronized void free(PackedLinear map) {
    enter("free");
    weights.free(map);
  }

  @Override
  public synchronized PackedLinear pack(WeightView... parts) {
    enter("pack");
    return weights.pack(parts);
  }

  @Override
  public synchronized PackedLinear packGated(WeightView gate, WeightView up) {
    enter("packGated");
    return weights.packGated(gate, up);
  }

  /** Bytes of device memory that {@link #pack} takes for these parts, with these options. */
  public static long packedBytes(CudaOptions options, WeightView... parts) {
    return CudaWeights.packedBytes(options, parts);
  }

  /** Bytes of device memory that {@link #packGated} takes, with these options. */
  public static long packedGatedBytes(CudaOptions options, WeightView gate, WeightView up) {
    return CudaWeights.packedGatedBytes(options, gate, up);
  }

  @Override
  public synchronized EmbeddingTable table(WeightView view) {
    enter("table");
    return weights.table(view);
  }

  @Override
  public synchronized Tensor vector(WeightView... parts) {
    enter("vector");
    return weights.vector(parts);
  }

  // ---- ops ----

  @Override
  public synchronized void embed(EmbeddingTable table, int[] ids, int rows, Tensor out) {
    enter("embed");
    rowOps.embed(table, ids, rows, out);
  }

  @Override
  public synchronized void rmsNorm(Tensor x, int rows, Tensor weight, float eps, Tensor out) {
    enter("rmsNorm");
    rowOps.rmsNorm(x, rows, weight, eps, out);
  }

  @Override
  public synchronized void rmsNormRows(
      Tensor x, int[] index, int count, Tensor weight, float eps, Tensor out) {
    enter("rmsNormRows");
    rowOps.rmsNormRows(x, index, count, weight, eps, out);
  }

  @Override
  public synchronized void addBias(Tensor x, int rows, Tensor row) {
    enter("addBias");
    rowOps.addBias(x, rows, row);
  }

  @Override
  public synchronized void linear(Tensor x, int rows, PackedLinear map, Tensor out) {
    enter("linear");
    linearOps.linear(x, rows, map, out);
  }

  @Override
  public synchronized void linear(Tensor x, int rows, PackedLinear map, Tensor bias, Tensor out) {
    enter("linear");
    linearOps.linear(x, rows, map, bias, out);
  }

  @Override
  public synchronized void linearAdd(Tensor x, int rows, PackedLinear map, Tensor accumulator) {
    enter("linearAdd");
    linearOps.linearAdd(x, rows, map, accumulator);
  }

  @Override
  public synchronized void linearAddNorm(
      Tensor x,
      int rows,
      PackedLinear map,
      Optional<Tensor> bias,
      Tensor accumulator,
      Tensor norm,
      float eps,
      Tensor out) {
    enter("linearAddNorm");
    linearOps.linearAddNorm(x, rows, map, bias, accumulator, norm, eps, out);
  }

  /**
   * What {@link #linearAddNorm} does of few rows after its product, for measuring: {@code x += y},
   * {@code out = norm(x)}.
   *
   * @param y f32, of x's shape
   */
  public synchronized void residualNorm(
      Tensor x, int rows, Tensor y, Tensor weight, float eps, Tensor out) {
    enter("residualNorm");
    linearOps.residualNorm(x, rows, y, weight, eps, out);
  }

  @Override
  public synchronized void gatedSilu(Tensor x, int rows, PackedLinear gateUp, Tensor out) {
    enter("gatedSilu");
    linearOps.gatedSilu(x, rows, gateUp, out);
  }

  @Override
  public synchronized void headNorm(
      Tensor fused, int rows, HeadShape shape, Tensor queryWeight, Tensor keyWeight, float eps) {
    enter("headNorm");
    attentionOps.headNorm(fused, rows, shape, queryWeight, keyWeight, eps);
  }

  @Override
  public synchronized void rotate(
      Tensor fused, int rows, HeadShape shape, Rope rope, int[] places) {
    enter("rotate");
    attentionOps.rotate(fused, rows, shape, rope, places);
  }

  @Override
  public synchronized void attention(
      Tensor fused, HeadShape shape, RowSpans spans, AttentionMask mask, Tensor out) {
    enter("attention");
    attentionOps.attention(fused, shape, spans, mask, out);
  }

  @Override
  public synchronized KvStore keyValues(int layers, HeadShape shape, long maxBytes) {
    enter("keyValues");
    return attentionOps.keyValues(layers, shape, maxBytes);
  }

  @Override
  public synchronized void attention(
      Tensor fused,
      HeadShape shape,
      RowSpans spans,
      int[] places,
      AttentionMask mask,
      KvStore store,
      int layer,
      Tensor out) {
    enter("attention");
    attentionOps.attention(fused, shape, spans, places, mask, store, layer, out);
  }

  @Override
  public synchronized void rotaryAttention(
      Tensor x,
      RotaryProjection projection,
      Tensor fused,
      RowSpans spans,
      int[] places,
      AttentionMask mask,
      Tensor out) {
    enter("rotaryAttention");
    attentionOps.rotaryAttention(x, projection, fused, spans, places, mask, out);
  }

  @Override
  public synchronized void rotaryAttention(
      Tensor x,
      RotaryProjection projection,
      Tensor fused,
      RowSpans spans,
      int[] places,
      AttentionMask mask,
      KvStore store,
      int layer,
      Tensor out) {
    enter("rotaryAttention");
    attentionOps.rotaryAttention(x, projection, fused, spans, places, mask, store, layer, out);
  }

  /**
   * What {@link #rotaryAttention} does between its product and its attention, for measuring: {@code
   * fused} rows as the product leaves them, of sequences that are not paged.
   */
  public synchronized void rotaryPages(
      Tensor fused, RotaryProjection projection, RowSpans spans, int[] places) {
    enter("rotaryPages");
    attentionOps.rotaryPages(fused, projection, spans, places);
  }

  @Override
  public synchronized void predict(
      Tensor hidden, int rows, PackedLinear head, PredictionRows wanted, Predictions out) {
    enter("predict");
    CudaLinear map = ownMap("predict", head, false);
    tensor("predict", "hidden", hidden, computeType, rows, map.in());
    wanted.checkRows(rows);
    prediction.predict(hidden.memory(), map, wanted, out);
  }

  @Override
  public synchronized void logits(Tensor hidden, int rows, PackedLinear head, MemorySegment out) {
    enter("logits");
    CudaLinear map = ownMap("logits", head, false);
    tensor("logits", "hidden", hidden, computeType, rows, map.in());
    long bytes = 4L * rows * map.out();
    if (out.byteSize() < bytes || out.isReadOnly()) {
      throw new IllegalArgumentException(
          "logits: out must be writable and hold %d x %d floats, %d bytes; found %d%s"
              .formatted(
                  rows, map.out(), bytes, out.byteSize(), out.isReadOnly() ? ", read-only" : ""));
    }
    prediction.logits(hidden.memory(), rows, map, out);
  }

  /** Made when first asked for. */
  @Override
  public synchronized Optional<BlockLoop> blockLoop() {
    enter("blockLoop");
    if (blockLoop.isEmpty() && loopChoice != CudaOptions.Loop.NONE) {
      LoopWay way =
          loopChoice == CudaOptions.Loop.LAGGED
              ? LoopWay.LAGGED
              : LoopWay.best(CudaLibrary.find().orThrow());
      boolean mayChoose = loopChoice == CudaOptions.Loop.AUTO;
      blockLoop =
          Optional.of(new CudaBlockLoop(this, modules, layout, embed, prediction, way, mayChoose));
    }
    return blockLoop.map(loop -> loop);
  }

  /** Graphs of whole loops that are kept, for tests and measurements. */
  public synchronized int loopGraphs() {
    return blockLoop.map(CudaBlockLoop::graphs).orElse(0);
  }

  // ---- checks and lifetime ----

  @Override
  protected void tensor(String op, String role, Tensor t, DType dtype, int rows, int width) {
    Shapes.tensor(memory, op, role, t, dtype, rows, width);
  }

  /** A table of this device. */
  CudaTable ownTable(String op, EmbeddingTable table) {
    if (!(table instanceof CudaTable t) || t.owner() != this) {
      throw new IllegalArgumentException(op + ": the table was made by another device");
    }
    return t;
  }

  /** A map of this device, gated or not as the op wants it. */
  CudaLinear ownMap(String op, PackedLinear weights, boolean gated) {
    if (!(weights instanceof CudaLinear map) || map.owner() != this) {
      throw new IllegalArgumentException(op + ": the weights were packed by another device");
    }
    if (map.gated() != gated) {
      throw new IllegalArgumentException(
          op + (gated ? ": wants weights from packGated" : ": does not take weights of packGated"));
    }
    return map;
  }

  /** What {@code out} may be of an op that writes either type. */
  DType eitherType(Tensor out) {
    return f32OrCompute(out);
  }

  @Override
  protected LatentOps unchecked() {
    return latent;
  }

  @Override
  protected void enter(String op) {
    if (closed) {
      throw new IllegalStateException(op + ": the device is closed");
    }
    context.enter();
  }

  CudaContext context() {
    return context;
  }

  DeviceMemory memory() {
    return memory;
  }

  /** Who multiplies. */
  Products products() {
    return products;
  }

  /** Why it is they. */
  String whyProducts() {
    return whyProducts;
  }

  /** Runs a task of this device's parts while no op runs. */
  synchronized void exclusively(Runnable task) {
    task.run();
  }

  boolean closed() {
    return closed;
  }

  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      context.enter();
      context.launches().close();
      JCudaDriver.cuStreamSynchronize(context.stream());
      blockLoop.ifPresent(CudaBlockLoop::close);
      upload.close();
      products.close();
      modules.close();
      memory.close();
      context.close();
    }
  }

  @Override
  public String toString() {
    return "CudaDevice[" + (closed ? "closed" : describe()) + "]";
  }
}
