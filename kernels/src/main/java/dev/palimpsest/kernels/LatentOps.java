/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

/**
 * The ops of a {@link Device} that latent diffusion needs beside those of a transformer: 1-D
 * convolutions, conditioning on time, two resolutions, codes, and the denoising step itself.
 *
 * <p>The <em>latent state</em> of all requests lies in one f32 tensor {@code [slots][2·width]} that
 * stays on the device between steps: each slot is one position, {@code [z | x̂0]}, its noisy latent
 * and the last estimate of its clean one. Who hands out slots, and what is in them, is the caller's
 * affair; no two entries of one op may name the same slot.
 *
 * <p>All that holds of {@link Device} holds here: same bits for a row in any batch, {@link
 * IllegalArgumentException} for shapes that do not fit.
 */
public interface LatentOps {
  /**
   * Uses {@code codes} {@code [groups·n][width of a group]} as the codebook of a product quantiser:
   * n codes for each group, one group after the other. The view may be closed afterwards.
   *
   * @param groups divides the rows
   */
  Codebook codebook(WeightView codes, int groups);

  /** {@code x[i] += table[index[i]]} for i &lt; rows; x is f32. */
  void embedAdd(EmbeddingTable table, int[] index, int rows, Tensor x);

  /**
   * What a network sees of times t: {@code out[i][2j] = cos(ω_j·1000·t_i)}, {@code out[i][2j+1] =
   * sin(ω_j·1000·t_i)} with {@code ω_j = 10000^(−2j/width)}, for i &lt; count. Angles are computed
   * in double precision.
   *
   * @param out {@link Device#computeType}, of an even width
   */
  void timeFeatures(float[] times, int count, Tensor out);

  /**
   * Adaptive RMS norm without a weight of its own (AdaLN of Peebles and Xie, DiT, 2022): {@code
   * out[i] = x[i] / sqrt(mean(x[i]²) + eps) · (1 + scale) + shift}, where scale is at {@code
   * column} of row i's modulation, and shift follows it; each has the width of x.
   *
   * @param x f32
   * @param out f32, or {@link Device#computeType}
   */
  void adaNorm(Tensor x, int rows, float eps, Modulation modulation, int column, Tensor out);

  /**
   * As {@link #adaNorm} for chosen rows: {@code out[i]} is that of row {@code index[i]}, i &lt;
   * count, modulation included.
   */
  void adaNormRows(
      Tensor x, int[] index, int count, float eps, Modulation modulation, int column, Tensor out);

  /**
   * The input rows of a convolution of width 3, so that a linear map {@code [out][3·width]} is the
   * convolution: {@code out[i] = [y(i − 1) | y(i) | y(i + 1)]}, zeros beyond the ends of row i's
   * sequence, of {@code y = silu(groupNorm(x))}.
   *
   * <p>Group norm (Wu and He, 2018) without weights, of each row by itself: the channels are cut
   * into {@code groups} equal parts, and each becomes {@code (x − mean) / sqrt(variance + eps)}.
   * Nothing depends on the length of the sequence.
   *
   * @param x f32
   * @param groups divides the width
   * @param out {@link Device#computeType} {@code [rows][3·width]}
   */
  void convolutionInput(Tensor x, RowSpans spans, int groups, float eps, Tensor out);

  /**
   * As above with {@code y = silu(groupNorm(x)·(1 + scale) + shift)} (FiLM; Perez et al., 2017);
   * scale and shift lie as in {@link #adaNorm}.
   */
  void convolutionInput(
      Tensor x,
      RowSpans spans,
      int groups,
      float eps,
      Modulation modulation,
      int column,
      Tensor out);

  /**
   * {@code accumulator[i] += gate · y[i]} for i &lt; rows, both f32; the gate is at {@code column}
   * of row i's modulation.
   */
  void gateAdd(Tensor accumulator, int rows, Tensor y, Modulation modulation, int column);

  /**
   * Halves the resolution: row j of a sequence of {@code half} is {@code Σ_k taps[k]·x[2j − 1 + k]}
   * for k from 0 to 3, element by element, of the same sequence of {@code spans}; rows beyond its
   * ends count as zeros.
   *
   * @param x f32 {@code [rows][width]}
   * @param taps one f32 row of {@code 4·width}: all taps 0, then all taps 1, …
   * @param half as many sequences as {@code spans}, of n rows where that has 2n − 1 or 2n
   * @param out {@link Device#computeType} {@code [half rows][width]}
   */
  void downsample(Tensor x, RowSpans spans, Tensor taps, RowSpans half, Tensor out);

  /**
   * Back to full resolution, through a gated skip: {@code x[i] += gate · h[⌊i / 2⌋]}, i counted
   * within each sequence.
   *
   * @param h f32 {@code [half rows][width]}
   * @param half as in {@link #downsample}
   * @param gate one f32 row
   * @param x f32 {@code [rows][width]}
   */
  void upsampleAdd(Tensor h, RowSpans half, Tensor gate, RowSpans spans, Tensor x);

  /**
   * {@code out[i] = x[index[i]]} for i &lt; count, and zeros where the index is −1.
   *
   * @param x f32, of the width of {@code out}
   * @param out f32, or {@link Device#computeType}; not x
   */
  void gather(Tensor x, int[] index, int count, Tensor out);

  /**
   * Quantises: the code of each group with the largest {@code ⟨x_g, code⟩}, ties to the lowest. For
   * codes of one length that is the nearest one to {@code x_g} brought to that length.
   *
   * @param x f32 {@code [rows][codebook.width()]}
   * @param codes receives code g of row i, counted within its group, at {@code i·groups + g}
   */
  void nearestCodes(Tensor x, int rows, Codebook codebook, int[] codes);

  /**
   * Writes the latents of known codes, as z and as estimate: {@code state[slots[i]] = [x | x]}, x
   * the codes of entry i side by side, for i &lt; count.
   *
   * @param codes as {@link #nearestCodes} gives them
   */
  void latents(Codebook codebook, int[] codes, int[] slots, int count, Tensor state);

  /**
   * Puts positions at a noisier time: {@code z ← keep·x̂0 + noise·ε} and {@code x̂0 ← 0}, the noise
   * being that of {@link LatentNoise#START}. Where {@code keep} is 0 nothing of the slot is read.
   */
  void renoise(RenoiseRows rows, Tensor state);

  /**
   * The denoising step, for positions of many requests at different times and of different solvers.
   * For each entry, with {@code l} its row of logits, guided where it has an unconditional row:
   *
   * <pre>
   *   p_g = softmax(l_g / temperature)     of each group; temperature 0: all on the largest
   *   x   = [Σ_k p_1k·code_1k | … ]
   *   z  ← a·z + b·x + c·x̂0 + n·ε          noise of {@link LatentNoise#STEP}
   *   x̂0 ← x
   * </pre>
   *
   * and what {@link Denoised} says of it. An entry of slot −1 is only looked at. If it throws, no
   * slot has changed.
   *
   * @param logits f32 {@code [rows][groups·codes + 1]}: the codes of all groups, then the logit of
   *     being right, which guidance leaves as it is
   */
  void denoise(Tensor logits, Codebook codebook, DenoiseRows wanted, Tensor state, Denoised out);
}
