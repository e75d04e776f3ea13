/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.kernels.DenoiseRows;
import dev.palimpsest.kernels.Denoised;
import dev.palimpsest.kernels.LatentNoise;
import dev.palimpsest.kernels.RenoiseRows;
import dev.palimpsest.kernels.SolverStep;
import dev.palimpsest.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** What is done to latents: codes found and weighed, the solver's step, noise. A row at a time. */
final class Denoising implements ThreadTeam.Job {
  private static final int TASK_ROWS = 4;

  private enum Op {
    NEAREST,
    LATENTS,
    RENOISE,
    /** Estimates alone: what may fail comes before anything is changed. */
    ESTIMATE,
    SOLVE
  }

  /** What one worker computes with. */
  private static final class Scratch {
    final Gaussian gaussian = new Gaussian();
    final float[] two = new float[2];
    final double[] sums = new double[2];
    float[] logits = new float[0];
    float[] unconditional = new float[0];
    float[] part = new float[0];
    float[] weights = new float[0];
    float[] panel = new float[0];
    float[] latent = new float[0];
    float[] previous = new float[0];
    float[] noise = new float[0];

    void reserve(CpuCodebook book) {
      int padded = Math.max(book.codePanels(), book.widthPanels()) * book.panelWidth;
      if (logits.length < book.logits() || part.length < padded || latent.length < book.width()) {
        logits = new float[book.logits()];
        unconditional = new float[book.logits()];
        part = new float[padded];
        weights = new float[padded];
        panel = new float[padded];
        reserve(book.width());
      }
    }

    void reserve(int width) {
      if (latent.length < width) {
        latent = new float[width];
        previous = new float[width];
        noise = new float[width];
      }
    }
  }

  private final ThreadTeam team;
  private final RowKernels kernels;
  private final Scratch[] scratch;

  private Op op = Op.NEAREST;
  private Tensor x;
  private CpuCodebook book;
  private int[] codes;
  private int[] slots;
  private int count;
  private Tensor state;
  private RenoiseRows renoised;
  private DenoiseRows wanted;
  private Denoised out;

  /** Of all entries, one after the other. */
  private float[] estimates = new float[0];

  Denoising(ThreadTeam team, RowKernels kernels) {
    this.team = team;
    this.kernels = kernels;
    scratch = new Scratch[team.size()];
    Arrays.setAll(scratch, i -> new Scratch());
  }

  void nearest(Tensor x, int rows, CpuCodebook book, int[] codes) {
    this.x = x;
    this.codes = codes;
    run(Op.NEAREST, rows, book);
  }

  void latents(CpuCodebook book, int[] codes, int[] slots, int count, Tensor state) {
    this.codes = codes;
    this.slots = slots;
    this.state = state;
    run(Op.LATENTS, count, book);
  }

  void renoise(RenoiseRows rows, Tensor state) {
    renoised = rows;
    this.state = state;
    for (Scratch s : scratch) {
      s.reserve(state.width() / 2);
    }
    start(Op.RENOISE, rows.size());
  }

  void denoise(Tensor logits, CpuCodebook book, DenoiseRows wanted, Tensor state, Denoised out) {
    x = logits;
    this.wanted = wanted;
    this.state = state;
    this.out = out;
    int elements = Math.multiplyExact(wanted.size(), book.width());
    if (estimates.length < elements) {
      estimates = new float[Math.max(elements, 2 * estimates.length)];
    }
    run(Op.ESTIMATE, wanted.size(), book);
    start(Op.SOLVE, wanted.size());
  }

  private void run(Op op, int count, CpuCodebook book) {
    this.book = book;
    for (Scratch s : scratch) {
      s.reserve(book);
    }
    start(op, count);
  }

  private void start(Op op, int count) {
    this.op = op;
    this.count = count;
    team.run(this, (count + TASK_ROWS - 1) / TASK_ROWS);
  }

  @Override
  public void run(int task, int worker) {
    int end = Math.min(count, (task + 1) * TASK_ROWS);
    for (int i = task * TASK_ROWS; i < end; i++) {
      switch (op) {
        case NEAREST -> nearest(i, scratch[worker]);
        case LATENTS -> latents(i);
        case RENOISE -> renoise(i, scratch[worker]);
        case ESTIMATE -> estimate(i, scratch[worker]);
        case SOLVE -> solve(i, scratch[worker]);
      }
    }
  }

  private void nearest(int row, Scratch s) {
    int d = book.groupWidth();
    for (int g = 0; g < book.groups(); g++) {
      long at = 4L * ((long) row * book.width() + g * d);
      MemorySegment.copy(x.memory(), JAVA_FLOAT, at, s.latent, 0, d);
      for (int p = 0; p < book.codePanels(); p++) {
        kernels.multiply(
            s.latent,
            0,
            d,
            1,
            book.compared,
            book.comparedPanel(g, p),
            d,
            s.part,
            p * book.panelWidth,
            book.panelWidth,
            false);
      }
      int best = 0;
      for (int k = 1; k < book.codes(); k++) {
        best = s.part[k] > s.part[best] ? k : best;
      }
      codes[row * book.groups() + g] = best;
    }
  }

  private void latents(int i) {
    int d = book.groupWidth();
    for (int g = 0; g < book.groups(); g++) {
      int from = (g * book.codes() + codes[i * book.groups() + g]) * d;
      long at = slot(slots[i]) + 4L * g * d;
      MemorySegment.copy(book.values, from, state.memory(), JAVA_FLOAT, at, d);
      MemorySegment.copy(book.values, from, state.memory(), JAVA_FLOAT, at + estimateAt(), d);
    }
  }

  private long slot(int slot) {
    return 4L * slot * state.width();
  }

  /** Bytes from a slot's latent to its estimate. */
  private long estimateAt() {
    return 2L * state.width();
  }

  private void renoise(int i, Scratch s) {
    int width = state.width() / 2;
    long at = slot(renoised.slot(i));
    s.gaussian.fill(
        renoised.seed(i),
        renoised.step(i),
        renoised.position(i),
        LatentNoise.START,
        width,
        s.noise);
    float noise = renoised.noise(i);
    float keep = renoised.keep(i);
    for (int j = 0; j < width; j++) {
      s.latent[j] = noise * s.noise[j];
    }
    if (keep != 0) {
      MemorySegment.copy(state.memory(), JAVA_FLOAT, at + estimateAt(), s.previous, 0, width);
      for (int j = 0; j < width; j++) {
        s.latent[j] = Math.fma(keep, s.previous[j], s.latent[j]);
      }
    }
    MemorySegment.copy(s.latent, 0, state.memory(), JAVA_FLOAT, at, width);
    state.memory().asSlice(at + estimateAt(), 4L * width).fill((byte) 0);
  }

  private void estimate(int i, Scratch s) {
    int all = book.groups() * book.codes();
    read(wanted.row(i), s.logits);
    double quality = 1 / (1 + Math.exp(-s.logits[all]));
    if (wanted.unconditionalRow(i) >= 0) {
      read(wanted.unconditionalRow(i), s.unconditional);
      kernels.guide(s.logits, s.unconditional, all, wanted.guidance(i) + 1);
    }
    double confidence = 1;
    double entropy = 0;
    for (int g = 0; g < book.groups(); g++) {
      System.arraycopy(s.logits, g * book.codes(), s.part, 0, book.codes());
      kernels.topTwo(s.part, book.codes(), s.two);
      kernels.exponentials(s.part, book.codes(), s.two[0], 1, s.weights, s.sums);
      if (!(s.sums[0] < Double.POSITIVE_INFINITY)) {
        throw new IllegalStateException(
            "denoise: the logits of position %d hold NaN or infinity; the weights or activations are broken"
                .formatted(wanted.position(i)));
      }
      confidence /= s.sums[0];
      entropy += Math.log(s.sums[0]) - s.sums[1] / s.sums[0];
      int code = first(s.part, s.two[0]);
      out.setCode(i, g, code);
      estimate(g, code, wanted.temperature(i), i * book.width() + g * book.groupWidth(), s);
    }
    out.set(i, confidence, entropy, quality);
  }

  private void read(int row, float[] logits) {
    int n = book.logits();
    MemorySegment.copy(x.memory(), JAVA_FLOAT, 4L * row * n, logits, 0, n);
  }

  private static int first(float[] values, float wanted) {
    int i = 0;
    while (values[i] != wanted) {
      i++;
    }
    return i;
  }

  /** The mean of a group's codes, to element {@code at} of the estimates. */
  private void estimate(int g, int code, float temperature, int at, Scratch s) {
    int d = book.groupWidth();
    if (temperature == 0) {
      System.arraycopy(book.values, (g * book.codes() + code) * d, estimates, at, d);
      return;
    }
    if (temperature != 1) {
      // Finite even for the smallest temperatures: 0 times infinity would be NaN.
      float inverse = Math.min(1 / temperature, Float.MAX_VALUE);
      kernels.exponentials(s.part, book.codes(), s.two[0], inverse, s.weights, s.sums);
    }
    for (int p = 0; p < book.widthPanels(); p++) {
      kernels.multiply(
          s.weights,
          0,
          book.codes(),
          1,
          book.weighed,
          book.weighedPanel(g, p),
          book.codes(),
          s.panel,
          p * book.panelWidth,
          book.panelWidth,
          false);
    }
    float scale = (float) (1 / s.sums[0]);
    for (int j = 0; j < d; j++) {
      estimates[at + j] = s.panel[j] * scale;
    }
  }

  private void solve(int i, Scratch s) {
    if (wanted.slot(i) < 0) {
      return;
    }
    int width = book.width();
    int first = i * width;
    SolverStep step = wanted.solver(i);
    long at = slot(wanted.slot(i));
    MemorySegment.copy(state.memory(), JAVA_FLOAT, at, s.latent, 0, width);
    for (int j = 0; j < width; j++) {
      s.latent[j] = Math.fma(step.estimate(), estimates[first + j], step.latent() * s.latent[j]);
    }
    if (step.previous() != 0) {
      MemorySegment.copy(state.memory(), JAVA_FLOAT, at + estimateAt(), s.previous, 0, width);
      for (int j = 0; j < width; j++) {
        s.latent[j] = Math.fma(step.previous(), s.previous[j], s.latent[j]);
      }
    }
    if (step.noise() != 0) {
      s.gaussian.fill(
          wanted.seed(i), wanted.step(i), wanted.position(i), LatentNoise.STEP, width, s.noise);
      for (int j = 0; j < width; j++) {
        s.latent[j] = Math.fma(step.noise(), s.noise[j], s.latent[j]);
      }
    }
    MemorySegment.copy(s.latent, 0, state.memory(), JAVA_FLOAT, at, width);
    MemorySegment.copy(estimates, first, state.memory(), JAVA_FLOAT, at + estimateAt(), width);
  }
}
