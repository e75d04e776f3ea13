/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Method;

/**
 * A loop over rows that the JIT compiler compiles by itself, whoever calls it.
 *
 * <p>C2 inlines no more ordinary methods into one that has some 18,000 nodes ({@code
 * NodeCountInliningCutoff}); an exponential of the Vector API brings about half of them. A helper
 * that takes vectors then stays a call, and its vectors become objects: 4 times slower, for as long
 * as the process lives, and whether it happens depends on what was compiled first. C2 does not look
 * through a method handle that is no constant, so each loop entered through one has the whole
 * budget to itself. The call costs some nanoseconds: for loops over rows, not for what they are
 * made of.
 */
final class CompiledAlone {
  private static final MethodType TYPE =
      MethodType.methodType(
          double.class, float[].class, float[].class, int.class, double.class, double.class);

  /** Not final, so that no compiler takes it for a constant. */
  private MethodHandle loop;

  private CompiledAlone(MethodHandle loop) {
    this.loop = loop;
  }

  /**
   * The loop {@code static double name(float[] x, float[] y, int n, double a, double b)} of the
   * class that asks.
   */
  static CompiledAlone loop(MethodHandles.Lookup owner, String name) {
    try {
      return new CompiledAlone(owner.findStatic(owner.lookupClass(), name, TYPE));
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("no loop " + name + " in " + owner.lookupClass(), e);
    }
  }

  /**
   * A public method of a class as a handle to call it by, which its holder must not keep in a final
   * field.
   *
   * @param parameters how many it has, which tells it from others of that name
   */
  static MethodHandle method(
      MethodHandles.Lookup lookup, Class<?> owner, String name, int parameters) {
    for (Method method : owner.getMethods()) {
      if (method.getName().equals(name) && method.getParameterCount() == parameters) {
        try {
          return lookup.findVirtual(
              owner,
              name,
              MethodType.methodType(method.getReturnType(), method.getParameterTypes()));
        } catch (ReflectiveOperationException e) {
          throw new IllegalStateException(method + " cannot be called", e);
        }
      }
    }
    throw new IllegalStateException(
        "no method " + name + " of " + parameters + " parameters in " + owner);
  }

  /** What a handle threw, to be thrown on: its method declares nothing. */
  static RuntimeException unchecked(Throwable thrown) {
    return switch (thrown) {
      case RuntimeException e -> e;
      case Error e -> throw e;
      default -> new IllegalStateException("a kernel threw what it does not declare", thrown);
    };
  }

  /** Runs the loop; what its arguments and its result mean, it says itself. */
  double run(float[] x, float[] y, int n, double a, double b) {
    try {
      return (double) loop.invokeExact(x, y, n, a, b);
    } catch (Throwable e) {
      throw unchecked(e);
    }
  }
}
