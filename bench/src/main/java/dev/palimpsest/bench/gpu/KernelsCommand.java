/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.gpu;

import dev.palimpsest.bench.Timings;
import dev.palimpsest.bindings.NvmlDevice;
import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.KvStore;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.kernels.RotaryProjection;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.kernels.cuda.CudaDevice;
import dev.palimpsest.kernels.cuda.CudaOptions;
import dev.palimpsest.network.TransformerWeights;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code gpu kernels}: each kernel at the shapes of a model, against what the chip allows. */
@Command(
    name = "kernels",
    description = "Each kernel at the model's shapes, against the least time that the chip allows.")
final class KernelsCommand implements Callable<Integer> {
  /** More than the second-level cache holds, so that weights come from memory. */
  private static final long COLD_BYTES = 256L << 20;

  private static final int BLOCK = 32;
  private static final int REPEATS = 5;

  /** The first time launches one by one, the second makes the graph, the third replays it. */
  private static final int WARM = 3;

  /** What is measured at once takes so long, so that its way to the device hardly counts. */
  private static final double LEAST_MILLISECONDS = 2;

  /** Runs that are measured at once, at most. */
  private static final int MOST_RUNS = 1024;

  @Mixin private GpuOptions options;
  @Mixin private TimeOptions time;

  private CudaDevice device;
  private Ceilings ceilings;
  private ModelShape shape;
  private TransformerWeights.Layer weights;
  private WeightView headWeights;
  private final List<Row> rows = new ArrayList<>();

  /**
   * One kernel at one shape.
   *
   * @param milliseconds of the device, the median
   * @param least milliseconds for its operations and least bytes; 0 where no ceiling is known
   * @param share least / measured; 0 where no ceiling is known
   */
  record Row(
      String op,
      String shape,
      double milliseconds,
      double least,
      double share,
      double tflops,
      double gigabytes) {}

  record Report(Ceilings ceilings, int clock, List<Row> kernels, boolean complete) {}

  @Override
  public Integer call() {
    shape = options.tiny() ? ModelShape.TINY : ModelShape.LLADA_8B;
    boolean complete = true;
    try (Arena arena = Arena.ofShared();
        CudaDevice opened = options.open()) {
      device = opened;
      Nvml nvml = Nvml.of(device);
      double copy;
      try (RawLaunches raw = new RawLaunches(device)) {
        copy = raw.copyRate(options.tiny() ? 1 << 16 : 1L << 30);
      }
      OptionalInt clock = nvml.device().map(NvmlDevice::maxClock).orElse(OptionalInt.empty());
      ceilings = Ceilings.of(device, copy);
      device.makeWeightsOf(shape.pattern(arena));
      TransformerWeights all = shape.shapes(arena);
      weights = all.layers().getFirst();
      headWeights = all.head();
      for (Runnable part : parts()) {
        if (!time.timeLeft()) {
          complete = false;
          break;
        }
        part.run();
        // What is measured is kept, whatever becomes of the rest.
        options.write("kernels", new Report(ceilings, clock.orElse(-1), rows, false));
      }
      options.write("kernels", new Report(ceilings, clock.orElse(-1), rows, complete));
    }
    return 0;
  }

  private List<Runnable> parts() {
    int[] few = options.tiny() ? new int[] {32} : new int[] {32, 256, 1024, 4096};
    int[] lengths = options.tiny() ? new int[] {64} : new int[] {1024, 4096};
    List<Runnable> parts = new ArrayList<>();
    for (int n : few) {
      parts.add(() -> products(n));
    }
    for (int length : lengths) {
      parts.add(() -> attention(length, length));
      parts.add(() -> attention(BLOCK, length));
    }
    parts.add(() -> head(BLOCK));
    if (!options.tiny()) {
      parts.add(() -> attention(16384, 16384));
      parts.add(() -> head(8 * BLOCK));
    }
    parts.add(() -> rowOps(options.tiny() ? 32 : 4096));
    parts.add(() -> rowOps(BLOCK));
    for (int n :
        options.tiny() ? new int[] {BLOCK} : new int[] {BLOCK / 2, BLOCK, 2 * BLOCK, 256}) {
      parts.add(() -> quantized(n));
    }
    return parts;
  }

  /** A tensor of the pattern's numbers: times on zeros are not those of real data. */
  private Tensor filled(DType type, int n, int width) {
    Tensor tensor = device.allocate(type, n, width);
    device.fillWithWeights(tensor);
    return tensor;
  }

  private void free(Tensor... tensors) {
    for (Tensor tensor : tensors) {
      device.free(tensor);
    }
  }

  private int copies(long bytes) {
    return Math.clamp(COLD_BYTES / Math.max(1, bytes), 1, options.tiny() ? 2 : 64);
  }

  private void products(int n) {
    Tensor x = filled(DType.BF16, n, shape.hidden());
    Tensor wide = filled(DType.BF16, n, shape.ffn());
    Tensor fused = device.allocate(DType.F32, n, shape.headShape().fusedWidth());
    Tensor out = device.allocate(DType.F32, n, shape.hidden());
    Tensor gated = device.allocate(DType.BF16, n, shape.ffn());
    Tensor normed = device.allocate(DType.BF16, n, shape.hidden());
    Tensor norm = device.vector(weights.attentionNorm());
    linear(
        "linear q, k, v",
        n,
        () -> device.pack(weights.query(), weights.key(), weights.value()),
        map -> device.linear(x, n, map, fused),
        4.0);
    linear(
        "linear + residual",
        n,
        () -> device.pack(weights.output()),
        map -> device.linearAdd(x, n, map, out),
        8.0);
    linear(
        "linear + residual + norm",
        n,
        () -> device.pack(weights.output()),
        map -> device.linearAddNorm(x, n, map, Optional.empty(), out, norm, 1e-5f, normed),
        10.0);
    linear(
        "linear + residual, norm",
        n,
        () -> device.pack(weights.output()),
        map -> {
          device.linearAdd(x, n, map, out);
          device.rmsNorm(out, n, norm, 1e-5f, normed);
        },
        10.0);
    linear(
        "gated SiLU",
        n,
        () -> device.packGated(weights.gate(), weights.up()),
        map -> device.gatedSilu(x, n, map, gated),
        2.0);
    linear(
        "linear down + residual",
        n,
        () -> device.pack(weights.down()),
        map -> device.linearAdd(wide, n, map, out),
        8.0);
    free(x, wide, fused, out, gated, normed, norm);
  }

  /** The widest product of a block, from weights of each format. */
  private void quantized(int n) {
    CudaDevice bf16 = device;
    try (Arena arena = Arena.ofShared();
        CudaDevice int8 = options.open(CudaOptions.Weights.INT8)) {
      device = int8;
      device.makeWeightsOf(shape.pattern(arena));
      Tensor x = filled(DType.BF16, n, shape.hidden());
      Tensor wide = filled(DType.BF16, n, shape.ffn());
      Tensor out = device.allocate(DType.F32, n, shape.hidden());
      Tensor gated = device.allocate(DType.BF16, n, shape.ffn());
      for (DType stored : new DType[] {DType.BF16, DType.Q8_0, DType.Q4_0}) {
        String format = stored == DType.BF16 ? "int8" : stored.toString();
        WeightView up = shape.view(arena, stored, shape.ffn(), shape.hidden());
        WeightView down = shape.view(arena, stored, shape.hidden(), shape.ffn());
        linear(
            format + " gated SiLU",
            n,
            () -> device.packGated(up, up),
            map -> device.gatedSilu(x, n, map, gated),
            2.0);
        linear(
            format + " down + residual",
            n,
            () -> device.pack(down),
            map -> device.linearAdd(wide, n, map, out),
            8.0);
      }
      free(x, wide, out, gated);
    } finally {
      device = bf16;
    }
  }

  private void linear(
      String op,
      int n,
      Supplier<PackedLinear> packing,
      Consumer<PackedLinear> product,
      double outBytes) {
    PackedLinear first = packing.get();
    int copies = copies(first.bytes());
    PackedLinear[] maps = new PackedLinear[copies];
    maps[0] = first;
    for (int i = 1; i < copies; i++) {
      maps[i] = packing.get();
    }
    boolean gate = op.endsWith("gated SiLU");
    double operations = 2.0 * n * first.inFeatures() * first.outFeatures() * (gate ? 2 : 1);
    double bytes =
        first.bytes() + 2.0 * n * first.inFeatures() + outBytes * n * first.outFeatures();
    note(
        op,
        n + " x " + first.inFeatures() + " -> " + (gate ? "2 x " : "") + first.outFeatures(),
        time(copies, i -> product.accept(maps[i])),
        operations,
        bytes);
    for (PackedLinear map : maps) {
      device.free(map);
    }
  }

  private void attention(int queries, int context) {
    HeadShape heads = shape.headShape();
    Tensor fused = filled(DType.F32, context, heads.fusedWidth());
    Tensor out = device.allocate(DType.BF16, context, heads.queryWidth());
    int pages = KvStore.pagesFor(context);
    long pageBytes;
    try (KvStore probe = device.keyValues(1, heads, 0)) {
      pageBytes = probe.pageBytes();
    }
    // Layers of one store: what they hold is cold, and no call brings another table of pages along.
    int layers = queries < context ? copies(pages * pageBytes) : 1;
    try (KvStore store = device.keyValues(layers, heads, layers * pages * pageBytes)) {
      store.grow(pages);
      int[] table = IntStream.range(0, pages).toArray();
      int[] all = IntStream.range(0, context).toArray();
      RowSpans spans = new RowSpans();
      spans.add(context, context, table);
      for (int i = 0; i < layers; i++) {
        device.attention(fused, heads, spans, all, AttentionMask.FULL, store, i, out);
      }
      spans.clear();
      spans.add(queries, context, table);
      int[] places = IntStream.range(context - queries, context).toArray();
      double milliseconds =
          time(
              layers,
              i ->
                  device.attention(fused, heads, spans, places, AttentionMask.FULL, store, i, out));
      note(
          "attention",
          "%d of %d, %d heads of %d".formatted(queries, context, heads.heads(), heads.headDim()),
          milliseconds,
          4.0 * queries * context * heads.queryWidth(),
          (double) pages * pageBytes
              + 4.0 * queries * heads.fusedWidth()
              + 2.0 * queries * heads.queryWidth());
    }
    free(fused, out);
  }

  private void head(int n) {
    Tensor x = filled(DType.BF16, n, shape.hidden());
    PackedLinear head = device.pack(headWeights);
    PredictionRows wanted = new PredictionRows();
    for (int i = 0; i < n; i++) {
      wanted.add(i, Sampling.GREEDY, 1, 0, i);
    }
    Predictions predictions = new Predictions();
    note(
        "head and sample",
        n + " x " + shape.hidden() + " -> " + shape.vocabulary(),
        time(1, i -> device.predict(x, n, head, wanted, predictions)),
        2.0 * n * shape.hidden() * shape.vocabulary(),
        head.bytes() + 2.0 * n * shape.hidden());
    device.free(head);
    free(x);
  }

  private void rowOps(int n) {
    HeadShape heads = shape.headShape();
    Tensor x = filled(DType.F32, n, shape.hidden());
    Tensor normed = device.allocate(DType.BF16, n, shape.hidden());
    Tensor fused = filled(DType.F32, n, heads.fusedWidth());
    Tensor branch = filled(DType.F32, n, shape.hidden());
    Tensor weight = device.vector(weights.attentionNorm());
    int[] places = IntStream.range(0, n).toArray();
    Rope rope = shape.config().rope();
    note(
        "RMS norm",
        n + " x " + shape.hidden(),
        time(1, i -> device.rmsNorm(x, n, weight, 1e-5f, normed)),
        0,
        6.0 * n * shape.hidden());
    note(
        "rotary",
        "%d x %d heads of %d".formatted(n, heads.heads(), heads.headDim()),
        time(1, i -> device.rotate(fused, n, heads, rope, places)),
        0,
        8.0 * n * (heads.queryWidth() + heads.keyWidth()));
    note(
        "residual + RMS norm",
        n + " x " + shape.hidden(),
        time(1, i -> device.residualNorm(x, n, branch, weight, 1e-5f, normed)),
        0,
        14.0 * n * shape.hidden());
    RowSpans spans = new RowSpans();
    spans.add(n);
    PackedLinear map = device.pack(weights.query(), weights.key(), weights.value());
    Tensor headNorm = filled(DType.F32, 1, heads.headDim());
    for (boolean norms : new boolean[] {false, true}) {
      RotaryProjection projection =
          new RotaryProjection(
              map,
              Optional.empty(),
              heads,
              norms
                  ? Optional.of(new RotaryProjection.HeadNorms(headNorm, headNorm, 1e-6f))
                  : Optional.empty(),
              rope);
      note(
          norms ? "q/k norm, rotary, pages" : "rotary, pages",
          "%d x %d heads of %d".formatted(n, heads.heads(), heads.headDim()),
          time(1, i -> device.rotaryPages(fused, projection, spans, places)),
          0,
          n * (4.0 * heads.fusedWidth() + 4.0 * heads.queryWidth() + 4.0 * heads.keyWidth()));
    }
    device.free(map);
    free(x, normed, fused, weight, branch, headNorm);
  }

  /** Milliseconds of one of {@code n} runs that follow each other, the median over repeats. */
  private double time(int n, IntConsumer op) {
    if (options.tiny()) {
      return time(n, 1, 2, 1, op);
    }
    int rounds = Math.max(1, 8 / n);
    double all = rounds * n * time(n, rounds, WARM, 1, op);
    int more = (int) Math.clamp(LEAST_MILLISECONDS / all, 1, MOST_RUNS / (rounds * n));
    return time(n, rounds * more, WARM, REPEATS, op);
  }

  private double time(int n, int rounds, int warm, int repeats, IntConsumer op) {
    Runnable all =
        () -> {
          for (int r = 0; r < rounds; r++) {
            for (int i = 0; i < n; i++) {
              op.accept(i);
            }
          }
        };
    double[] found = new double[repeats];
    for (int i = -warm; i < repeats; i++) {
      double milliseconds = device.milliseconds(all);
      if (i >= 0) {
        found[i] = milliseconds / rounds / n;
      }
    }
    return Timings.median(found);
  }

  private void note(String op, String size, double milliseconds, double operations, double bytes) {
    double least = ceilings.milliseconds(operations, bytes);
    rows.add(
        new Row(
            op,
            size,
            milliseconds,
            least,
            least / milliseconds,
            operations / (milliseconds * 1e9),
            bytes / (milliseconds * 1e6)));
  }
}
