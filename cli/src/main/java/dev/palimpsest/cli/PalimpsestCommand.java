/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import dev.palimpsest.bindings.StandardError;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The {@code palimpsest} command. */
@Command(
    name = "palimpsest",
    description = "Diffusion language models on the JVM.",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class)
public final class PalimpsestCommand {
  public static void main(String[] args) {
    StandardError.restore();
    System.exit(new CommandLine(new PalimpsestCommand()).execute(args));
  }
}
