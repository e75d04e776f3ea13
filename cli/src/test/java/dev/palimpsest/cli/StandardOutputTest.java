/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

class StandardOutputTest {
  private final StringWriter err = new StringWriter();

  @Test
  void lostOutputIsAFailure() {
    StandardOutput full =
        new StandardOutput(
            new OutputStream() {
              @Override
              public void write(int b) throws IOException {
                throw new IOException("No space left on device");
              }
            });
    print(full);
    assertEquals(1, full.status(0, new PrintWriter(err)));
    assertEquals(
        "palimpsest: standard output cannot be written: No space left on device",
        err.toString().strip());
    assertEquals(2, full.status(2, new PrintWriter(err)), "the command's own failure comes first");
  }

  @Test
  void writtenOutputKeepsTheStatus() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    StandardOutput output = new StandardOutput(bytes);
    print(output);
    assertEquals("text", bytes.toString());
    assertEquals(0, output.status(0, new PrintWriter(err)));
    assertEquals("", err.toString());
  }

  private static void print(StandardOutput output) {
    PrintWriter writer = new PrintWriter(output);
    writer.print("text");
    writer.flush();
  }
}
