/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.llamacpp;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;

/** Rows of numbers on the way to and from a {@link LlamaProcess}: their count, then they. */
final class Wire {
  private Wire() {}

  static void writeInts(DataOutputStream out, int[] values) throws IOException {
    out.writeInt(values.length);
    for (int value : values) {
      out.writeInt(value);
    }
  }

  static int[] readInts(DataInputStream in) throws IOException {
    int[] values = new int[in.readInt()];
    for (int i = 0; i < values.length; i++) {
      values[i] = in.readInt();
    }
    return values;
  }
}
