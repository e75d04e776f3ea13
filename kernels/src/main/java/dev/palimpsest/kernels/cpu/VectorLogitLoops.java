/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * What {@link RowKernels} has for rows of logits, by the Vector API. Each loop is {@link
 * CompiledAlone}: {@link Sampler#predict} calls all of them, more than C2 can inline at once.
 */
final class VectorLogitLoops {
  private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Integer> I = F.withLanes(int.class);
  private static final VectorSpecies<Double> D = F.withLanes(double.class);
  private static final int L = F.length();

  private static final CompiledAlone GUIDE = loop("guide");
  private static final CompiledAlone TOP_TWO = loop("topTwo");
  private static final CompiledAlone EXPONENTIALS = loop("exponentials");
  private static final CompiledAlone SUM = loop("sum");
  private static final CompiledAlone WEIGHTED_SUM = loop("weightedSum");
  private static final CompiledAlone ENTROPY_FLOOR = loop("entropyFloor");
  private static final CompiledAlone SUM_ABOVE = loop("sumAbove");
  private static final CompiledAlone COUNT_ABOVE = loop("countAbove");

  private VectorLogitLoops() {}

  private static CompiledAlone loop(String name) {
    return CompiledAlone.loop(MethodHandles.lookup(), name);
  }

  /** {@link RowKernels#guide}. */
  static void guide(float[] c, float[] u, int n, float strength) {
    GUIDE.run(c, u, n, strength, 0);
  }

  /** {@link RowKernels#topTwo}. */
  static void topTwo(float[] x, int n, float[] two) {
    TOP_TWO.run(x, two, n, 0, 0);
  }

  /** {@code e = exp((x − max)·inverseTemperature)}. */
  static void exponentials(float[] x, int n, float max, float inverseTemperature, float[] e) {
    EXPONENTIALS.run(x, e, n, max, inverseTemperature);
  }

  /** Σ e, in float64. */
  static double sum(float[] e, int n) {
    return SUM.run(e, e, n, 0, 0);
  }

  /** Σ e·(x − max)·inverseTemperature, in float64; what underflowed counts as 0. */
  static double weightedSum(float[] x, int n, float max, float inverseTemperature, float[] e) {
    return WEIGHTED_SUM.run(x, e, n, max, inverseTemperature);
  }

  /** {@link RowKernels#entropyFloor}. */
  static double entropyFloor(float[] e, int n, double scale) {
    return ENTROPY_FLOOR.run(e, e, n, scale, 0);
  }

  /** {@link RowKernels#sumAbove}. */
  static double sumAbove(float[] x, float[] e, int n, float threshold) {
    return SUM_ABOVE.run(x, e, n, threshold, 0);
  }

  /** {@link RowKernels#countAbove}. */
  static int countAbove(float[] x, int n, float threshold) {
    return (int) COUNT_ABOVE.run(x, x, n, threshold, 0);
  }

  // ---- the loops, found by their names ----

  // Inside a loop few helpers and no broadcasts: what the Vector API itself brings is inlined in
  // any
  // case, a helper of ours only while the compiler's budget lasts.

  private static double guide(float[] c, float[] u, int n, double strength, double unused) {
    float factor = (float) strength;
    FloatVector s = broadcast(factor);
    int i = 0;
    for (; i <= n - L; i += L) {
      FloatVector base = FloatVector.fromArray(F, u, i);
      s.fma(FloatVector.fromArray(F, c, i).sub(base), base).intoArray(c, i);
    }
    for (; i < n; i++) {
      c[i] = Math.fma(factor, c[i] - u[i], u[i]);
    }
    return 0;
  }

  private static double topTwo(float[] x, float[] two, int n, double unused, double unusedToo) {
    FloatVector first = broadcast(Float.NEGATIVE_INFINITY);
    FloatVector second = first;
    int i = 0;
    for (; i <= n - L; i += L) {
      FloatVector v = FloatVector.fromArray(F, x, i);
      VectorMask<Float> greater = v.compare(VectorOperators.GT, first);
      FloatVector loser = v.blend(first, greater);
      first = first.blend(v, greater);
      second = second.blend(loser, loser.compare(VectorOperators.GT, second));
    }
    float a = VectorRowKernels.largest(first);
    VectorMask<Float> best = first.compare(VectorOperators.EQ, broadcast(a));
    float b = a;
    if (best.trueCount() == 1) {
      FloatVector others = first.blend(broadcast(Float.NEGATIVE_INFINITY), best);
      b = Math.max(VectorRowKernels.largest(others), VectorRowKernels.largest(second));
    }
    for (; i < n; i++) {
      float v = x[i];
      if (v > a) {
        b = a;
        a = v;
      } else if (v > b) {
        b = v;
      }
    }
    two[0] = a;
    two[1] = b;
    return 0;
  }

  private static double exponentials(
      float[] x, float[] e, int n, double max, double inverseTemperature) {
    float shift = (float) max;
    float factor = (float) inverseTemperature;
    FloatVector shifts = broadcast(shift);
    FloatVector factors = broadcast(factor);
    int i = 0;
    for (; i <= n - L; i += L) {
      VectorRowKernels.exp(FloatVector.fromArray(F, x, i).sub(shifts).mul(factors)).intoArray(e, i);
    }
    for (; i < n; i++) {
      e[i] = Exponential.of((x[i] - shift) * factor);
    }
    return 0;
  }

  private static double sum(float[] e, float[] same, int n, double unused, double unusedToo) {
    DoubleVector s0 = DoubleVector.zero(D);
    DoubleVector s1 = s0;
    int i = 0;
    for (; i <= n - L; i += L) {
      FloatVector v = FloatVector.fromArray(F, e, i);
      s0 = s0.add(v.convertShape(VectorOperators.F2D, D, 0));
      s1 = s1.add(v.convertShape(VectorOperators.F2D, D, 1));
    }
    double sum = VectorRowKernels.total(s0.add(s1));
    for (; i < n; i++) {
      sum += e[i];
    }
    return sum;
  }

  private static final FloatVector ZERO = FloatVector.zero(F);
  private static final FloatVector LOWEST = broadcast(Exponential.LOWEST);

  private static double weightedSum(
      float[] x, float[] e, int n, double max, double inverseTemperature) {
    float shift = (float) max;
    float factor = (float) inverseTemperature;
    FloatVector shifts = broadcast(shift);
    FloatVector factors = broadcast(factor);
    DoubleVector s0 = DoubleVector.zero(D);
    DoubleVector s1 = s0;
    int i = 0;
    for (; i <= n - L; i += L) {
      FloatVector d = FloatVector.fromArray(F, x, i).sub(shifts).mul(factors);
      // exp(−∞)·(−∞) counts as 0, as its limit does.
      FloatVector v =
          FloatVector.fromArray(F, e, i).mul(d).blend(ZERO, d.compare(VectorOperators.LT, LOWEST));
      s0 = s0.add(v.convertShape(VectorOperators.F2D, D, 0));
      s1 = s1.add(v.convertShape(VectorOperators.F2D, D, 1));
    }
    double sum = VectorRowKernels.total(s0.add(s1));
    for (; i < n; i++) {
      float d = (x[i] - shift) * factor;
      sum += e[i] == 0 ? 0 : e[i] * d;
    }
    return sum;
  }

  private static final IntVector MANTISSA = bits(0x7FFFFF);
  private static final IntVector BITS_OF_ONE = bits(0x3F800000);
  private static final IntVector BIAS = bits(127);
  private static final FloatVector ONE = broadcast(1f);
  private static final FloatVector ADDED = broadcast(1e-10f);
  private static final FloatVector S9 = broadcast(2f / 9);
  private static final FloatVector S7 = broadcast(2f / 7);
  private static final FloatVector S5 = broadcast(2f / 5);
  private static final FloatVector S3 = broadcast(2f / 3);
  private static final FloatVector S1 = broadcast(2f);
  private static final FloatVector LN2 = broadcast(0.6931472f);
  private static final FloatVector MINUS_HALF = broadcast(-0.5f);
  private static final FloatVector FEW_DIGITS = broadcast(1e-3f);
  private static final FloatVector NOTHING = broadcast(1e-37f);

  private static double entropyFloor(float[] e, float[] same, int n, double scale, double unused) {
    FloatVector total = FloatVector.zero(F);
    FloatVector factor = broadcast((float) scale);
    int i = 0;
    for (; i <= n - L; i += L) {
      FloatVector p = FloatVector.fromArray(F, e, i).mul(factor);
      FloatVector u = ADDED.div(p);
      // ln(1 + u) = exponent·ln 2 + 2·atanh((m − 1)/(m + 1)) for 1 + u = m·2^exponent
      IntVector bits = u.add(ONE).reinterpretAsInts();
      FloatVector exponent =
          (FloatVector)
              bits.lanewise(VectorOperators.LSHR, 23)
                  .sub(BIAS)
                  .convertShape(VectorOperators.I2F, F, 0);
      FloatVector m = bits.and(MANTISSA).or(BITS_OF_ONE).reinterpretAsFloats();
      FloatVector s = m.sub(ONE).div(m.add(ONE));
      FloatVector q = s.mul(s);
      FloatVector series = q.mul(S9).add(S7);
      series = series.fma(q, S5);
      series = series.fma(q, S3);
      series = series.fma(q, S1).mul(s);
      FloatVector large = p.mul(exponent.fma(LN2, series));
      // where 1 + u has too few digits of u left: p·(u − u²/2) with p·u = 1e-10
      FloatVector small = u.mul(MINUS_HALF).add(ONE).mul(ADDED);
      FloatVector t =
          large
              .blend(small, u.compare(VectorOperators.LT, FEW_DIGITS))
              .blend(ZERO, p.compare(VectorOperators.LT, NOTHING));
      total = total.add(t);
    }
    double sum = VectorRowKernels.total(total);
    for (; i < n; i++) {
      double p = e[i] * scale;
      sum += p > 1e-37 ? p * Math.log1p(1e-10 / p) : 0;
    }
    return sum;
  }

  private static double sumAbove(float[] x, float[] e, int n, double threshold, double unused) {
    float limit = (float) threshold;
    FloatVector limits = broadcast(limit);
    DoubleVector s0 = DoubleVector.zero(D);
    DoubleVector s1 = s0;
    int i = 0;
    for (; i <= n - L; i += L) {
      VectorMask<Float> above = FloatVector.fromArray(F, x, i).compare(VectorOperators.GT, limits);
      FloatVector kept = ZERO.blend(FloatVector.fromArray(F, e, i), above);
      s0 = s0.add(kept.convertShape(VectorOperators.F2D, D, 0));
      s1 = s1.add(kept.convertShape(VectorOperators.F2D, D, 1));
    }
    double sum = VectorRowKernels.total(s0.add(s1));
    for (; i < n; i++) {
      if (x[i] > limit) {
        sum += e[i];
      }
    }
    return sum;
  }

  private static double countAbove(
      float[] x, float[] same, int n, double threshold, double unused) {
    float limit = (float) threshold;
    FloatVector limits = broadcast(limit);
    int count = 0;
    int i = 0;
    for (; i <= n - L; i += L) {
      count += FloatVector.fromArray(F, x, i).compare(VectorOperators.GT, limits).trueCount();
    }
    for (; i < n; i++) {
      if (x[i] > limit) {
        count++;
      }
    }
    return count;
  }

  // ---- vectors ----

  private static FloatVector broadcast(float x) {
    return FloatVector.broadcast(F, x);
  }

  private static IntVector bits(int x) {
    return IntVector.broadcast(I, x);
  }
}
