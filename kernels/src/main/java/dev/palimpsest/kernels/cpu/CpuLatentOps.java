/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.kernels.Codebook;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.DenoiseRows;
import dev.palimpsest.kernels.Denoised;
import dev.palimpsest.kernels.EmbeddingTable;
import dev.palimpsest.kernels.Modulation;
import dev.palimpsest.kernels.RenoiseRows;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.WeightView;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** The ops of latent diffusion: checks what they are given, then runs them. */
final class CpuLatentOps {
  private static final int[] ALL = {};

  private final CpuDevice device;
  private final NativeMemory memory;
  private final RowKernels kernels;
  private final Conditioning conditioning;
  private final Resampling resampling;
  private final Denoising denoising;
  private MemorySegment row = MemorySegment.NULL;

  CpuLatentOps(CpuDevice device, NativeMemory memory, ThreadTeam team, RowKernels kernels) {
    this.device = device;
    this.memory = memory;
    this.kernels = kernels;
    LatentKernels latent =
        kernels instanceof PlainRowKernels ? new PlainLatentKernels() : new VectorLatentKernels();
    conditioning = new Conditioning(team, latent);
    resampling = new Resampling(team, kernels, latent);
    denoising = new Denoising(team, kernels);
  }

  Codebook codebook(WeightView codes, int groups) {
    WeightArguments.matrix("codebook", codes);
    int rows = codes.dimension(0);
    int width = codes.dimension(1);
    if (groups <= 0 || rows % groups != 0) {
      throw new IllegalArgumentException(
          "codebook: %s has %d codes, which are not %d groups of equal size"
              .formatted(codes.name(), rows, groups));
    }
    int elements = Math.multiplyExact(rows, width);
    float[] values = new float[elements];
    Dequantizer.read(codes, 0, elements, MemorySegment.ofArray(values), 0);
    return new CpuCodebook(device, values, groups, width, kernels.panelWidth());
  }

  private CpuCodebook own(String op, Codebook codebook) {
    if (!(codebook instanceof CpuCodebook book) || !book.of(device)) {
      throw new IllegalArgumentException(op + ": the codebook was made by another device");
    }
    return book;
  }

  void embedAdd(EmbeddingTable table, int[] index, int rows, Tensor x) {
    CpuTable t = device.ownTable("embedAdd", table);
    CpuDevice.tensor("embedAdd", "x", x, DType.F32, rows, t.width());
    indices("embedAdd", "index", index, rows, 0, t.vocabulary());
    if (row.byteSize() < 4L * t.width()) {
      memory.free(row);
      row = MemorySegment.NULL;
      row = memory.allocate(4L * t.width());
    }
    int read = -1;
    for (int i = 0; i < rows; i++) {
      if (index[i] != read) {
        read = index[i];
        Dequantizer.read(t.view(), (long) read * t.width(), t.width(), row, 0);
      }
      kernels.add(x.memory(), 4L * i * t.width(), row, 0, t.width());
    }
  }

  void timeFeatures(float[] times, int count, Tensor out) {
    DType type = out.dtype() == DType.F32 ? DType.F32 : device.computeType();
    CpuDevice.tensor("timeFeatures", "out", out, type, count, out.width());
    if (times.length < count || out.width() % 2 != 0) {
      throw new IllegalArgumentException(
          "timeFeatures: wants %d times and an even width; found %d and %d"
              .formatted(count, times.length, out.width()));
    }
    int half = out.width() / 2;
    for (int j = 0; j < half; j++) {
      double frequency = 1000 * Math.pow(10_000, -(double) j / half);
      for (int i = 0; i < count; i++) {
        double angle = frequency * times[i];
        int at = i * out.width() + 2 * j;
        PlainRowKernels.store(out.memory(), 0, type, at, (float) Math.cos(angle));
        PlainRowKernels.store(out.memory(), 0, type, at + 1, (float) Math.sin(angle));
      }
    }
  }

  void adaNorm(Tensor x, int rows, float eps, Modulation by, int column, Tensor out) {
    CpuDevice.tensor("adaNorm", "x", x, DType.F32, rows, x.width());
    normed("adaNorm", x, rows, by, rows, column, out);
    conditioning.norm(x, ALL, rows, eps, by, column, out);
  }

  void adaNormRows(
      Tensor x, int[] index, int count, float eps, Modulation by, int column, Tensor out) {
    CpuDevice.tensor("adaNormRows", "x", x, DType.F32, 0, x.width());
    indices("adaNormRows", "index", index, count, 0, Math.min(x.rows(), by.rowOf().length));
    int last = -1;
    for (int i = 0; i < count; i++) {
      last = Math.max(last, index[i]);
    }
    normed("adaNormRows", x, count, by, last + 1, column, out);
    if (x.memory().address() == out.memory().address()) {
      throw new IllegalArgumentException("adaNormRows: out must not be x");
    }
    if (count > 0) {
      conditioning.norm(x, index, count, eps, by, column, out);
    }
  }

  private void normed(
      String op, Tensor x, int rows, Modulation by, int modulated, int column, Tensor out) {
    DType type = out.dtype() == DType.F32 ? DType.F32 : device.computeType();
    CpuDevice.tensor(op, "out", out, type, rows, x.width());
    modulation(op, by, modulated, column, 2 * x.width());
  }

  void convolutionInput(
      Tensor x,
      RowSpans spans,
      int groups,
      float eps,
      Optional<Modulation> by,
      int column,
      Tensor out) {
    String op = "convolutionInput";
    CpuDevice.tensor(op, "x", x, DType.F32, spans.rows(), x.width());
    CpuDevice.tensor(op, "out", out, device.computeType(), spans.rows(), 3 * x.width());
    if (groups <= 0 || x.width() % groups != 0) {
      throw new IllegalArgumentException(
          "%s: a width of %d is not %d groups of equal size".formatted(op, x.width(), groups));
    }
    if (by.isPresent()) {
      modulation(op, by.get(), spans.rows(), column, 2 * x.width());
    }
    conditioning.convolution(x, spans, groups, eps, by, column, out);
  }

  void gateAdd(Tensor accumulator, int rows, Tensor y, Modulation by, int column) {
    CpuDevice.tensor("gateAdd", "accumulator", accumulator, DType.F32, rows, y.width());
    CpuDevice.tensor("gateAdd", "y", y, DType.F32, rows, accumulator.width());
    modulation("gateAdd", by, rows, column, y.width());
    conditioning.gate(accumulator, rows, y, by, column);
  }

  void downsample(Tensor x, RowSpans spans, Tensor taps, RowSpans half, Tensor out) {
    CpuDevice.tensor("downsample", "x", x, DType.F32, spans.rows(), out.width());
    CpuDevice.tensor("downsample", "taps", taps, DType.F32, 1, 4 * x.width());
    CpuDevice.tensor("downsample", "out", out, device.computeType(), half.rows(), x.width());
    halves("downsample", spans, half);
    resampling.down(x, spans, taps, half, out);
  }

  void upsampleAdd(Tensor h, RowSpans half, Tensor gate, RowSpans spans, Tensor x) {
    CpuDevice.tensor("upsampleAdd", "h", h, DType.F32, half.rows(), x.width());
    CpuDevice.tensor("upsampleAdd", "gate", gate, DType.F32, 1, x.width());
    CpuDevice.tensor("upsampleAdd", "x", x, DType.F32, spans.rows(), h.width());
    halves("upsampleAdd", spans, half);
    resampling.up(h, half, gate, spans, x);
  }

  private static void halves(String op, RowSpans spans, RowSpans half) {
    boolean fit = spans.sequences() == half.sequences();
    for (int s = 0; fit && s < spans.sequences(); s++) {
      fit = half.length(s) == (spans.length(s) + 1) / 2;
    }
    if (!fit) {
      throw new IllegalArgumentException(
          "%s: the half resolution must have half the rows of each sequence, rounded up; found %d of %d in %d and %d sequences"
              .formatted(op, half.rows(), spans.rows(), half.sequences(), spans.sequences()));
    }
  }

  void gather(Tensor x, int[] index, int count, Tensor out) {
    CpuDevice.tensor("gather", "x", x, DType.F32, 0, out.width());
    DType type = out.dtype() == DType.F32 ? DType.F32 : device.computeType();
    CpuDevice.tensor("gather", "out", out, type, count, out.width());
    indices("gather", "index", index, count, -1, x.rows());
    if (x.memory().address() == out.memory().address()) {
      throw new IllegalArgumentException("gather: out must not be x");
    }
    resampling.gather(x, index, count, out);
  }

  void nearestCodes(Tensor x, int rows, Codebook codebook, int[] codes) {
    CpuCodebook book = own("nearestCodes", codebook);
    CpuDevice.tensor("nearestCodes", "x", x, DType.F32, rows, book.width());
    if (codes.length < rows * book.groups()) {
      throw new IllegalArgumentException(
          "nearestCodes: %d rows of %d groups want as many codes; found %d"
              .formatted(rows, book.groups(), codes.length));
    }
    denoising.nearest(x, rows, book, codes);
  }

  void latents(Codebook codebook, int[] codes, int[] slots, int count, Tensor state) {
    CpuCodebook book = own("latents", codebook);
    CpuDevice.tensor("latents", "state", state, DType.F32, 0, 2 * book.width());
    indices("latents", "slot", slots, count, 0, state.rows());
    indices("latents", "code", codes, count * book.groups(), 0, book.codes());
    denoising.latents(book, codes, slots, count, state);
  }

  void renoise(RenoiseRows rows, Tensor state) {
    CpuDevice.tensor("renoise", "state", state, DType.F32, 0, state.width());
    for (int i = 0; i < rows.size(); i++) {
      slot("renoise", rows.slot(i), 0, state);
    }
    denoising.renoise(rows, state);
  }

  void denoise(Tensor logits, Codebook codebook, DenoiseRows wanted, Tensor state, Denoised out) {
    CpuCodebook book = own("denoise", codebook);
    CpuDevice.tensor("denoise", "logits", logits, DType.F32, 0, book.logits());
    CpuDevice.tensor("denoise", "state", state, DType.F32, 0, 2 * book.width());
    for (int i = 0; i < wanted.size(); i++) {
      slot("denoise", wanted.slot(i), -1, state);
      if (wanted.row(i) < 0
          || wanted.row(i) >= logits.rows()
          || wanted.unconditionalRow(i) >= logits.rows()) {
        throw new IllegalArgumentException(
            "denoise: entry %d wants rows %d and %d of %d"
                .formatted(i, wanted.row(i), wanted.unconditionalRow(i), logits.rows()));
      }
      if (!(wanted.temperature(i) >= 0)) {
        throw new IllegalArgumentException(
            "denoise: temperature must be >= 0; found " + wanted.temperature(i));
      }
    }
    out.resize(wanted.size(), book.groups());
    denoising.denoise(logits, book, wanted, state, out);
  }

  private static void slot(String op, int slot, int least, Tensor state) {
    if (slot < least || slot >= state.rows()) {
      throw new IllegalArgumentException(
          "%s: slot %d is outside the %d of the state".formatted(op, slot, state.rows()));
    }
  }

  private static void indices(String op, String role, int[] index, int count, int least, int end) {
    if (index.length < count) {
      throw new IllegalArgumentException(
          "%s: %d entries want as many of %s; found %d".formatted(op, count, role, index.length));
    }
    for (int i = 0; i < count; i++) {
      if (index[i] < least || index[i] >= end) {
        throw new IllegalArgumentException(
            "%s: %s %d of entry %d is not in %d … %d"
                .formatted(op, role, index[i], i, least, end - 1));
      }
    }
  }

  private static void modulation(String op, Modulation by, int rows, int column, int width) {
    CpuDevice.tensor(op, "modulation", by.table(), DType.F32, 0, by.table().width());
    if (column < 0 || column > by.table().width() - width) {
      throw new IllegalArgumentException(
          "%s: columns %d to %d are outside a modulation of %d"
              .formatted(op, column, column + width - 1, by.table().width()));
    }
    indices(op, "modulation row", by.rowOf(), rows, 0, by.table().rows());
  }
}
