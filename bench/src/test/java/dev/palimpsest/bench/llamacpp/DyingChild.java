/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.llamacpp;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A process that does not live long enough to answer: the backend's name says what it dies of. */
final class DyingChild {
  private DyingChild() {}

  @SuppressWarnings("restricted")
  public static void main(String... arguments) {
    if (Setup.of(arguments).backend().equals("crash")) {
      MemorySegment.ofAddress(8).reinterpret(8).set(ValueLayout.JAVA_BYTE, 0, (byte) 1);
    }
    System.err.println("no room for " + arguments[2]);
    System.exit(3);
  }
}
