/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.weightstool.WeightsCommand;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import picocli.CommandLine;

/** A checkpoint of a causal model with random weights. */
final class TinyCausal {
  private TinyCausal() {}

  /** Writes one; answers the folder it was written to. */
  static String write(Path folder) {
    StringWriter err = new StringWriter();
    CommandLine line = new CommandLine(new WeightsCommand());
    line.setOut(new PrintWriter(new StringWriter())).setErr(new PrintWriter(err, true));
    int status =
        line.execute(
            "synthesize",
            "--family",
            "llama",
            "--layers",
            "2",
            "--hidden",
            "32",
            "--heads",
            "4",
            "--ffn",
            "64",
            "--vocab",
            "128",
            "--positions",
            "256",
            "--force",
            "--out",
            folder.toString());
    assertEquals(0, status, err::toString);
    return folder.toString();
  }
}
