/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.bindings.CudaException;
import dev.palimpsest.bindings.CudaLibrary;
import dev.palimpsest.bindings.LibrarySearch;
import dev.palimpsest.bindings.LibrarySearch.Found;
import dev.palimpsest.bindings.LibrarySearch.Missing;
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
import dev.palimpsest.kernels.cpu.WeightArguments;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.InvalidPathException;
import java.util.List;
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
  /** The oldest driver that is tried: CUDA 12.0. */
  private static final int OLDEST_DRIVER = 12000;

  /** bf16 on tensor cores and asynchronous copies begin here. */
  private static final int OLDEST_CAPABILITY = 80;

  private static final String TITLE = "a CUDA device";

  private static final int[] NO_PLACES = {};

  /** Rows whose products of a model's width stay in the second-level cache. */
  private static final int FEW_ROWS = 128;

  private final CudaContext context;
  private final DType computeType;
  private final CudaOptions.Weights weights;
  private final DeviceMemory memory;
  private final Modules modules;
  private final Upload upload;
  private final RotaryTables rotaryTables;
  private final SequenceLayout layout;
  private final StepArray tokens;
  private final StepArray rowIndex;
  private final StepArray positions;
  private final Embed embed;
  private final Norm norm;
  private final Rotary rotary;
  private final RotaryPages rotaryPages;
  private final ResidualNorm residualNorm;
  private final GrowingBlock branch;
  private final Bias bias;
  private final Products products;
  private final String whyProducts;
  private final Pages pages;
  private final Attention attention;
  private final Prediction prediction;
  private final CudaLatentOps latent;
  private final CudaOptions.Loop loopChoice;
  private Optional<CudaBlockLoop> blockLoop = Optional.empty();
  private boolean closed;

  private CudaDevice(CudaContext context, CudaOptions options) {
    this.context = context;
    loopChoice = options.loop();
    computeType = dtype(options);
    weights = options.weights();
    memory = new DeviceMemory(context);
    modules = new Modules(context);
    try {
      upload = new Upload(context, memory);
      rotaryTables = new RotaryTables(memory, upload);
      layout = new SequenceLayout(context, memory);
      tokens = new StepArray(context, memory);
      rowIndex = new StepArray(context, memory);
      positions = new StepArray(context, memory);
      embed = new Embed(modules);
      norm = new Norm(modules);
      rotary = new Rotary(modules);
      rotaryPages = new RotaryPages(modules);
      residualNorm = new ResidualNorm(modules);
      branch = new GrowingBlock(memory);
      bias = new Bias(modules);
      Optional<Quantized> quantized =
          weights == CudaOptions.Weights.INT8
              ? Optional.of(new Quantized(modules, memory))
              : Optional.empty();
      Matmul matmul = new Matmul(modules, quantized);
      pages = new Pages(modules);
      attention = new Attention(context, memory, modules);
      prediction = new Prediction(context, memory, modules, matmul);
      latent = new CudaLatentOps(this, context, memory, modules, upload);
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

  private static DType dtype(CudaOptions options) {
    return switch (options.computeType()) {
      case F32 -> DType.F32;
      case BF16 -> DType.BF16;
    };
  }

  /**
   * Opens a device if there is one that can run this: a driver, a GPU of compute capability 8.0 or
   * later, kernels for it. Never throws for what is missing: the answer says why.
   */
  public static LibrarySearch<CudaDevice> find(CudaOptions options) {
    return switch (CudaLibrary.find()) {
      case Missing<CudaLibrary> missing -> new Missing<>(TITLE, List.of(missing.message()));
      case Found<CudaLibrary>(CudaLibrary driver) -> find(driver, options);
    };
  }

  private static LibrarySearch<CudaDevice> find(CudaLibrary driver, CudaOptions options) {
    if (driver.version() < OLDEST_DRIVER) {
      return missing(
          "the driver %s supports CUDA %s; 12.0 or later is needed: install a newer driver"
              .formatted(driver.path(), version(driver.version())));
    }
    try {
      JCudaLibrary.load();
    } catch (IOException | InvalidPathException | LinkageError e) {
      return missing("JCuda cannot be loaded: " + e.getMessage());
    }
    int[] count = new int[1];
    int status = JCudaDriver.cuDeviceGetCount(count);
    if (status != 0 || count[0] <= options.ordinal()) {
      return missing(
          "the driver "
              + driver.path()
              + " knows "
              + count[0]
              + " devices; asked for number "
              + options.ordinal());
    }
    return open(options);
  }

  private static LibrarySearch<CudaDevice> open(CudaOptions options) {
    try {
      CudaContext context = new CudaContext(options.ordinal(), options.checked());
      try {
        if (context.capability() < OLDEST_CAPABILITY) {
          context.close();
          return missing(
              "%s has compute capability %s; 8.0 or later is needed"
                  .formatted(context.name(), capability(context)));
        }
        if (options.loop() == CudaOptions.Loop.GRAPH
            && LoopWay.best(CudaLibrary.find().orThrow()) != LoopWay.DEVICE) {
          context.close();
          return missing(
              "loop graph was asked for, and the driver, of CUDA %s, has no conditional nodes, which came with 12.4: take loop lagged, or auto for what is there"
                  .formatted(version(CudaLibrary.find().orThrow().version())));
        }
        CudaDevice device = new CudaDevice(context, options);
        System.getLogger(CudaDevice.class.getName())
            .log(System.Logger.Level.INFO, "{0} ({1})", device.describe(), device.whyProducts);
        return new Found<>(device);
      } catch (RuntimeException | Error e) {
        context.close();
        throw e;
      }
    } catch (CudaException | IllegalStateException e) {
      return missing(e.getMessage());
    }
  }

  private static LibrarySearch<CudaDevice> missing(String reason) {
    return new Missing<>(TITLE, List.of(reason));
  }

  private static String version(int driver) {
    return driver / 1000 + "." + driver % 1000 / 10;
  }

  private static String capability(CudaContext context) {
    return context.capability() / 10 + "." + context.capability() % 10;
  }

  @Override
  public String describe() {
    return "cuda, %s, compute capability %s, %s by %s"
        .formatted(
            context.name(),
            capability(context),
            (computeType == DType.BF16 ? "bf16" : "f32")
                + (weights == CudaOptions.Weights.INT8 ? " with int8 weights" : ""),
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
    int n = WeightArguments.vectorWidth(pattern);
    long bytes = computeType.bytes(n);
    MemorySegment block = memory.allocate(bytes);
    upload.rows(
        1,
        bytes,
        block.address(),
        (row, out, at, worker) -> upload.element(pattern, 0, n, computeType, out, at, worker));
    upload.pattern(new WeightPattern(context, block, computeType, bytes));
  }

  /** Fills a tensor with the elements of {@link #makeWeightsOf}, f32 ones with two of them each. */
  public synchronized void fillWithWeights(Tensor tensor) {
    enter("fillWithWeights");
    tensor("fillWithWeights", "tensor", tensor, tensor.dtype(), tensor.rows(), tensor.width());
    context.launches().flush();
    upload
        .pattern()
        .orElseThrow(() -> new IllegalStateException("fillWithWeights: call makeWeightsOf before"))
        .fill(
            tensor.memory().address(), tensor.dtype().bytes((long) tensor.rows() * tensor.width()));
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
    if (!(map instanceof CudaLinear mine) || mine.owner() != this) {
      throw new IllegalArgumentException("free: the map was packed by another device");
    }
    memory.free(mine.memory());
  }

  @Override
  public synchronized PackedLinear pack(WeightView... parts) {
    enter("pack");
    WeightArguments.projections(parts);
    return pack(List.of(parts), false);
  }

  @Override
  public synchronized PackedLinear packGated(WeightView gate, WeightView up) {
    enter("packGated");
    WeightArguments.gated(gate, up);
    return pack(List.of(gate, up), true);
  }

  private PackedLinear pack(List<WeightView> parts, boolean gated) {
    LinearShape shape = LinearShape.of(computeType, weights, parts, gated);
    return CudaLinear.upload(this, memory, upload, shape, parts);
  }

  /** Bytes of device memory that {@link #pack} takes for these parts, with these options. */
  public static long packedBytes(CudaOptions options, WeightView... parts) {
    WeightArguments.projections(parts);
    return LinearShape.of(dtype(options), options.weights(), List.of(parts), false).bytes();
  }

  /** Bytes of device memory that {@link #packGated} takes, with these options. */
  public static long packedGatedBytes(CudaOptions options, WeightView gate, WeightView up) {
    WeightArguments.gated(gate, up);
    return LinearShape.of(dtype(options), options.weights(), List.of(gate, up), true).bytes();
  }

  @Override
  public synchronized EmbeddingTable table(WeightView weights) {
    enter("table");
    WeightArguments.matrix("table", weights);
    DType type = weights.dtype() == DType.BF16 ? DType.BF16 : DType.F32;
    int rows = weights.dimension(0);
    int width = weights.dimension(1);
    MemorySegment block = memory.allocate(type.bytes((long) rows * width));
    upload.weights(
        new Upload.Packing(type, rows, type.bytes(width)),
        List.of(weights),
        true,
        block.address(),
        (row, out, at, worker) ->
            upload.element(weights, (long) row * width, width, type, out, at, worker));
    return new CudaTable(this, rows, width, type, block);
  }

  @Override
  public synchronized Tensor vector(WeightView... parts) {
    enter("vector");
    int width = WeightArguments.vectorWidth(parts);
    Tensor tensor = allocate(DType.F32, 1, width);
    upload.rows(
        1,
        4L * width,
        tensor.memory().address(),
        (row, out, at, worker) -> {
          long to = at;
          for (WeightView part : parts) {
            upload.element(part, 0, (int) part.elements(), DType.F32, out, to, worker);
            to += 4 * part.elements();
          }
        });
    return tensor;
  }

  // ---- ops ----

  @Override
  public synchronized void embed(EmbeddingTable table, int[] ids, int rows, Tensor out) {
    enter("embed");
    CudaTable t = ownTable("embed", table);
    tensor("embed", "out", out, DType.F32, rows, t.width());
    Shapes.indices("embed", "token", ids, rows, t.vocabulary());
    embed.run(t, tokens.upload(ids, rows), rows, out);
  }

  /** A table of this device. */
  CudaTable ownTable(String op, EmbeddingTable table) {
    if (!(table instanceof CudaTable t) || t.owner() != this) {
      throw new IllegalArgumentException(op + ": the table was made by another device");
    }
    return t;
  }

  @Override
  public synchronized void rmsNorm(Tensor x, int rows, Tensor weight, float eps, Tensor out) {
    enter("rmsNorm");
    tensor("rmsNorm", "x", x, DType.F32, rows, x.width());
    norm("rmsNorm", x, 0, rows, weight, eps, out);
  }

  @Override
  public synchronized void rmsNormRows(
      Tensor x, int[] index, int count, Tensor weight, float eps, Tensor out) {
    enter("rmsNormRows");
    tensor("rmsNormRows", "x", x, DType.F32, 0, x.width());
    Shapes.indices("rmsNormRows", "index", index, count, x.rows());
    if (x.memory().address() == out.memory().address()) {
      throw new IllegalArgumentException("rmsNormRows: out must not be x");
    }
    if (count > 0) {
      // How many rows are wanted changes from step to step; what came before repeats itself.
      context.launches().flush();
      norm("rmsNormRows", x, rowIndex.upload(index, count), count, weight, eps, out);
    }
  }

  private void norm(
      String op, Tensor x, long index, int rows, Tensor weight, float eps, Tensor out) {
    tensor(op, "weight", weight, DType.F32, 1, x.width());
    tensor(op, "out", out, f32OrCompute(out), rows, x.width());
    norm.rows(x, index, rows, weight, eps, out);
  }

  @Override
  public synchronized void linear(Tensor x, int rows, PackedLinear weights, Tensor out) {
    multiply("linear", x, rows, weights, Matmul.Epilogue.STORE, MemorySegment.NULL, out);
  }

  @Override
  public synchronized void linear(
      Tensor x, int rows, PackedLinear weights, Tensor bias, Tensor out) {
    enter("linear");
    tensor("linear", "bias", bias, DType.F32, 1, weights.outFeatures());
    multiply("linear", x, rows, weights, Matmul.Epilogue.BIAS, bias.memory(), out);
  }

  @Override
  public synchronized void addBias(Tensor x, int rows, Tensor row) {
    enter("addBias");
    tensor("addBias", "x", x, DType.F32, rows, row.width());
    tensor("addBias", "bias", row, DType.F32, 1, x.width());
    bias.add(x, rows, row);
  }

  @Override
  public synchronized void linearAdd(Tensor x, int rows, PackedLinear weights, Tensor accumulator) {
    multiply("linearAdd", x, rows, weights, Matmul.Epilogue.ADD, MemorySegment.NULL, accumulator);
  }

  /**
   * Few rows wait for the sums to be written and are added where they are normalised, which reads
   * both at once; many are added in the product, which saves the way through memory. Both give the
   * same bits where the product promises it, so the choice may look at the batch.
   */
  @Override
  public synchronized void linearAddNorm(
      Tensor x,
      int rows,
      PackedLinear weights,
      Optional<Tensor> bias,
      Tensor accumulator,
      Tensor weight,
      float eps,
      Tensor out) {
    String op = "linearAddNorm";
    enter(op);
    CudaLinear map = linear(op, weights, false);
    tensor(op, "x", x, computeType, rows, map.in());
    tensor(op, "accumulator", accumulator, DType.F32, rows, map.out());
    tensor(op, "norm", weight, DType.F32, 1, map.out());
    tensor(op, "out", out, f32OrCompute(out), rows, map.out());
    MemorySegment biasRow = MemorySegment.NULL;
    if (bias.isPresent()) {
      tensor(op, "bias", bias.get(), DType.F32, 1, map.out());
      biasRow = bias.get().memory();
    }
    long to = accumulator.memory().address();
    if (x.memory().address() == out.memory().address()
        || x.memory().address() == to
        || out.memory().address() == to) {
      throw new IllegalArgumentException(op + ": x, accumulator and out must be three tensors");
    }
    MemorySegment y = MemorySegment.NULL;
    if (rows <= FEW_ROWS && products.addsLast()) {
      branch.reserve(4L * FEW_ROWS * map.out());
      y = branch.memory();
      products.run(Matmul.Epilogue.STORE, x.memory(), rows, map, MemorySegment.NULL, y);
    } else {
      products.run(
          Matmul.Epilogue.ADD, x.memory(), rows, map, MemorySegment.NULL, accumulator.memory());
    }
    if (y.address() == 0 && bias.isEmpty()) {
      norm.rows(accumulator, 0, rows, weight, eps, out);
    } else {
      residualNorm.run(accumulator, rows, y, biasRow, weight, eps, out);
    }
  }

  /**
   * What {@link #linearAddNorm} does of few rows after its product, for measuring: {@code x += y},
   * {@code out = norm(x)}.
   *
   * @param y f32, of x's shape
   */
  public synchronized void residualNorm(
      Tensor x, int rows, Tensor y, Tensor weight, float eps, Tensor out) {
    String op = "residualNorm";
    enter(op);
    tensor(op, "x", x, DType.F32, rows, x.width());
    tensor(op, "y", y, DType.F32, rows, x.width());
    tensor(op, "weight", weight, DType.F32, 1, x.width());
    tensor(op, "out", out, f32OrCompute(out), rows, x.width());
    residualNorm.run(x, rows, y.memory(), MemorySegment.NULL, weight, eps, out);
  }

  @Override
  public synchronized void gatedSilu(Tensor x, int rows, PackedLinear gateUp, Tensor out) {
    multiply("gatedSilu", x, rows, gateUp, Matmul.Epilogue.GATED, MemorySegment.NULL, out);
  }

  private void multiply(
      String op,
      Tensor x,
      int rows,
      PackedLinear weights,
      Matmul.Epilogue epilogue,
      MemorySegment bias,
      Tensor out) {
    enter(op);
    CudaLinear map = linear(op, weights, epilogue == Matmul.Epilogue.GATED);
    tensor(op, "x", x, computeType, rows, map.in());
    DType type = epilogue == Matmul.Epilogue.GATED ? computeType : DType.F32;
    tensor(op, "out", out, type, rows, map.out());
    if (x.memory().address() == out.memory().address()) {
      throw new IllegalArgumentException(op + ": out must not be x");
    }
    products.run(epilogue, x.memory(), rows, map, bias, out.memory());
  }

  CudaLinear linear(String op, PackedLinear weights, boolean gated) {
    if (!(weights instanceof CudaLinear map) || map.owner() != this) {
      throw new IllegalArgumentException(op + ": the weights were packed by another device");
    }
    if (map.gated() != gated) {
      throw new IllegalArgumentException(
          op + (gated ? ": wants weights from packGated" : ": does not take weights of packGated"));
    }
    return map;
  }

  @Override
  public synchronized void headNorm(
      Tensor fused, int rows, HeadShape shape, Tensor queryWeight, Tensor keyWeight, float eps) {
    enter("headNorm");
    tensor("headNorm", "fused", fused, DType.F32, rows, shape.fusedWidth());
    tensor("headNorm", "queryWeight", queryWeight, DType.F32, 1, shape.headDim());
    tensor("headNorm", "keyWeight", keyWeight, DType.F32, 1, shape.headDim());
    norm.heads(fused, rows, shape, queryWeight, keyWeight, eps);
  }

  @Override
  public synchronized void rotate(
      Tensor fused, int rows, HeadShape shape, Rope rope, int[] places) {
    enter("rotate");
    tensor("rotate", "fused", fused, DType.F32, rows, shape.fusedWidth());
    Optional<RotaryTables.Table> table = rotation("rotate", rows, shape, rope, places);
    if (table.isPresent()) {
      rotary.run(fused, rows, shape, rope, positions.upload(places, rows), table.get());
    }
  }

  /** The table that rows turn by; none where nothing turns. */
  private Optional<RotaryTables.Table> rotation(
      String op, int rows, HeadShape shape, Rope rope, int[] places) {
    if (rope.dims() > shape.headDim()) {
      throw new IllegalArgumentException(
          op + ": a head of " + shape.headDim() + " elements cannot turn " + rope.dims());
    }
    Shapes.indices(op, "positions", places, rows, Integer.MAX_VALUE);
    if (rope.dims() == 0) {
      return Optional.empty();
    }
    int last = 0;
    for (int i = 0; i < rows; i++) {
      last = Math.max(last, places[i]);
    }
    return Optional.of(rotaryTables.of(rope, last + 1));
  }

  @Override
  public synchronized void attention(
      Tensor fused, HeadShape shape, RowSpans spans, AttentionMask mask, Tensor out) {
    enter("attention");
    attentionTensors("attention", fused, shape, spans, out);
    unpaged("attention", spans);
    long layerOffset = lay(shape, spans, NO_PLACES, Optional.empty(), 0);
    attend(fused, shape, spans, layerOffset, mask, out);
  }

  private static void unpaged(String op, RowSpans spans) {
    if (spans.paged()) {
      throw new IllegalArgumentException(
          op + ": the batch has sequences in pages and no K/V store was given");
    }
  }

  @Override
  public synchronized KvStore keyValues(int layers, HeadShape shape, long maxBytes) {
    enter("keyValues");
    if (layers <= 0 || maxBytes < 0) {
      throw new IllegalArgumentException(
          "keyValues: wants at least one layer and a budget >= 0; found "
              + layers
              + " layers, "
              + maxBytes
              + " bytes");
    }
    return new CudaKvStore(this, context, memory, layers, shape, computeType, maxBytes);
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
    attentionTensors("attention", fused, shape, spans, out);
    CudaKvStore kv = storeOf("attention", store, shape, layer);
    spans.checkPaging(places, kv.pages());
    attend(fused, shape, spans, lay(shape, spans, places, Optional.of(kv), layer), mask, out);
  }

  private CudaKvStore storeOf(String op, KvStore store, HeadShape shape, int layer) {
    if (!(store instanceof CudaKvStore kv) || !kv.of(this)) {
      throw new IllegalArgumentException(op + ": the K/V store was made by another device");
    }
    if (kv.closed()) {
      throw new IllegalStateException(op + ": the K/V store is closed");
    }
    if (!kv.shape().equals(shape) || layer < 0 || layer >= kv.layers()) {
      throw new IllegalArgumentException(
          op
              + ": layer %d with %s does not fit a K/V store of %d layers with %s"
                  .formatted(layer, shape, kv.layers(), kv.shape()));
    }
    return kv;
  }

  private void attentionTensors(
      String op, Tensor fused, HeadShape shape, RowSpans spans, Tensor out) {
    tensor(op, "fused", fused, DType.F32, spans.rows(), shape.fusedWidth());
    tensor(op, "out", out, computeType, spans.rows(), shape.queryWidth());
    if (shape.headDim() > Attention.MOST_DIM) {
      throw new IllegalArgumentException(
          op
              + ": heads have at most "
              + Attention.MOST_DIM
              + " elements on CUDA; found "
              + shape.headDim());
    }
  }

  /** Lays the batch out; the answer is where the layer begins in a page of the store. */
  private long lay(
      HeadShape shape, RowSpans spans, int[] places, Optional<CudaKvStore> store, int layer) {
    layout.lay(
        spans,
        places,
        store,
        shape,
        computeType,
        attention.queries(shape, computeType),
        attention.longQueries(shape, computeType));
    return layer * CudaKvStore.layerElements(shape);
  }

  private void attend(
      Tensor fused,
      HeadShape shape,
      RowSpans spans,
      long layerOffset,
      AttentionMask mask,
      Tensor out) {
    pages.store(fused, spans.rows(), shape, layout, layerOffset, computeType);
    attention.run(fused, shape, layout, layerOffset, mask, out);
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
    unpaged("rotaryAttention", spans);
    rotaryAttention(x, projection, fused, spans, places, mask, Optional.empty(), 0, out);
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
    CudaKvStore kv = storeOf("rotaryAttention", store, projection.shape(), layer);
    spans.checkPaging(places, kv.pages());
    rotaryAttention(x, projection, fused, spans, places, mask, Optional.of(kv), layer, out);
  }

  private void rotaryAttention(
      Tensor x,
      RotaryProjection projection,
      Tensor fused,
      RowSpans spans,
      int[] places,
      AttentionMask mask,
      Optional<CudaKvStore> store,
      int layer,
      Tensor out) {
    String op = "rotaryAttention";
    HeadShape shape = projection.shape();
    int rows = spans.rows();
    CudaLinear map = linear(op, projection.weights(), false);
    tensor(op, "x", x, computeType, rows, map.in());
    attentionTensors(op, fused, shape, spans, out);
    tensor(op, "fused", fused, DType.F32, rows, map.out());
    projectionTensors(op, projection);
    Optional<RotaryTables.Table> table = rotation(op, rows, shape, projection.rope(), places);
    products.run(Matmul.Epilogue.STORE, x.memory(), rows, map, MemorySegment.NULL, fused.memory());
    long layerOffset = lay(shape, spans, places, store, layer);
    toPages(fused, projection, table, rows, places, layerOffset);
    attention.run(fused, shape, layout, layerOffset, mask, out);
  }

  private void projectionTensors(String op, RotaryProjection projection) {
    HeadShape shape = projection.shape();
    if (projection.bias().isPresent()) {
      tensor(op, "bias", projection.bias().get(), DType.F32, 1, shape.fusedWidth());
    }
    if (projection.norms().isPresent()) {
      RotaryProjection.HeadNorms norms = projection.norms().get();
      tensor(op, "norms.query", norms.query(), DType.F32, 1, shape.headDim());
      tensor(op, "norms.key", norms.key(), DType.F32, 1, shape.headDim());
    }
  }

  private void toPages(
      Tensor fused,
      RotaryProjection projection,
      Optional<RotaryTables.Table> table,
      int rows,
      int[] places,
      long layerOffset) {
    rotaryPages.run(
        fused,
        rows,
        projection,
        positions.upload(places, rows),
        table,
        layout,
        layerOffset,
        computeType);
  }

  /**
   * What {@link #rotaryAttention} does between its product and its attention, for measuring: {@code
   * fused} rows as the product leaves them, of sequences that are not paged.
   */
  public synchronized void rotaryPages(
      Tensor fused, RotaryProjection projection, RowSpans spans, int[] places) {
    String op = "rotaryPages";
    enter(op);
    unpaged(op, spans);
    HeadShape shape = projection.shape();
    int rows = spans.rows();
    tensor(op, "fused", fused, DType.F32, rows, shape.fusedWidth());
    projectionTensors(op, projection);
    Optional<RotaryTables.Table> table = rotation(op, rows, shape, projection.rope(), places);
    long layerOffset = lay(shape, spans, places, Optional.empty(), 0);
    toPages(fused, projection, table, rows, places, layerOffset);
  }

  @Override
  public synchronized void predict(
      Tensor hidden, int rows, PackedLinear head, PredictionRows wanted, Predictions out) {
    enter("predict");
    CudaLinear map = linear("predict", head, false);
    tensor("predict", "hidden", hidden, computeType, rows, map.in());
    wanted.checkRows(rows);
    prediction.predict(hidden.memory(), map, wanted, out);
  }

  @Override
  public synchronized void logits(Tensor hidden, int rows, PackedLinear head, MemorySegment out) {
    enter("logits");
    CudaLinear map = linear("logits", head, false);
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
