/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.palimpsest.kernels.DType;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * The inner loops by the Vector API. Loaded only when the module {@code jdk.incubator.vector} is
 * present; what does not fill a vector goes through the same arithmetic one by one.
 */
final class VectorRowKernels implements RowKernels {
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();
  private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Integer> I = F.withLanes(int.class);
  private static final VectorSpecies<Double> D = F.withLanes(double.class);
  private static final VectorSpecies<Short> HALF =
      VectorSpecies.of(short.class, VectorShape.forBitSize(F.vectorBitSize() / 2));
  private static final int L = F.length();
  private static final int PANEL = 2 * L;

  @Override
  public String describe() {
    return "Vector API " + F.vectorBitSize() + " bits";
  }

  @Override
  public int panelWidth() {
    return PANEL;
  }

  // ---- sums over lanes ----

  // reduceLanes(ADD) leaves the order of additions open, and the interpreter and the compiler take
  // different ones: the same row would not always get the same bits. These fold halves.

  private static final VectorShuffle<Float> FOLD_32 = fold(F, 32);
  private static final VectorShuffle<Float> FOLD_16 = fold(F, 16);
  private static final VectorShuffle<Float> FOLD_8 = fold(F, 8);
  private static final VectorShuffle<Float> FOLD_4 = fold(F, 4);
  private static final VectorShuffle<Float> FOLD_2 = fold(F, 2);
  private static final VectorShuffle<Double> DOUBLE_FOLD_16 = fold(D, 16);
  private static final VectorShuffle<Double> DOUBLE_FOLD_8 = fold(D, 8);
  private static final VectorShuffle<Double> DOUBLE_FOLD_4 = fold(D, 4);
  private static final VectorShuffle<Double> DOUBLE_FOLD_2 = fold(D, 2);

  /** Brings the upper half of the first {@code lanes} lanes down. */
  private static <E> VectorShuffle<E> fold(VectorSpecies<E> species, int lanes) {
    return species.shuffleFromOp(i -> (i + lanes / 2) % species.length());
  }

  static float total(FloatVector v) {
    v = L >= 32 ? v.add(v.rearrange(FOLD_32)) : v;
    v = L >= 16 ? v.add(v.rearrange(FOLD_16)) : v;
    v = L >= 8 ? v.add(v.rearrange(FOLD_8)) : v;
    v = L >= 4 ? v.add(v.rearrange(FOLD_4)) : v;
    return v.add(v.rearrange(FOLD_2)).lane(0);
  }

  static double total(DoubleVector v) {
    v = L >= 32 ? v.add(v.rearrange(DOUBLE_FOLD_16)) : v;
    v = L >= 16 ? v.add(v.rearrange(DOUBLE_FOLD_8)) : v;
    v = L >= 8 ? v.add(v.rearrange(DOUBLE_FOLD_4)) : v;
    return v.add(v.rearrange(DOUBLE_FOLD_2)).lane(0);
  }

  // ---- exp, bf16 ----

  // Constants as vectors: broadcasting them where they are used costs the JIT so much of its
  // inlining
  // budget that it may give up on a loop and box every vector in it.
  private static final FloatVector ZERO = FloatVector.zero(F);
  private static final ShortVector NOTHING = ShortVector.zero(HALF);
  private static final FloatVector ONE = broadcast(1f);
  private static final FloatVector LOG2_E = broadcast(Exponential.LOG2_E);
  private static final FloatVector ROUND = broadcast(Exponential.ROUND);
  private static final FloatVector MINUS_LN2_HIGH = broadcast(-Exponential.LN2_HIGH);
  private static final FloatVector MINUS_LN2_LOW = broadcast(-Exponential.LN2_LOW);
  private static final FloatVector C7 = broadcast(Exponential.C7);
  private static final FloatVector C6 = broadcast(Exponential.C6);
  private static final FloatVector C5 = broadcast(Exponential.C5);
  private static final FloatVector C4 = broadcast(Exponential.C4);
  private static final FloatVector C3 = broadcast(Exponential.C3);
  private static final FloatVector C2 = broadcast(Exponential.C2);
  private static final FloatVector T5 = broadcast(Exponential.T5);
  private static final FloatVector T4 = broadcast(Exponential.T4);
  private static final FloatVector T3 = broadcast(Exponential.T3);
  private static final FloatVector T2 = broadcast(Exponential.T2);
  private static final FloatVector T1 = broadcast(Exponential.T1);
  private static final FloatVector LOWEST_POWER = broadcast(Exponential.LOWEST_POWER);
  private static final FloatVector LOWEST = broadcast(Exponential.LOWEST);
  private static final FloatVector HIGHEST = broadcast(Exponential.HIGHEST);

  /** exp(x) for x ≤ {@link Exponential#HIGHEST}. */
  static FloatVector exp(FloatVector x) {
    FloatVector shifted = x.fma(LOG2_E, ROUND);
    FloatVector n = shifted.sub(ROUND);
    FloatVector r = n.fma(MINUS_LN2_HIGH, x);
    r = n.fma(MINUS_LN2_LOW, r);
    FloatVector p = r.fma(C7, C6);
    p = p.fma(r, C5);
    p = p.fma(r, C4);
    p = p.fma(r, C3);
    p = p.fma(r, C2);
    p = p.fma(r.mul(r), r).add(ONE);
    FloatVector e =
        p.reinterpretAsInts()
            .add(shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
            .reinterpretAsFloats();
    return e.blend(ZERO, x.compare(VectorOperators.LT, LOWEST));
  }

  /** 2^x for x ≤ 127. */
  private static FloatVector exp2(FloatVector x) {
    FloatVector shifted = x.add(ROUND);
    FloatVector r = x.sub(shifted.sub(ROUND));
    FloatVector p = r.fma(T5, T4);
    p = p.fma(r, T3);
    p = p.fma(r, T2);
    p = p.fma(r, T1);
    p = p.fma(r, ONE);
    FloatVector e =
        p.reinterpretAsInts()
            .add(shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
            .reinterpretAsFloats();
    return e.blend(ZERO, x.compare(VectorOperators.LT, LOWEST_POWER));
  }

  private static FloatVector broadcast(float x) {
    return FloatVector.broadcast(F, x);
  }

  /** bf16 in the lower half of each lane: to nearest, ties to even; NaN stays NaN. */
  private static IntVector rounded(FloatVector v) {
    IntVector bits = v.reinterpretAsInts();
    IntVector even = bits.lanewise(VectorOperators.LSHR, 16).and(1);
    IntVector upper = bits.add(even).add(0x7FFF).lanewise(VectorOperators.LSHR, 16);
    return upper.blend(0x7FC0, v.compare(VectorOperators.NE, v).cast(I));
  }

  static void store(FloatVector v, MemorySegment out, long at, DType type, int i) {
    if (type == DType.BF16) {
      ((ShortVector) rounded(v).convertShape(VectorOperators.I2S, HALF, 0))
          .intoMemorySegment(out, at + 2L * i, ORDER);
    } else {
      v.intoMemorySegment(out, at + 4L * i, ORDER);
    }
  }

  static void store(float v, MemorySegment out, long at, DType type, int i) {
    if (type == DType.BF16) {
      out.set(JAVA_SHORT, at + 2L * i, Bfloat16.of(v));
    } else {
      out.set(JAVA_FLOAT, at + 4L * i, v);
    }
  }

  static FloatVector load(MemorySegment x, long at) {
    return FloatVector.fromMemorySegment(F, x, at, ORDER);
  }

  // ---- products ----

  @Override
  public void multiply(
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
      boolean accumulate) {
    int r = 0;
    for (; r + 4 <= rows; r += 4) {
      fourRows(a, aAt + r * lda, lda, panel, panelAt, k, c, cAt + r * ldc, ldc, accumulate);
    }
    for (; r < rows; r++) {
      oneRow(a, aAt + r * lda, panel, panelAt, k, c, cAt + r * ldc, accumulate);
    }
  }

  private static void fourRows(
      float[] a,
      int a0,
      int lda,
      float[] panel,
      int panelAt,
      int k,
      float[] c,
      int c0,
      int ldc,
      boolean accumulate) {
    int a1 = a0 + lda;
    int a2 = a1 + lda;
    int a3 = a2 + lda;
    int c1 = c0 + ldc;
    int c2 = c1 + ldc;
    int c3 = c2 + ldc;
    FloatVector s00 = FloatVector.zero(F);
    FloatVector s01 = s00;
    FloatVector s10 = s00;
    FloatVector s11 = s00;
    FloatVector s20 = s00;
    FloatVector s21 = s00;
    FloatVector s30 = s00;
    FloatVector s31 = s00;
    if (accumulate) {
      s00 = FloatVector.fromArray(F, c, c0);
      s01 = FloatVector.fromArray(F, c, c0 + L);
      s10 = FloatVector.fromArray(F, c, c1);
      s11 = FloatVector.fromArray(F, c, c1 + L);
      s20 = FloatVector.fromArray(F, c, c2);
      s21 = FloatVector.fromArray(F, c, c2 + L);
      s30 = FloatVector.fromArray(F, c, c3);
      s31 = FloatVector.fromArray(F, c, c3 + L);
    }
    for (int i = 0; i < k; i++) {
      int p = panelAt + i * PANEL;
      FloatVector p0 = FloatVector.fromArray(F, panel, p);
      FloatVector p1 = FloatVector.fromArray(F, panel, p + L);
      FloatVector x0 = FloatVector.broadcast(F, a[a0 + i]);
      s00 = x0.fma(p0, s00);
      s01 = x0.fma(p1, s01);
      FloatVector x1 = FloatVector.broadcast(F, a[a1 + i]);
      s10 = x1.fma(p0, s10);
      s11 = x1.fma(p1, s11);
      FloatVector x2 = FloatVector.broadcast(F, a[a2 + i]);
      s20 = x2.fma(p0, s20);
      s21 = x2.fma(p1, s21);
      FloatVector x3 = FloatVector.broadcast(F, a[a3 + i]);
      s30 = x3.fma(p0, s30);
      s31 = x3.fma(p1, s31);
    }
    s00.intoArray(c, c0);
    s01.intoArray(c, c0 + L);
    s10.intoArray(c, c1);
    s11.intoArray(c, c1 + L);
    s20.intoArray(c, c2);
    s21.intoArray(c, c2 + L);
    s30.intoArray(c, c3);
    s31.intoArray(c, c3 + L);
  }

  private static void oneRow(
      float[] a, int a0, float[] panel, int panelAt, int k, float[] c, int c0, boolean accumulate) {
    FloatVector s0 = FloatVector.zero(F);
    FloatVector s1 = s0;
    if (accumulate) {
      s0 = FloatVector.fromArray(F, c, c0);
      s1 = FloatVector.fromArray(F, c, c0 + L);
    }
    for (int i = 0; i < k; i++) {
      int p = panelAt + i * PANEL;
      FloatVector x = FloatVector.broadcast(F, a[a0 + i]);
      s0 = x.fma(FloatVector.fromArray(F, panel, p), s0);
      s1 = x.fma(FloatVector.fromArray(F, panel, p + L), s1);
    }
    s0.intoArray(c, c0);
    s1.intoArray(c, c0 + L);
  }

  @Override
  public void multiply(
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
      boolean accumulate) {
    long stride = 4L * panelStride;
    int r = 0;
    for (; r + 4 <= rows; r += 4) {
      fourRows(a, aAt + r * lda, lda, panel, panelAt, stride, k, c, cAt + r * ldc, ldc, accumulate);
    }
    for (; r < rows; r++) {
      oneRow(a, aAt + r * lda, panel, panelAt, stride, k, c, cAt + r * ldc, accumulate);
    }
  }

  private static void fourRows(
      float[] a,
      int a0,
      int lda,
      MemorySegment panel,
      long panelAt,
      long stride,
      int k,
      float[] c,
      int c0,
      int ldc,
      boolean accumulate) {
    int a1 = a0 + lda;
    int a2 = a1 + lda;
    int a3 = a2 + lda;
    int c1 = c0 + ldc;
    int c2 = c1 + ldc;
    int c3 = c2 + ldc;
    FloatVector s00 = FloatVector.zero(F);
    FloatVector s01 = s00;
    FloatVector s10 = s00;
    FloatVector s11 = s00;
    FloatVector s20 = s00;
    FloatVector s21 = s00;
    FloatVector s30 = s00;
    FloatVector s31 = s00;
    if (accumulate) {
      s00 = FloatVector.fromArray(F, c, c0);
      s01 = FloatVector.fromArray(F, c, c0 + L);
      s10 = FloatVector.fromArray(F, c, c1);
      s11 = FloatVector.fromArray(F, c, c1 + L);
      s20 = FloatVector.fromArray(F, c, c2);
      s21 = FloatVector.fromArray(F, c, c2 + L);
      s30 = FloatVector.fromArray(F, c, c3);
      s31 = FloatVector.fromArray(F, c, c3 + L);
    }
    for (int i = 0; i < k; i++) {
      long p = panelAt + i * stride;
      FloatVector p0 = load(panel, p);
      FloatVector p1 = load(panel, p + 4L * L);
      FloatVector x0 = FloatVector.broadcast(F, a[a0 + i]);
      s00 = x0.fma(p0, s00);
      s01 = x0.fma(p1, s01);
      FloatVector x1 = FloatVector.broadcast(F, a[a1 + i]);
      s10 = x1.fma(p0, s10);
      s11 = x1.fma(p1, s11);
      FloatVector x2 = FloatVector.broadcast(F, a[a2 + i]);
      s20 = x2.fma(p0, s20);
      s21 = x2.fma(p1, s21);
      FloatVector x3 = FloatVector.broadcast(F, a[a3 + i]);
      s30 = x3.fma(p0, s30);
      s31 = x3.fma(p1, s31);
    }
    s00.intoArray(c, c0);
    s01.intoArray(c, c0 + L);
    s10.intoArray(c, c1);
    s11.intoArray(c, c1 + L);
    s20.intoArray(c, c2);
    s21.intoArray(c, c2 + L);
    s30.intoArray(c, c3);
    s31.intoArray(c, c3 + L);
  }

  private static void oneRow(
      float[] a,
      int a0,
      MemorySegment panel,
      long panelAt,
      long stride,
      int k,
      float[] c,
      int c0,
      boolean accumulate) {
    FloatVector s0 = FloatVector.zero(F);
    FloatVector s1 = s0;
    if (accumulate) {
      s0 = FloatVector.fromArray(F, c, c0);
      s1 = FloatVector.fromArray(F, c, c0 + L);
    }
    for (int i = 0; i < k; i++) {
      long p = panelAt + i * stride;
      FloatVector x = FloatVector.broadcast(F, a[a0 + i]);
      s0 = x.fma(load(panel, p), s0);
      s1 = x.fma(load(panel, p + 4L * L), s1);
    }
    s0.intoArray(c, c0);
    s1.intoArray(c, c0 + L);
  }

  // ---- rows ----

  @Override
  public void rmsNorm(
      MemorySegment x,
      long xAt,
      int n,
      MemorySegment weight,
      float eps,
      MemorySegment out,
      long outAt,
      DType outType) {
    FloatVector s0 = FloatVector.zero(F);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    int i = 0;
    for (; i <= n - 4 * L; i += 4 * L) {
      FloatVector v0 = load(x, xAt + 4L * i);
      FloatVector v1 = load(x, xAt + 4L * (i + L));
      FloatVector v2 = load(x, xAt + 4L * (i + 2 * L));
      FloatVector v3 = load(x, xAt + 4L * (i + 3 * L));
      s0 = v0.fma(v0, s0);
      s1 = v1.fma(v1, s1);
      s2 = v2.fma(v2, s2);
      s3 = v3.fma(v3, s3);
    }
    // What is left of a row, or all of a short one: a head's.
    for (; i <= n - L; i += L) {
      FloatVector v = load(x, xAt + 4L * i);
      s0 = v.fma(v, s0);
    }
    float squares = total(s0.add(s1).add(s2.add(s3)));
    for (; i < n; i++) {
      float v = x.get(JAVA_FLOAT, xAt + 4L * i);
      squares = Math.fma(v, v, squares);
    }
    float inverse = (float) (1 / Math.sqrt((double) squares / n + eps));
    for (i = 0; i <= n - L; i += L) {
      FloatVector v = load(x, xAt + 4L * i).mul(inverse).mul(load(weight, 4L * i));
      store(v, out, outAt, outType, i);
    }
    for (; i < n; i++) {
      float v = x.get(JAVA_FLOAT, xAt + 4L * i) * inverse * weight.get(JAVA_FLOAT, 4L * i);
      store(v, out, outAt, outType, i);
    }
  }

  @Override
  public void rotateHalves(
      MemorySegment x, long xAt, int half, float[] cos, float[] sin, int tableAt) {
    int i = 0;
    for (; i <= half - L; i += L) {
      long first = xAt + 4L * i;
      long second = first + 4L * half;
      FloatVector a = FloatVector.fromMemorySegment(F, x, first, ORDER);
      FloatVector b = FloatVector.fromMemorySegment(F, x, second, ORDER);
      FloatVector c = FloatVector.fromArray(F, cos, tableAt + i);
      FloatVector s = FloatVector.fromArray(F, sin, tableAt + i);
      a.mul(c).sub(b.mul(s)).intoMemorySegment(x, first, ORDER);
      b.mul(c).add(a.mul(s)).intoMemorySegment(x, second, ORDER);
    }
    for (; i < half; i++) {
      long first = xAt + 4L * i;
      long second = first + 4L * half;
      float a = x.get(JAVA_FLOAT, first);
      float b = x.get(JAVA_FLOAT, second);
      float c = cos[tableAt + i];
      float s = sin[tableAt + i];
      x.set(JAVA_FLOAT, first, a * c - b * s);
      x.set(JAVA_FLOAT, second, b * c + a * s);
    }
  }

  @Override
  public void add(MemorySegment x, long xAt, MemorySegment y, long yAt, int n) {
    int i = 0;
    for (; i <= n - L; i += L) {
      FloatVector.fromMemorySegment(F, x, xAt + 4L * i, ORDER)
          .add(FloatVector.fromMemorySegment(F, y, yAt + 4L * i, ORDER))
          .intoMemorySegment(x, xAt + 4L * i, ORDER);
    }
    for (; i < n; i++) {
      long at = xAt + 4L * i;
      x.set(JAVA_FLOAT, at, x.get(JAVA_FLOAT, at) + y.get(JAVA_FLOAT, yAt + 4L * i));
    }
  }

  @Override
  public void gatedSilu(
      MemorySegment gateUp,
      int rows,
      int width,
      MemorySegment out,
      long outAt,
      long outStride,
      DType outType) {
    for (int r = 0; r < rows; r++) {
      long gate = 8L * r * width;
      long up = gate + 4L * width;
      long to = outAt + r * outStride;
      int i = 0;
      for (; i <= width - L; i += L) {
        FloatVector g = load(gateUp, gate + 4L * i);
        FloatVector v = silu(g).mul(load(gateUp, up + 4L * i));
        store(v, out, to, outType, i);
      }
      for (; i < width; i++) {
        float g = gateUp.get(JAVA_FLOAT, gate + 4L * i);
        float u = gateUp.get(JAVA_FLOAT, up + 4L * i);
        store(g / (1 + Exponential.of(-g)) * u, out, to, outType, i);
      }
    }
  }

  static FloatVector silu(FloatVector g) {
    FloatVector x = g.neg();
    x = x.blend(HIGHEST, x.compare(VectorOperators.GT, HIGHEST));
    return g.div(exp(x).add(ONE));
  }

  @Override
  public void widen(MemorySegment bf16, long at, float[] out, int outAt, int n) {
    int i = 0;
    for (; i <= n - L; i += L) {
      IntVector bits =
          (IntVector)
              ShortVector.fromMemorySegment(HALF, bf16, at + 2L * i, ORDER)
                  .convertShape(VectorOperators.S2I, I, 0);
      bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().intoArray(out, outAt + i);
    }
    for (; i < n; i++) {
      out[outAt + i] = Bfloat16.toFloat(bf16.get(JAVA_SHORT, at + 2L * i));
    }
  }

  @Override
  public void narrow(MemorySegment f32, long at, MemorySegment bf16, long outAt, int n) {
    int i = 0;
    for (; i <= n - L; i += L) {
      store(load(f32, at + 4L * i), bf16, outAt, DType.BF16, i);
    }
    for (; i < n; i++) {
      store(f32.get(JAVA_FLOAT, at + 4L * i), bf16, outAt, DType.BF16, i);
    }
  }

  // ---- int8 ----

  /** As many bytes as F has lanes; with 128-bit vectors there is no such vector. */
  private static final boolean BYTES = F.vectorBitSize() >= 256;

  private static final VectorSpecies<Byte> QUARTER =
      VectorSpecies.of(
          byte.class, VectorShape.forBitSize(BYTES ? F.vectorBitSize() / 4 : F.vectorBitSize()));
  private static final IntVector BYTE_MASK = IntVector.broadcast(I, 0xFF);
  private static final IntVector NO_BITS = IntVector.zero(I);
  private static final IntVector ROUND_BITS = ROUND.reinterpretAsInts();

  @Override
  public void quantize(
      float[] x, int n, MemorySegment out, long outAt, float[] scales, int[] zeroPoints, int row) {
    long ends = ends(x, n);
    float inverse = RowRounding.range((int) (ends >> 32), (int) ends, scales, zeroPoints, row);
    round(x, n, inverse, RowRounding.ROUND + zeroPoints[row], out, outAt);
  }

  // Loops of their own, for the sake of the compiler's inlining.

  /**
   * Bits of the largest element in the upper half, of the least one without its sign in the lower:
   * the largest of 0 and the elements' bits as integers, and of those with their signs turned.
   */
  private static long ends(float[] x, int n) {
    IntVector turn = IntVector.broadcast(I, Integer.MIN_VALUE);
    IntVector highs = IntVector.zero(I);
    IntVector lows = IntVector.zero(I);
    int i = 0;
    for (; i <= n - L; i += L) {
      IntVector bits = FloatVector.fromArray(F, x, i).reinterpretAsInts();
      highs = highs.max(bits);
      lows = lows.max(bits.lanewise(VectorOperators.XOR, turn));
    }
    int high = highs.reduceLanes(VectorOperators.MAX);
    int low = lows.reduceLanes(VectorOperators.MAX);
    for (; i < n; i++) {
      int bits = Float.floatToRawIntBits(x[i]);
      high = Math.max(high, bits);
      low = Math.max(low, bits ^ Integer.MIN_VALUE);
    }
    return (long) high << 32 | low;
  }

  private static void round(
      float[] x, int n, float inverse, float shift, MemorySegment out, long outAt) {
    FloatVector inverses = broadcast(inverse);
    FloatVector shifts = broadcast(shift);
    int i = 0;
    for (; BYTES && i <= n - L; i += L) {
      IntVector q =
          FloatVector.fromArray(F, x, i)
              .fma(inverses, shifts)
              .reinterpretAsInts()
              .sub(ROUND_BITS)
              .max(NO_BITS)
              .min(BYTE_MASK);
      ((ByteVector) q.convertShape(VectorOperators.I2B, QUARTER, 0))
          .intoMemorySegment(out, outAt + i, ORDER);
    }
    for (; i < n; i++) {
      out.set(JAVA_BYTE, outAt + i, RowRounding.of(x[i], inverse, shift));
    }
  }

  @Override
  public void dequantize(
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
      boolean add) {
    int whole = n / L * L;
    if (add) {
      dequantizeAdd(
          sums, at, whole, scale, zeroPoint, columnSums, columnScales, column, out, outAt);
    } else {
      dequantize(sums, at, whole, scale, zeroPoint, columnSums, columnScales, column, out, outAt);
    }
    for (int i = whole; i < n; i++) {
      int exact = sums.get(JAVA_INT, at + 4L * i) - zeroPoint * columnSums[column + i];
      float v = exact * columnScales[column + i] * scale;
      long to = outAt + 4L * i;
      out.set(JAVA_FLOAT, to, add ? out.get(JAVA_FLOAT, to) + v : v);
    }
  }

  private static void dequantize(
      MemorySegment sums,
      long at,
      int n,
      float scale,
      int zeroPoint,
      int[] columnSums,
      float[] columnScales,
      int column,
      MemorySegment out,
      long outAt) {
    IntVector zero = IntVector.broadcast(I, zeroPoint);
    FloatVector rowScale = broadcast(scale);
    for (int i = 0; i < n; i += L) {
      value(sums, at + 4L * i, rowScale, zero, columnSums, columnScales, column + i)
          .intoMemorySegment(out, outAt + 4L * i, ORDER);
    }
  }

  private static void dequantizeAdd(
      MemorySegment sums,
      long at,
      int n,
      float scale,
      int zeroPoint,
      int[] columnSums,
      float[] columnScales,
      int column,
      MemorySegment out,
      long outAt) {
    IntVector zero = IntVector.broadcast(I, zeroPoint);
    FloatVector rowScale = broadcast(scale);
    for (int i = 0; i < n; i += L) {
      load(out, outAt + 4L * i)
          .add(value(sums, at + 4L * i, rowScale, zero, columnSums, columnScales, column + i))
          .intoMemorySegment(out, outAt + 4L * i, ORDER);
    }
  }

  private static FloatVector value(
      MemorySegment sums,
      long at,
      FloatVector rowScale,
      IntVector zero,
      int[] columnSums,
      float[] columnScales,
      int column) {
    IntVector exact =
        IntVector.fromMemorySegment(I, sums, at, ORDER)
            .sub(IntVector.fromArray(I, columnSums, column).mul(zero));
    return ((FloatVector) exact.convertShape(VectorOperators.I2F, F, 0))
        .mul(FloatVector.fromArray(F, columnScales, column))
        .mul(rowScale);
  }

  @Override
  public void widenBytes(
      MemorySegment bytes, long at, boolean signed, float[] out, int outAt, int n) {
    IntVector mask = IntVector.broadcast(I, signed ? -1 : 0xFF);
    int i = 0;
    for (; BYTES && i <= n - L; i += L) {
      IntVector v =
          (IntVector)
              ByteVector.fromMemorySegment(QUARTER, bytes, at + i, ORDER)
                  .convertShape(VectorOperators.B2I, I, 0);
      ((FloatVector) v.and(mask).convertShape(VectorOperators.I2F, F, 0)).intoArray(out, outAt + i);
    }
    for (; i < n; i++) {
      out[outAt + i] = bytes.get(JAVA_BYTE, at + i) & (signed ? -1 : 0xFF);
    }
  }

  @Override
  public void storeWhole(float[] x, int at, int n, MemorySegment sums, long sumsAt, boolean add) {
    int i = 0;
    for (; i <= n - L; i += L) {
      IntVector v =
          (IntVector) FloatVector.fromArray(F, x, at + i).convertShape(VectorOperators.F2I, I, 0);
      if (add) {
        v = v.add(IntVector.fromMemorySegment(I, sums, sumsAt + 4L * i, ORDER));
      }
      v.intoMemorySegment(sums, sumsAt + 4L * i, ORDER);
    }
    for (; i < n; i++) {
      long to = sumsAt + 4L * i;
      sums.set(JAVA_INT, to, (int) x[at + i] + (add ? sums.get(JAVA_INT, to) : 0));
    }
  }

  // ---- attention ----

  @Override
  public void interleave(
      MemorySegment f32, long at, int n, MemorySegment bf16, long outAt, int half) {
    int kept = half == 0 ? 0xFFFF0000 : 0xFFFF;
    int i = 0;
    for (; i <= n - L; i += L) {
      IntVector upper = rounded(load(f32, at + 4L * i));
      upper = half == 0 ? upper : upper.lanewise(VectorOperators.LSHL, 16);
      IntVector.fromMemorySegment(I, bf16, outAt + 4L * i, ORDER)
          .and(kept)
          .or(upper)
          .intoMemorySegment(bf16, outAt + 4L * i, ORDER);
    }
    for (; i < n; i++) {
      short v = Bfloat16.of(f32.get(JAVA_FLOAT, at + 4L * i));
      bf16.set(JAVA_SHORT, outAt + 4L * i + 2L * half, v);
    }
  }

  @Override
  public float softmax(float[] scores, int at, int seen, int n, float[] max, int row) {
    java.util.Arrays.fill(scores, at + seen, at + n, Float.NEGATIVE_INFINITY);
    FloatVector m = broadcast(Float.NEGATIVE_INFINITY);
    for (int i = 0; i < n; i += L) {
      FloatVector v = FloatVector.fromArray(F, scores, at + i);
      m = m.blend(v, v.compare(VectorOperators.GT, m));
    }
    float most = largest(m);
    max[row] = most;
    if (seen == 0) {
      java.util.Arrays.fill(scores, at, at + n, 0f);
      return 0;
    }
    FloatVector shift = broadcast(most);
    FloatVector sum = FloatVector.zero(F);
    for (int i = 0; i < n; i += L) {
      FloatVector e = exp(FloatVector.fromArray(F, scores, at + i).sub(shift));
      e.intoArray(scores, at + i);
      sum = sum.add(e);
    }
    return total(sum);
  }

  @Override
  public void softmax(
      MemorySegment scores,
      int[] seen,
      int rows,
      int n,
      float scale,
      MemorySegment out,
      float[] max,
      float[] sum) {
    for (int r = 0; r < rows; r++) {
      sum[r] = softmax(scores, 4L * r * n, seen[r], n, scale, out, 2L * r * n, max, r);
    }
  }

  private static float softmax(
      MemorySegment scores,
      long at,
      int seen,
      int n,
      float scale,
      MemorySegment out,
      long outAt,
      float[] max,
      int row) {
    int end = (seen + L - 1) / L * L;
    for (int i = seen; i < end; i++) {
      scores.set(JAVA_FLOAT, at + 4L * i, Float.NEGATIVE_INFINITY);
    }
    FloatVector m = broadcast(Float.NEGATIVE_INFINITY);
    for (int i = 0; i < end; i += L) {
      FloatVector v = load(scores, at + 4L * i);
      m = m.blend(v, v.compare(VectorOperators.GT, m));
    }
    float most = largest(m);
    max[row] = most * scale;
    float sum = numerators(scores, at, end, most, scale);
    // A loop of its own: together with the exponential the compiler runs out of inlining. NaN may
    // get lost in it, and shows in the sum.
    round(scores, at, out, outAt, end);
    for (int i = end; i < n; i += L) {
      NOTHING.intoMemorySegment(out, outAt + 2L * i, ORDER);
    }
    return sum;
  }

  private static float numerators(MemorySegment scores, long at, int n, float most, float scale) {
    float perBit = scale * Exponential.LOG2_E;
    FloatVector factor = broadcast(perBit);
    FloatVector shift = broadcast(-most * perBit);
    FloatVector sum = FloatVector.zero(F);
    for (int i = 0; i < n; i += L) {
      FloatVector e = exp2(load(scores, at + 4L * i).fma(factor, shift));
      e.intoMemorySegment(scores, at + 4L * i, ORDER);
      sum = sum.add(e);
    }
    return total(sum);
  }

  /** f32 to bf16 for numbers that are not negative: to nearest, ties away from zero. */
  private static void round(MemorySegment f32, long at, MemorySegment bf16, long outAt, int n) {
    for (int i = 0; i < n; i += L) {
      IntVector bits = load(f32, at + 4L * i).reinterpretAsInts();
      IntVector upper = bits.add(0x8000).lanewise(VectorOperators.LSHR, 16);
      ((ShortVector) upper.convertShape(VectorOperators.I2S, HALF, 0))
          .intoMemorySegment(bf16, outAt + 2L * i, ORDER);
    }
  }

  /** The largest lane, by integers of the same order: floats would be checked for NaN and −0. */
  static float largest(FloatVector v) {
    IntVector bits = v.reinterpretAsInts();
    IntVector order =
        bits.lanewise(VectorOperators.XOR, bits.lanewise(VectorOperators.ASHR, 31).and(0x7FFFFFFF));
    int most = order.reduceLanes(VectorOperators.MAX);
    return Float.intBitsToFloat(most ^ ((most >> 31) & 0x7FFFFFFF));
  }

  @Override
  public void fold(
      MemorySegment x, long xAt, float before, MemorySegment y, long yAt, float now, int n) {
    FloatVector b = FloatVector.broadcast(F, before);
    FloatVector f = FloatVector.broadcast(F, now);
    int i = 0;
    for (; i <= n - L; i += L) {
      FloatVector.fromMemorySegment(F, y, yAt + 4L * i, ORDER)
          .fma(f, FloatVector.fromMemorySegment(F, x, xAt + 4L * i, ORDER).mul(b))
          .intoMemorySegment(x, xAt + 4L * i, ORDER);
    }
    for (; i < n; i++) {
      float v = x.get(JAVA_FLOAT, xAt + 4L * i) * before;
      x.set(JAVA_FLOAT, xAt + 4L * i, Math.fma(y.get(JAVA_FLOAT, yAt + 4L * i), now, v));
    }
  }

  @Override
  public void loadScaled(MemorySegment x, long xAt, int n, float factor, float[] out, int outAt) {
    int i = 0;
    for (; i <= n - L; i += L) {
      FloatVector.fromMemorySegment(F, x, xAt + 4L * i, ORDER)
          .mul(factor)
          .intoArray(out, outAt + i);
    }
    for (; i < n; i++) {
      out[outAt + i] = x.get(JAVA_FLOAT, xAt + 4L * i) * factor;
    }
  }

  @Override
  public void storeScaled(
      MemorySegment x, long at, int n, float factor, MemorySegment out, long outAt, DType outType) {
    int i = 0;
    for (; i <= n - L; i += L) {
      store(load(x, at + 4L * i).mul(factor), out, outAt, outType, i);
    }
    for (; i < n; i++) {
      store(x.get(JAVA_FLOAT, at + 4L * i) * factor, out, outAt, outType, i);
    }
  }

  // ---- logits ----

  @Override
  public void guide(float[] c, float[] u, int n, float strength) {
    VectorLogitLoops.guide(c, u, n, strength);
  }

  @Override
  public void topTwo(float[] x, int n, float[] two) {
    VectorLogitLoops.topTwo(x, n, two);
  }

  @Override
  public void exponentials(
      float[] x, int n, float max, float inverseTemperature, float[] e, double[] sums) {
    VectorLogitLoops.exponentials(x, n, max, inverseTemperature, e);
    sums[0] = VectorLogitLoops.sum(e, n);
    sums[1] = VectorLogitLoops.weightedSum(x, n, max, inverseTemperature, e);
  }

  @Override
  public double entropyFloor(float[] e, int n, double scale) {
    return VectorLogitLoops.entropyFloor(e, n, scale);
  }

  @Override
  public double sumAbove(float[] x, float[] e, int n, float threshold) {
    return VectorLogitLoops.sumAbove(x, e, n, threshold);
  }

  @Override
  public int countAbove(float[] x, int n, float threshold) {
    return VectorLogitLoops.countAbove(x, n, threshold);
  }
}
