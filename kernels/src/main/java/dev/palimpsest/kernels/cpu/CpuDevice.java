/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.palimpsest.kernels.AttentionMask;
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
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.WeightView;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * The ops on the processor: matrix products by oneDNN where it loads, the rest by the Vector API
 * where its module is present, and plain Java for what is missing. A team of threads shares the
 * tasks of each op.
 *
 * <p>Tensors are native memory; one used after {@link #free} or {@link #close} is answered by an
 * {@link IllegalStateException}. Ops exclude each other and {@link #close}, which waits for the one
 * that runs: products work on bare addresses.
 */
public final class CpuDevice extends CheckedDevice {
  private static final int[] ALL = {};

  /** A thread that owns no memory. */
  private static final Thread ELSEWHERE = Thread.ofPlatform().unstarted(() -> {});

  private final NativeMemory memory;
  private final ThreadTeam team;
  private final RowKernels kernels;
  private final Gemm gemm;
  private final Normalisation normalisation;
  private final Rotary rotary;
  private final Attention attention;
  private final Prediction prediction;
  private final CpuLatentOps latent;
  private MemorySegment logitsBlock = MemorySegment.NULL;
  private boolean closed;

  private CpuDevice(NativeMemory memory, ThreadTeam team, RowKernels kernels, Gemm gemm) {
    this.memory = memory;
    this.team = team;
    this.kernels = kernels;
    this.gemm = gemm;
    normalisation = new Normalisation(team, kernels);
    rotary = new Rotary(team, kernels);
    attention = new Attention(team, kernels, memory, tiles(memory, team, kernels, gemm));
    prediction = new Prediction(team, gemm, kernels, memory);
    latent = new CpuLatentOps(this, memory, team, kernels);
  }

  /** Who multiplies in attention: oneDNN where the processor multiplies bf16 itself. */
  private static AttentionTiles tiles(
      NativeMemory memory, ThreadTeam team, RowKernels kernels, Gemm gemm) {
    return gemm.engine()
        .filter(engine -> gemm.computeType() == DType.BF16 && DnnlEngine.nativeBfloat16())
        .flatMap(engine -> DnnlAttentionTiles.find(team.size(), engine, kernels, memory))
        .orElseGet(() -> new PanelAttentionTiles(team.size(), kernels));
  }

  /**
   * Opens the processor. Logs once, at INFO, who computes and why.
   *
   * @throws IllegalStateException if something the options insist on is not there; the message says
   *     what and why
   */
  public static CpuDevice open(CpuOptions options) {
    int threads =
        options.threads() > 0 ? options.threads() : Runtime.getRuntime().availableProcessors();
    NativeMemory memory = new NativeMemory();
    ThreadTeam team = new ThreadTeam(threads);
    try {
      Providers.Choice choice = Providers.choose(options, team, memory);
      CpuDevice device = new CpuDevice(memory, team, choice.kernels(), choice.gemm());
      System.getLogger(CpuDevice.class.getName())
          .log(System.Logger.Level.INFO, "{0}: {1}", device.describe(), choice.reason());
      return device;
    } catch (RuntimeException | Error e) {
      team.close();
      memory.close();
      throw e;
    }
  }

  @Override
  public String describe() {
    return "cpu, "
        + team.size()
        + (team.size() == 1 ? " thread, " : " threads, ")
        + gemm.describe()
        + ", "
        + kernels.describe();
  }

  @Override
  public DType computeType() {
    return gemm.computeType();
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

  @Override
  public synchronized PackedLinear pack(WeightView... parts) {
    enter("pack");
    WeightArguments.projections(parts);
    return gemm.pack(List.of(parts), false);
  }

  @Override
  public synchronized PackedLinear packGated(WeightView gate, WeightView up) {
    enter("packGated");
    WeightArguments.gated(gate, up);
    return gemm.pack(List.of(gate, up), true);
  }

  @Override
  public synchronized EmbeddingTable table(WeightView weights) {
    enter("table");
    WeightArguments.matrix("table", weights);
    return new CpuTable(this, weights);
  }

  @Override
  public synchronized Tensor vector(WeightView... parts) {
    enter("vector");
    Tensor tensor = allocate(DType.F32, 1, WeightArguments.vectorWidth(parts));
    long at = 0;
    for (WeightView part : parts) {
      Dequantizer.read(part, 0, (int) part.elements(), tensor.memory(), at);
      at += 4 * part.elements();
    }
    return tensor;
  }

  // ---- ops ----

  @Override
  public synchronized void embed(EmbeddingTable table, int[] tokens, int rows, Tensor out) {
    enter("embed");
    CpuTable t = ownTable("embed", table);
    tensor("embed", "out", out, DType.F32, rows, t.width());
    if (tokens.length < rows) {
      throw new IllegalArgumentException(
          "embed: " + rows + " rows want as many tokens; found " + tokens.length);
    }
    int vocabulary = t.vocabulary();
    int width = t.width();
    for (int i = 0; i < rows; i++) {
      int token = tokens[i];
      if (token < 0 || token >= vocabulary) {
        throw new IllegalArgumentException(
            "embed: token "
                + token
                + " in row "
                + i
                + " is outside the vocabulary of "
                + vocabulary);
      }
      Dequantizer.read(t.view(), (long) token * width, width, out.memory(), 4L * i * width);
    }
  }

  /** A table of this device whose checkpoint is open. */
  CpuTable ownTable(String op, EmbeddingTable table) {
    if (!(table instanceof CpuTable t) || t.owner() != this) {
      throw new IllegalArgumentException(op + ": the table was made by another device");
    }
    if (!t.view().memory().scope().isAlive()) {
      throw new IllegalStateException(
          op + ": the checkpoint that holds " + t.view().name() + " is closed");
    }
    return t;
  }

  @Override
  public synchronized void rmsNorm(Tensor x, int rows, Tensor weight, float eps, Tensor out) {
    enter("rmsNorm");
    tensor("rmsNorm", "x", x, DType.F32, rows, x.width());
    norm("rmsNorm", x, ALL, rows, weight, eps, out);
  }

  @Override
  public synchronized void rmsNormRows(
      Tensor x, int[] index, int count, Tensor weight, float eps, Tensor out) {
    enter("rmsNormRows");
    tensor("rmsNormRows", "x", x, DType.F32, 0, x.width());
    if (index.length < count) {
      throw new IllegalArgumentException(
          "rmsNormRows: " + count + " rows want as many indices; found " + index.length);
    }
    for (int i = 0; i < count; i++) {
      if (index[i] < 0 || index[i] >= x.rows()) {
        throw new IllegalArgumentException(
            "rmsNormRows: index " + index[i] + " is outside the " + x.rows() + " rows of x");
      }
    }
    if (x.memory().address() == out.memory().address()) {
      throw new IllegalArgumentException("rmsNormRows: out must not be x");
    }
    if (count > 0) {
      norm("rmsNormRows", x, index, count, weight, eps, out);
    }
  }

  private void norm(
      String op, Tensor x, int[] index, int rows, Tensor weight, float eps, Tensor out) {
    tensor(op, "weight", weight, DType.F32, 1, x.width());
    DType type = f32OrCompute(out);
    tensor(op, "out", out, type, rows, x.width());
    normalisation.rows(
        x.memory(), index, rows, x.width(), weight.memory(), eps, out.memory(), type);
  }

  @Override
  public synchronized void linear(Tensor x, int rows, PackedLinear weights, Tensor out) {
    multiply("linear", x, rows, weights, Gemm.Mode.STORE, MemorySegment.NULL, out);
  }

  @Override
  public synchronized void linear(
      Tensor x, int rows, PackedLinear weights, Tensor bias, Tensor out) {
    tensor("linear", "bias", bias, DType.F32, 1, weights.outFeatures());
    multiply("linear", x, rows, weights, Gemm.Mode.STORE, bias.memory(), out);
  }

  @Override
  public synchronized void addBias(Tensor x, int rows, Tensor bias) {
    enter("addBias");
    tensor("addBias", "x", x, DType.F32, rows, bias.width());
    tensor("addBias", "bias", bias, DType.F32, 1, x.width());
    for (int i = 0; i < rows; i++) {
      kernels.add(x.memory(), 4L * i * x.width(), bias.memory(), 0, x.width());
    }
  }

  @Override
  public synchronized void linearAdd(Tensor x, int rows, PackedLinear weights, Tensor accumulator) {
    multiply("linearAdd", x, rows, weights, Gemm.Mode.ADD, MemorySegment.NULL, accumulator);
  }

  @Override
  public synchronized void gatedSilu(Tensor x, int rows, PackedLinear gateUp, Tensor out) {
    multiply("gatedSilu", x, rows, gateUp, Gemm.Mode.GATED, MemorySegment.NULL, out);
  }

  private void multiply(
      String op,
      Tensor x,
      int rows,
      PackedLinear weights,
      Gemm.Mode mode,
      MemorySegment bias,
      Tensor out) {
    enter(op);
    CpuLinear map = linear(op, weights, mode == Gemm.Mode.GATED);
    tensor(op, "x", x, computeType(), rows, map.in);
    DType type = mode == Gemm.Mode.GATED ? computeType() : DType.F32;
    tensor(op, "out", out, type, rows, map.out);
    if (x.memory().address() == out.memory().address()) {
      throw new IllegalArgumentException(op + ": out must not be x");
    }
    gemm.multiply(x.memory(), rows, map, mode, bias, out.memory());
  }

  private CpuLinear linear(String op, PackedLinear weights, boolean gated) {
    if (!(weights instanceof CpuLinear map) || map.owner != gemm) {
      throw new IllegalArgumentException(op + ": the weights were packed by another device");
    }
    if (map.gated != gated) {
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
    normalisation.heads(fused.memory(), rows, shape, queryWeight.memory(), keyWeight.memory(), eps);
  }

  @Override
  public synchronized void rotate(
      Tensor fused, int rows, HeadShape shape, Rope rope, int[] positions) {
    enter("rotate");
    tensor("rotate", "fused", fused, DType.F32, rows, shape.fusedWidth());
    if (rope.dims() > shape.headDim()) {
      throw new IllegalArgumentException(
          "rotate: a head of " + shape.headDim() + " elements cannot turn " + rope.dims());
    }
    if (positions.length < rows) {
      throw new IllegalArgumentException(
          "rotate: " + rows + " rows want as many positions; found " + positions.length);
    }
    if (rope.dims() > 0) {
      rotary.rotate(fused.memory(), rows, shape, rope, positions);
    }
  }

  @Override
  public synchronized void attention(
      Tensor fused, HeadShape shape, RowSpans spans, AttentionMask mask, Tensor out) {
    enter("attention");
    int rows = spans.rows();
    tensor("attention", "fused", fused, DType.F32, rows, shape.fusedWidth());
    DType type = f32OrCompute(out);
    tensor("attention", "out", out, type, rows, shape.queryWidth());
    if (spans.paged()) {
      throw new IllegalArgumentException(
          "attention: the batch has sequences in pages and no K/V store was given");
    }
    attention.attend(fused.memory(), shape, spans, mask, out.memory(), type);
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
    return new CpuKvStore(this, memory, attention.layout(shape.headDim()), layers, shape, maxBytes);
  }

  @Override
  public synchronized void attention(
      Tensor fused,
      HeadShape shape,
      RowSpans spans,
      int[] positions,
      AttentionMask mask,
      KvStore store,
      int layer,
      Tensor out) {
    enter("attention");
    int rows = spans.rows();
    tensor("attention", "fused", fused, DType.F32, rows, shape.fusedWidth());
    DType type = f32OrCompute(out);
    tensor("attention", "out", out, type, rows, shape.queryWidth());
    if (!(store instanceof CpuKvStore pages) || !pages.of(this)) {
      throw new IllegalArgumentException("attention: the K/V store was made by another device");
    }
    if (pages.closed()) {
      throw new IllegalStateException("attention: the K/V store is closed");
    }
    if (!pages.shape().equals(shape) || layer < 0 || layer >= pages.layers()) {
      throw new IllegalArgumentException(
          "attention: layer %d with %s does not fit a K/V store of %d layers with %s"
              .formatted(layer, shape, pages.layers(), pages.shape()));
    }
    spans.checkPaging(positions, pages.pages());
    attention.attend(
        fused.memory(), shape, spans, positions, mask, pages, layer, out.memory(), type);
  }

  @Override
  public synchronized void predict(
      Tensor hidden, int rows, PackedLinear head, PredictionRows wanted, Predictions out) {
    enter("predict");
    CpuLinear map = linear("predict", head, false);
    tensor("predict", "hidden", hidden, computeType(), rows, map.in);
    wanted.checkRows(rows);
    prediction.predict(hidden.memory(), map, wanted, out);
  }

  @Override
  public synchronized void logits(Tensor hidden, int rows, PackedLinear head, MemorySegment out) {
    enter("logits");
    CpuLinear map = linear("logits", head, false);
    tensor("logits", "hidden", hidden, computeType(), rows, map.in);
    long bytes = 4L * rows * map.out;
    if (out.byteSize() < bytes || out.isReadOnly()) {
      throw new IllegalArgumentException(
          "logits: out must be writable and hold "
              + rows
              + " x "
              + map.out
              + " floats, "
              + bytes
              + " bytes; found "
              + out.byteSize()
              + (out.isReadOnly() ? ", read-only" : ""));
    }
    if (out.isNative() && out.address() % 4 == 0 && keptOpen(out)) {
      gemm.multiply(
          hidden.memory(), rows, map, Gemm.Mode.STORE, MemorySegment.NULL, anyThreads(out, bytes));
      return;
    }
    int chunk =
        Math.min(Math.max(1, rows), 128 * Math.clamp((32L << 20) / (512L * map.out), 1, 64));
    if (logitsBlock.byteSize() < 4L * chunk * map.out) {
      memory.free(logitsBlock);
      logitsBlock = MemorySegment.NULL;
      logitsBlock = memory.allocate(4L * chunk * map.out);
    }
    long xRow = (long) map.in * computeType().blockBytes();
    for (int row = 0; row < rows; row += chunk) {
      int n = Math.min(chunk, rows - row);
      gemm.multiply(
          hidden.memory().asSlice(row * xRow),
          n,
          map,
          Gemm.Mode.STORE,
          MemorySegment.NULL,
          logitsBlock);
      MemorySegment.copy(
          logitsBlock,
          JAVA_FLOAT_UNALIGNED,
          0,
          out,
          JAVA_FLOAT_UNALIGNED,
          4L * row * map.out,
          (long) n * map.out);
    }
  }

  /**
   * Whether memory of the caller's cannot be freed while this op runs: only this thread could, or
   * nobody. Another is written to by checked copies alone.
   */
  private static boolean keptOpen(MemorySegment out) {
    return out.scope().equals(Arena.global().scope())
        || (out.isAccessibleBy(Thread.currentThread()) && !out.isAccessibleBy(ELSEWHERE));
  }

  /** The same memory for all threads of the team. */
  @SuppressWarnings("restricted")
  private static MemorySegment anyThreads(MemorySegment out, long bytes) {
    return MemorySegment.ofAddress(out.address()).reinterpret(bytes);
  }

  // ---- checks ----

  @Override
  protected void enter(String op) {
    if (closed) {
      throw new IllegalStateException(op + ": the device is closed");
    }
  }

  @Override
  protected LatentOps unchecked() {
    return latent;
  }

  @Override
  protected void tensor(String op, String role, Tensor t, DType dtype, int rows, int width) {
    if (!t.memory().scope().isAlive()) {
      throw new IllegalStateException(op + ": " + role + " was freed");
    }
    if (t.dtype() != dtype || t.rows() < rows || t.width() != width || rows < 0) {
      throw new IllegalArgumentException(
          op
              + ": "
              + role
              + " must be "
              + dtype
              + " with at least "
              + rows
              + " rows of "
              + width
              + "; found "
              + t.dtype()
              + " "
              + t.rows()
              + " x "
              + t.width());
    }
    if (!t.memory().isNative()
        || t.memory().address() % NativeMemory.ALIGNMENT != 0
        || t.memory().byteSize() < dtype.bytes((long) t.rows() * width)) {
      throw new IllegalArgumentException(
          op + ": " + role + " was not allocated by a CPU device, or its memory is too small");
    }
  }

  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      team.close();
      gemm.close();
      memory.close();
    }
  }

  @Override
  public String toString() {
    return "CpuDevice[" + (closed ? "closed" : describe()) + "]";
  }
}
