/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import dev.palimpsest.EngineOptions;
import java.io.ByteArrayInputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine;

/** Runs the command line in this JVM and keeps what it said. */
final class CommandRun {
  final ScriptedEngine engine;
  final List<EngineOptions> opened = new ArrayList<>();
  final StringWriter out = new StringWriter();
  final StringWriter err = new StringWriter();
  private byte[] input = {};
  private boolean interactive;
  private boolean typing = true;
  private Machine.Opener opener;

  CommandRun(String part) {
    this(new ScriptedEngine(part, ""));
  }

  CommandRun(ScriptedEngine engine) {
    this.engine = engine;
    this.opener =
        (model, options, listener) -> {
          opened.add(options);
          return engine;
        };
  }

  CommandRun piped(String text) {
    return piped(text.getBytes(StandardCharsets.UTF_8));
  }

  CommandRun piped(byte[] bytes) {
    input = bytes;
    typing = false;
    return this;
  }

  CommandRun onTerminal() {
    interactive = true;
    return this;
  }

  CommandRun opening(Machine.Opener other) {
    opener = other;
    return this;
  }

  /** Runs with {@code --model .} added to the arguments of commands that load one. */
  int run(String... arguments) {
    Terminal terminal =
        new Terminal() {
          @Override
          public boolean interactive() {
            return interactive;
          }

          @Override
          public boolean typing() {
            return typing;
          }

          @Override
          public boolean noticing() {
            return false;
          }

          @Override
          public boolean colours() {
            return interactive;
          }

          @Override
          public Size size() {
            return new Size(40, 12);
          }
        };
    Machine machine =
        new Machine(
            opener, terminal, new ByteArrayInputStream(input), Path.of("no-such-installation"));
    CommandLine line = PalimpsestCommand.commandLine(machine, arguments);
    return line.setOut(new PrintWriter(out)).setErr(new PrintWriter(err)).execute(arguments);
  }

  String out() {
    return out.toString();
  }

  String err() {
    return err.toString();
  }
}
