/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Where a report goes and in which form: options the commands share. */
final class OutputOptions {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(names = "--json", description = "Print one JSON document instead of a table.")
  private boolean json;

  @Option(
      names = "--save",
      paramLabel = "FILE",
      description = "Write the JSON document to FILE too (default: only print).")
  private Path save;

  /** Prints a report, as JSON or as its {@code table}. */
  void print(Object report, String table) {
    if (save != null) {
      write(save, Json.write(report) + "\n");
    }
    PrintWriter out = spec.commandLine().getOut();
    out.print(json ? Json.write(report) + "\n" : table);
    out.flush();
  }

  /** Writes a file, and the folders it lies in. */
  static void write(Path file, String text) {
    try {
      Files.createDirectories(file.toAbsolutePath().getParent());
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new UncheckedIOException(file + " cannot be written: " + e, e);
    }
  }
}
