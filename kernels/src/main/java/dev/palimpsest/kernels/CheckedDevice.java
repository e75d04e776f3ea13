/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

/**
 * What devices ask of the arguments of latent diffusion's ops: the same on each, in the same words.
 * The ops exclude each other, by the device's monitor.
 */
public abstract class CheckedDevice implements Device {
  /**
   * Before each op.
   *
   * @throws IllegalStateException if the device is closed
   */
  protected abstract void enter(String op);

  /**
   * Refuses a tensor that is not this device's, or not of {@code dtype} with {@code rows} rows of
   * {@code width} at least.
   *
   * @param role of the tensor in the op, for the message
   * @throws IllegalArgumentException if it does not fit
   * @throws IllegalStateException if it was freed
   */
  protected abstract void tensor(
      String op, String role, Tensor t, DType dtype, int rows, int width);

  /** Who computes; has to check of its arguments only whose the tables and codebooks are. */
  protected abstract LatentOps unchecked();

  @Override
  public final synchronized Codebook codebook(WeightView codes, int groups) {
    enter("codebook");
    return unchecked().codebook(codes, groups);
  }

  @Override
  public final synchronized void embedAdd(EmbeddingTable table, int[] index, int rows, Tensor x) {
    enter("embedAdd");
    tensor("embedAdd", "x", x, DType.F32, rows, table.width());
    indices("embedAdd", "index", index, rows, 0, table.vocabulary());
    unchecked().embedAdd(table, index, rows, x);
  }

  @Override
  public final synchronized void timeFeatures(float[] times, int count, Tensor out) {
    enter("timeFeatures");
    tensor("timeFeatures", "out", out, f32OrCompute(out), count, out.width());
    if (times.length < count || out.width() % 2 != 0) {
      throw new IllegalArgumentException(
          "timeFeatures: wants %d times and an even width; found %d and %d"
              .formatted(count, times.length, out.width()));
    }
    unchecked().timeFeatures(times, count, out);
  }

  @Override
  public final synchronized void adaNorm(
      Tensor x, int rows, float eps, Modulation by, int column, Tensor out) {
    enter("adaNorm");
    tensor("adaNorm", "x", x, DType.F32, rows, x.width());
    tensor("adaNorm", "out", out, f32OrCompute(out), rows, x.width());
    modulation("adaNorm", by, rows, column, 2 * x.width());
    unchecked().adaNorm(x, rows, eps, by, column, out);
  }

  @Override
  public final synchronized void adaNormRows(
      Tensor x, int[] index, int count, float eps, Modulation by, int column, Tensor out) {
    enter("adaNormRows");
    tensor("adaNormRows", "x", x, DType.F32, 0, x.width());
    indices("adaNormRows", "index", index, count, 0, Math.min(x.rows(), by.rowOf().length));
    int last = -1;
    for (int i = 0; i < count; i++) {
      last = Math.max(last, index[i]);
    }
    tensor("adaNormRows", "out", out, f32OrCompute(out), count, x.width());
    modulation("adaNormRows", by, last + 1, column, 2 * x.width());
    distinct("adaNormRows", x, out);
    if (count > 0) {
      unchecked().adaNormRows(x, index, count, eps, by, column, out);
    }
  }

  @Override
  public final synchronized void convolutionInput(
      Tensor x, RowSpans spans, int groups, float eps, Tensor out) {
    enter("convolutionInput");
    convolution(x, spans, groups, out);
    unchecked().convolutionInput(x, spans, groups, eps, out);
  }

  @Override
  public final synchronized void convolutionInput(
      Tensor x, RowSpans spans, int groups, float eps, Modulation by, int column, Tensor out) {
    enter("convolutionInput");
    convolution(x, spans, groups, out);
    modulation("convolutionInput", by, spans.rows(), column, 2 * x.width());
    unchecked().convolutionInput(x, spans, groups, eps, by, column, out);
  }

  private void convolution(Tensor x, RowSpans spans, int groups, Tensor out) {
    tensor("convolutionInput", "x", x, DType.F32, spans.rows(), x.width());
    tensor("convolutionInput", "out", out, computeType(), spans.rows(), 3 * x.width());
    if (groups <= 0 || x.width() % groups != 0) {
      throw new IllegalArgumentException(
          "convolutionInput: a width of %d is not %d groups of equal size"
              .formatted(x.width(), groups));
    }
  }

  @Override
  public final synchronized void gateAdd(
      Tensor accumulator, int rows, Tensor y, Modulation by, int column) {
    enter("gateAdd");
    tensor("gateAdd", "accumulator", accumulator, DType.F32, rows, y.width());
    tensor("gateAdd", "y", y, DType.F32, rows, accumulator.width());
    modulation("gateAdd", by, rows, column, y.width());
    unchecked().gateAdd(accumulator, rows, y, by, column);
  }

  @Override
  public final synchronized void downsample(
      Tensor x, RowSpans spans, Tensor taps, RowSpans half, Tensor out) {
    enter("downsample");
    tensor("downsample", "x", x, DType.F32, spans.rows(), out.width());
    tensor("downsample", "taps", taps, DType.F32, 1, 4 * x.width());
    tensor("downsample", "out", out, computeType(), half.rows(), x.width());
    halves("downsample", spans, half);
    unchecked().downsample(x, spans, taps, half, out);
  }

  @Override
  public final synchronized void upsampleAdd(
      Tensor h, RowSpans half, Tensor gate, RowSpans spans, Tensor x) {
    enter("upsampleAdd");
    tensor("upsampleAdd", "h", h, DType.F32, half.rows(), x.width());
    tensor("upsampleAdd", "gate", gate, DType.F32, 1, x.width());
    tensor("upsampleAdd", "x", x, DType.F32, spans.rows(), h.width());
    halves("upsampleAdd", spans, half);
    unchecked().upsampleAdd(h, half, gate, spans, x);
  }

  @Override
  public final synchronized void gather(Tensor x, int[] index, int count, Tensor out) {
    enter("gather");
    tensor("gather", "x", x, DType.F32, 0, out.width());
    tensor("gather", "out", out, f32OrCompute(out), count, out.width());
    indices("gather", "index", index, count, -1, x.rows());
    distinct("gather", x, out);
    unchecked().gather(x, index, count, out);
  }

  @Override
  public final synchronized void nearestCodes(Tensor x, int rows, Codebook codebook, int[] codes) {
    enter("nearestCodes");
    tensor("nearestCodes", "x", x, DType.F32, rows, codebook.width());
    if (codes.length < rows * codebook.groups()) {
      throw new IllegalArgumentException(
          "nearestCodes: %d rows of %d groups want as many codes; found %d"
              .formatted(rows, codebook.groups(), codes.length));
    }
    unchecked().nearestCodes(x, rows, codebook, codes);
  }

  @Override
  public final synchronized void latents(
      Codebook codebook, int[] codes, int[] slots, int count, Tensor state) {
    enter("latents");
    tensor("latents", "state", state, DType.F32, 0, 2 * codebook.width());
    indices("latents", "slot", slots, count, 0, state.rows());
    indices("latents", "code", codes, count * codebook.groups(), 0, codebook.codes());
    unchecked().latents(codebook, codes, slots, count, state);
  }

  @Override
  public final synchronized void renoise(RenoiseRows rows, Tensor state) {
    enter("renoise");
    tensor("renoise", "state", state, DType.F32, 0, state.width());
    for (int i = 0; i < rows.size(); i++) {
      slot("renoise", rows.slot(i), 0, state);
    }
    unchecked().renoise(rows, state);
  }

  @Override
  public final synchronized void denoise(
      Tensor logits, Codebook codebook, DenoiseRows wanted, Tensor state, Denoised out) {
    enter("denoise");
    tensor("denoise", "logits", logits, DType.F32, 0, codebook.logits());
    tensor("denoise", "state", state, DType.F32, 0, 2 * codebook.width());
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
    out.resize(wanted.size(), codebook.groups());
    unchecked().denoise(logits, codebook, wanted, state, out);
  }

  /** What an op writes that takes either type. */
  protected final DType f32OrCompute(Tensor out) {
    return out.dtype() == DType.F32 ? DType.F32 : computeType();
  }

  private static void distinct(String op, Tensor x, Tensor out) {
    if (x.memory().address() == out.memory().address()) {
      throw new IllegalArgumentException(op + ": out must not be x");
    }
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

  private void modulation(String op, Modulation by, int rows, int column, int width) {
    tensor(op, "modulation", by.table(), DType.F32, 0, by.table().width());
    if (column < 0 || column > by.table().width() - width) {
      throw new IllegalArgumentException(
          "%s: columns %d to %d are outside a modulation of %d"
              .formatted(op, column, column + width - 1, by.table().width()));
    }
    indices(op, "modulation row", by.rowOf(), rows, 0, by.table().rows());
  }
}
