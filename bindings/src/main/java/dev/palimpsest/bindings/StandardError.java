/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Gives a program its real error stream back. The launcher starts the JVM with descriptor 2 going
 * through a filter, because the JVM announces incubator modules there before any Java code runs;
 * the real stream waits as the descriptor named by the system property {@value #PROPERTY}.
 */
public final class StandardError {
  static final String PROPERTY = "palimpsest.stderr";

  private StandardError() {}

  /**
   * Makes the real error stream descriptor 2 again, for Java and native code alike. Call it first
   * thing in {@code main}. Does nothing when the program was started some other way, or where the C
   * library cannot be reached: messages then go through the filter, a line at a time.
   */
  public static void restore() {
    Integer descriptor = Integer.getInteger(PROPERTY);
    if (descriptor != null && descriptor > 2) {
      duplicate(descriptor, 2);
    }
  }

  @SuppressWarnings("restricted")
  private static void duplicate(int from, int to) {
    try {
      Linker linker = Linker.nativeLinker();
      MethodHandle dup2 =
          linker.downcallHandle(
              linker.defaultLookup().findOrThrow("dup2"),
              FunctionDescriptor.of(
                  ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
      int status = (int) dup2.invokeExact(from, to);
      if (status < 0) {
        System.getLogger(StandardError.class.getName())
            .log(System.Logger.Level.DEBUG, "dup2({0}, {1}) failed", from, to);
      }
    } catch (Throwable e) {
      System.getLogger(StandardError.class.getName())
          .log(System.Logger.Level.DEBUG, "the error stream stays filtered", e);
    }
  }
}
