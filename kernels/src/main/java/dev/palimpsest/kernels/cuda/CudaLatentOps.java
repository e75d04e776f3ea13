/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.CheckedDevice;
import dev.palimpsest.kernels.Codebook;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.DenoiseRows;
import dev.palimpsest.kernels.Denoised;
import dev.palimpsest.kernels.EmbeddingTable;
import dev.palimpsest.kernels.LatentOps;
import dev.palimpsest.kernels.Modulation;
import dev.palimpsest.kernels.RenoiseRows;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.kernels.cpu.WeightArguments;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** The ops of latent diffusion, for arguments that {@link CheckedDevice} has checked. */
final class CudaLatentOps implements LatentOps {
  private static final int[] ALL = {};

  private final CudaDevice device;
  private final DeviceMemory memory;
  private final Upload upload;
  private final Conditioning conditioning;
  private final Resampling resampling;
  private final Denoising denoising;

  CudaLatentOps(
      CudaDevice device, CudaContext context, DeviceMemory memory, Modules modules, Upload upload) {
    this.device = device;
    this.memory = memory;
    this.upload = upload;
    StepArrays arrays = new StepArrays(context, memory);
    conditioning = new Conditioning(modules, arrays);
    resampling = new Resampling(modules, arrays);
    denoising = new Denoising(context, memory, modules, arrays);
  }

  @Override
  public Codebook codebook(WeightView codes, int groups) {
    WeightArguments.codebook(codes, groups);
    int rows = codes.dimension(0);
    int width = codes.dimension(1);
    MemorySegment block = memory.allocate(4L * rows * width);
    upload.rows(
        rows,
        4L * width,
        block.address(),
        (row, out, at, worker) ->
            upload.element(codes, (long) row * width, width, DType.F32, out, at, worker));
    return new CudaCodebook(device, groups, rows / groups, width, block);
  }

  private CudaCodebook own(String op, Codebook codebook) {
    if (!(codebook instanceof CudaCodebook book) || book.owner() != device) {
      throw new IllegalArgumentException(op + ": the codebook was made by another device");
    }
    return book;
  }

  @Override
  public void embedAdd(EmbeddingTable table, int[] index, int rows, Tensor x) {
    conditioning.embedAdd(device.ownTable("embedAdd", table), index, rows, x);
  }

  @Override
  public void timeFeatures(float[] times, int count, Tensor out) {
    conditioning.timeFeatures(times, count, out);
  }

  @Override
  public void adaNorm(Tensor x, int rows, float eps, Modulation by, int column, Tensor out) {
    conditioning.norm(x, ALL, rows, rows, eps, by, column, out);
  }

  @Override
  public void adaNormRows(
      Tensor x, int[] index, int count, float eps, Modulation by, int column, Tensor out) {
    int last = 0;
    for (int i = 0; i < count; i++) {
      last = Math.max(last, index[i]);
    }
    conditioning.norm(x, index, count, last + 1, eps, by, column, out);
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
    conditioning.gateAdd(accumulator, rows, y, by, column);
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
    CudaCodebook book = own("nearestCodes", codebook);
    if (rows > 0) {
      denoising.nearest(x, rows, book, codes);
    }
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
    CudaCodebook book = own("denoise", codebook);
    if (wanted.size() > 0) {
      denoising.denoise(logits, book, wanted, state, out);
    }
  }
}
