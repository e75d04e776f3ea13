/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.kernels.CheckedDevice;
import dev.palimpsest.kernels.Codebook;
import dev.palimpsest.kernels.DenoiseRows;
import dev.palimpsest.kernels.Denoised;
import dev.palimpsest.kernels.EmbeddingTable;
import dev.palimpsest.kernels.LatentOps;
import dev.palimpsest.kernels.Modulation;
import dev.palimpsest.kernels.RenoiseRows;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.WeightView;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** The ops of latent diffusion, for arguments that {@link CheckedDevice} has checked. */
final class CpuLatentOps implements LatentOps {
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
        kernels instanceof PlainRowKernels
            ? new PlainLatentKernels()
            : new SeparateLatentKernels(new VectorLatentKernels());
    conditioning = new Conditioning(team, latent);
    resampling = new Resampling(team, kernels, latent);
    denoising = new Denoising(team, kernels);
  }

  @Override
  public Codebook codebook(WeightView codes, int groups) {
    WeightArguments.codebook(codes, groups);
    int elements = Math.multiplyExact(codes.dimension(0), codes.dimension(1));
    float[] values = new float[elements];
    Dequantizer.read(codes, 0, elements, MemorySegment.ofArray(values), 0);
    return new CpuCodebook(device, values, groups, codes.dimension(1), kernels.panelWidth());
  }

  private CpuCodebook own(String op, Codebook codebook) {
    if (!(codebook instanceof CpuCodebook book) || !book.of(device)) {
      throw new IllegalArgumentException(op + ": the codebook was made by another device");
    }
    return book;
  }

  @Override
  public void embedAdd(EmbeddingTable table, int[] index, int rows, Tensor x) {
    CpuTable t = device.ownTable("embedAdd", table);
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

  @Override
  public void timeFeatures(float[] times, int count, Tensor out) {
    int half = out.width() / 2;
    for (int j = 0; j < half; j++) {
      double frequency = 1000 * Math.pow(10_000, -(double) j / half);
      for (int i = 0; i < count; i++) {
        double angle = frequency * times[i];
        int at = i * out.width() + 2 * j;
        PlainRowKernels.store(out.memory(), 0, out.dtype(), at, (float) Math.cos(angle));
        PlainRowKernels.store(out.memory(), 0, out.dtype(), at + 1, (float) Math.sin(angle));
      }
    }
  }

  @Override
  public void adaNorm(Tensor x, int rows, float eps, Modulation by, int column, Tensor out) {
    conditioning.norm(x, ALL, rows, eps, by, column, out);
  }

  @Override
  public void adaNormRows(
      Tensor x, int[] index, int count, float eps, Modulation by, int column, Tensor out) {
    conditioning.norm(x, index, count, eps, by, column, out);
  }

  @Override
  public void convolutionInput(Tensor x, RowSpans spans, int groups, float eps, Tensor out) {
    conditioning.convolution(x, spans, groups, eps, Optional.empty(), 0, out);
  }

  @Override
  public void convolutionInput(
      Tensor x, RowSpans spans, int groups, float eps, Modulation by, int column, Tensor out) {
    conditioning.convolution(x, spans, groups, eps, Optional.of(by), column, out);
  }

  @Override
  public void gateAdd(Tensor accumulator, int rows, Tensor y, Modulation by, int column) {
    conditioning.gate(accumulator, rows, y, by, column);
  }

  @Override
  public void downsample(Tensor x, RowSpans spans, Tensor taps, RowSpans half, Tensor out) {
    resampling.down(x, spans, taps, half, out);
  }

  @Override
  public void upsampleAdd(Tensor h, RowSpans half, Tensor gate, RowSpans spans, Tensor x) {
    resampling.up(h, half, gate, spans, x);
  }

  @Override
  public void gather(Tensor x, int[] index, int count, Tensor out) {
    resampling.gather(x, index, count, out);
  }

  @Override
  public void nearestCodes(Tensor x, int rows, Codebook codebook, int[] codes) {
    denoising.nearest(x, rows, own("nearestCodes", codebook), codes);
  }

  @Override
  public void latents(Codebook codebook, int[] codes, int[] slots, int count, Tensor state) {
    denoising.latents(own("latents", codebook), codes, slots, count, state);
  }

  @Override
  public void renoise(RenoiseRows rows, Tensor state) {
    denoising.renoise(rows, state);
  }

  @Override
  public void denoise(
      Tensor logits, Codebook codebook, DenoiseRows wanted, Tensor state, Denoised out) {
    denoising.denoise(logits, own("denoise", codebook), wanted, state, out);
  }
}
