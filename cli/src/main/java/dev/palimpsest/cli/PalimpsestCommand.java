/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import dev.palimpsest.bench.BenchCommand;
import dev.palimpsest.bindings.StandardError;
import dev.palimpsest.weightstool.WeightsCommand;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.logging.Level;
import java.util.logging.Logger;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The {@code palimpsest} command: wires the subcommands to the machine it runs on. */
@Command(
    name = "palimpsest",
    description = "Diffusion language models on the JVM: text written all at once, then refined.",
    versionProvider = Version.class,
    synopsisSubcommandLabel = "COMMAND",
    footer = {
      "",
      "Try:",
      "  palimpsest generate --watch --tokens 24 \"public int size() {\"",
      "  palimpsest infill \"int max(int a, int b) { return[[6]]; }\"",
      "",
      "palimpsest COMMAND --help tells the rest."
    })
public final class PalimpsestCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Option(
      names = "--verbose",
      scope = ScopeType.INHERIT,
      description = "Show the stack trace of a failure (default: one line).")
  private boolean verbose;

  @Option(
      names = {"-h", "--help"},
      scope = ScopeType.INHERIT,
      usageHelp = true,
      description = "Show this help and exit.")
  private boolean help;

  @Option(
      names = {"-V", "--version"},
      versionHelp = true,
      description = "Show the versions of the program and the JDK, and the machine.")
  private boolean version;

  private PalimpsestCommand() {}

  public static void main(String[] args) {
    StandardError.restore();
    quiet(Arrays.asList(args).contains("--verbose"));
    StandardOutput output = new StandardOutput(new FileOutputStream(FileDescriptor.out));
    PrintWriter out = new PrintWriter(output, false, StandardCharsets.UTF_8);
    PrintWriter err =
        new PrintWriter(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8);
    int status = commandLine(Machine.here(), args).setOut(out).setErr(err).execute(args);
    out.flush();
    System.exit(output.status(status, err));
  }

  /** Log lines are for {@code --verbose}; warnings always show, one line each. */
  private static void quiet(boolean verbose) {
    System.setProperty("java.util.logging.SimpleFormatter.format", "%4$s: %5$s%n");
    Logger.getLogger("").setLevel(verbose ? Level.INFO : Level.WARNING);
  }

  /**
   * The command on {@code machine}, ready to understand {@code arguments}. Reading the annotations
   * of a command takes longer than most of what it does before the model is loaded, so when the
   * arguments begin with a command's name the others are left out.
   */
  static CommandLine commandLine(Machine machine, String... arguments) {
    Map<String, Supplier<CommandLine>> commands = new LinkedHashMap<>();
    commands.put("generate", () -> new CommandLine(new GenerateCommand(machine)));
    commands.put("infill", () -> new CommandLine(new InfillCommand(machine)));
    commands.put("chat", () -> new CommandLine(new ChatCommand(machine)));
    commands.put("trace", () -> new CommandLine(new TraceCommand(machine)));
    commands.put("weights", () -> new CommandLine(new WeightsCommand()));
    commands.put("bench", () -> new CommandLine(new BenchCommand()));
    commands.put(
        "train",
        () -> new CommandLine(new TrainCommand()).setUnmatchedOptionsArePositionalParams(true));
    if (arguments.length > 0 && commands.containsKey(arguments[0])) {
      commands.keySet().retainAll(Set.of(arguments[0]));
    }
    CommandLine line = new CommandLine(new PalimpsestCommand());
    commands.forEach((name, command) -> line.addSubcommand(name, command.get()));
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setUsageHelpWidth(100);
    line.setUsageHelpAutoWidth(machine.terminal().interactive());
    line.setParameterExceptionHandler((e, words) -> ErrorLine.usage(e));
    line.setExecutionExceptionHandler((e, failed, parsed) -> ErrorLine.failure(e, failed));
    return line;
  }

  boolean verbose() {
    return verbose;
  }

  @Override
  public void run() {
    throw new ParameterException(
        spec.commandLine(),
        "a command is missing: " + String.join(", ", spec.subcommands().keySet()));
  }
}
