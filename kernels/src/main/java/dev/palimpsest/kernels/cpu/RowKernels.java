/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.kernels.DType;
import java.lang.foreign.MemorySegment;

/**
 * The inner loops of all ops, on rows in native memory or scratch arrays; two implementations that
 * compute the same with and without the Vector API. Offsets into segments are in bytes, into arrays
 * in elements. Nothing here checks shapes: the ops have.
 */
interface RowKernels {
  /** For the log: who computes. */
  String describe();

  /** Columns of {@code c} that one {@link #multiply} fills. */
  int panelWidth();

  /**
   * {@code c[r][j] = Σ a[r][i]·panel[i][j]} (added to {@code c} when {@code accumulate}) for {@code
   * panelWidth()} columns j; the sum runs over ascending i by fused multiply-adds, whatever {@code
   * rows} is.
   *
   * @param lda elements from row to row of {@code a}
   * @param panel {@code [k][panelWidth()]}
   * @param ldc elements from row to row of {@code c}
   */
  void multiply(
      float[] a,
      int aAt,
      int lda,
      int rows,
      float[] panel,
      int panelAt,
      int k,
      float[] c,
      int cAt,
      int ldc,
      boolean accumulate);

  /**
   * As above with panels in native memory.
   *
   * @param panelStride elements from row to row of {@code panel}
   */
  void multiply(
      float[] a,
      int aAt,
      int lda,
      int rows,
      MemorySegment panel,
      long panelAt,
      int panelStride,
      int k,
      float[] c,
      int cAt,
      int ldc,
      boolean accumulate);

  /** {@code out = x / sqrt(mean(x²) + eps) · weight}; {@code out} f32 or bf16, may be {@code x}. */
  void rmsNorm(
      MemorySegment x,
      long xAt,
      int n,
      MemorySegment weight,
      float eps,
      MemorySegment out,
      long outAt,
      DType outType);

  /** {@code (a, b) ← (a·cos − b·sin, b·cos + a·sin)} for a = x[i], b = x[i + half]. */
  void rotateHalves(MemorySegment x, long xAt, int half, float[] cos, float[] sin, int tableAt);

  /** {@code x += y}, f32. */
  void add(MemorySegment x, long xAt, MemorySegment y, long yAt, int n);

  /**
   * {@code out = silu(gate)·up} for a block of rows {@code [rows][2·width]}, each holding {@code
   * width} elements of the gate and then of the up projection.
   *
   * @param out f32 or bf16
   * @param outStride bytes from row to row of {@code out}
   */
  void gatedSilu(
      MemorySegment gateUp,
      int rows,
      int width,
      MemorySegment out,
      long outAt,
      long outStride,
      DType outType);

  /** bf16 to f32. */
  void widen(MemorySegment bf16, long at, float[] out, int outAt, int n);

  /** f32 to bf16, to nearest even. */
  void narrow(MemorySegment f32, long at, MemorySegment bf16, long outAt, int n);

  /** f32 to bf16, to nearest even, into every other element: those at {@code 2·i + half}. */
  void interleave(MemorySegment f32, long at, int n, MemorySegment bf16, long outAt, int half);

  /**
   * Rounds a row to {@code u8}: {@code x ≈ scale·(q − zeroPoint)}, the range of x and 0 spread over
   * 0 … 255 (Jacob et al., 2018). A row that holds NaN or an infinity gets the scale NaN, one of
   * zeros the scale 0.
   *
   * @param scales receives the scale at {@code row}
   * @param zeroPoints receives the zero point, 0 … 255, at {@code row}
   */
  void quantize(
      float[] x, int n, MemorySegment out, long outAt, float[] scales, int[] zeroPoints, int row);

  /**
   * {@code out[c] = (float) (sums[c] − zeroPoint·columnSums[column + c])·columnScales[column +
   * c]·scale}, multiplied from left to right; added to {@code out} when {@code add}.
   *
   * @param sums s32; {@code out} may be the same memory
   */
  void dequantize(
      MemorySegment sums,
      long at,
      int n,
      float scale,
      int zeroPoint,
      int[] columnSums,
      float[] columnScales,
      int column,
      MemorySegment out,
      long outAt,
      boolean add);

  /** s8 or u8 to f32. */
  void widenBytes(MemorySegment bytes, long at, boolean signed, float[] out, int outAt, int n);

  /** {@code sums = x} for whole numbers x, or {@code sums += x}; s32. */
  void storeWhole(float[] x, int at, int n, MemorySegment sums, long sumsAt, boolean add);

  /**
   * The numerators of a softmax, in place: {@code exp(score − max)} for the first {@code seen}
   * scores and 0 for the rest.
   *
   * @param n a multiple of {@link #panelWidth}
   * @param max {@code [row]} receives the largest score, −∞ if none is seen
   * @return their sum
   */
  float softmax(float[] scores, int at, int seen, int n, float[] max, int row);

  /**
   * As above for rows of scores yet to be multiplied with {@code scale} &gt; 0, into bf16, which
   * the sum does not feel. Scores that are not seen may be anything, and are not kept.
   *
   * @param scores f32 {@code [rows][n]}
   * @param seen how many scores of each row are
   * @param n a multiple of 64
   * @param out bf16 {@code [rows][n]}
   * @param max {@code [row]} receives the largest score, −∞ if none is seen
   * @param sum {@code [row]} receives their sum
   */
  void softmax(
      MemorySegment scores,
      int[] seen,
      int rows,
      int n,
      float scale,
      MemorySegment out,
      float[] max,
      float[] sum);

  /** {@code x = x·before + y·now}. */
  void fold(MemorySegment x, long xAt, float before, MemorySegment y, long yAt, float now, int n);

  /** {@code out = x·factor} from native memory. */
  void loadScaled(MemorySegment x, long xAt, int n, float factor, float[] out, int outAt);

  /** {@code out = x·factor}; {@code out} f32 or bf16. */
  void storeScaled(
      MemorySegment x, long at, int n, float factor, MemorySegment out, long outAt, DType outType);

  /** {@code c = u + strength·(c − u)}. */
  void guide(float[] c, float[] u, int n, float strength);

  /** The largest and the second largest (equal when tied) of {@code x}; NaN is passed over. */
  void topTwo(float[] x, int n, float[] two);

  /**
   * {@code e = exp((x − max)·inverseTemperature)}.
   *
   * @param sums receives Σ e and Σ e·(x − max)·inverseTemperature; NaN when x holds one
   */
  void exponentials(
      float[] x, int n, float max, float inverseTemperature, float[] e, double[] sums);

  /**
   * {@code Σ p·ln(1 + 1e-10/p)} for {@code p = e·scale}: what the 1e-10 in {@code Σ p·ln(p +
   * 1e-10)} adds.
   */
  double entropyFloor(float[] e, int n, double scale);

  /** Σ e[i] over {@code x[i] > threshold}. */
  double sumAbove(float[] x, float[] e, int n, float threshold);

  /** How many {@code x[i] > threshold}. */
  int countAbove(float[] x, int n, float threshold);
}
