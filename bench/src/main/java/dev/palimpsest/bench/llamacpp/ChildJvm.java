/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.llamacpp;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A JVM like this one that runs a main class of ours in another process. What it says on stderr is
 * kept, to tell what it died of; the JVM's own report of a crash comes on stdout.
 */
final class ChildJvm implements AutoCloseable {
  private static final int KEPT_LINES = 200;

  /** The JVM's own words about a fatal signal, and about the code that raised it. */
  private static final Pattern SIGNAL = Pattern.compile("#\\s+(SIG[A-Z]+) ");

  private static final Pattern FRAME = Pattern.compile("# [A-Z]\\s+\\[([^\\]+]+)");

  private final Process process;
  private final Thread listener;
  private final Deque<String> said = new ArrayDeque<>();

  ChildJvm(Class<?> main, List<String> arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "--enable-native-access=ALL-UNNAMED",
            "-XX:+UseSerialGC",
            "-Xmx256m",
            "-XX:ErrorFile=/dev/null",
            "-XX:-CreateCoredumpOnCrash",
            "-cp",
            System.getProperty("java.class.path"),
            main.getName()));
    command.addAll(arguments);
    try {
      process = new ProcessBuilder(command).start();
    } catch (IOException e) {
      throw new UncheckedIOException("no second JVM starts: " + e.getMessage(), e);
    }
    // Not a virtual thread: a read from a pipe would hold its carrier for as long as the child says
    // nothing.
    listener = Thread.ofPlatform().daemon().name("palimpsest-peer-log").start(this::listen);
  }

  Process process() {
    return process;
  }

  private void listen() {
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        synchronized (said) {
          said.add(line);
          if (said.size() > KEPT_LINES) {
            said.remove();
          }
        }
      }
    } catch (IOException e) {
      // It is gone; what it has said so far is all there is.
    }
  }

  /**
   * What a process that has stopped answering died of, for people.
   *
   * @param onStdout what it printed there instead of an answer
   */
  String causeOfDeath(String onStdout) {
    try {
      if (!process.waitFor(60, TimeUnit.SECONDS)) {
        return "it does not answer";
      }
      listener.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    String text;
    synchronized (said) {
      text = onStdout + "\n" + String.join("\n", said);
    }
    Matcher signal = SIGNAL.matcher(text);
    if (signal.find()) {
      Matcher frame = FRAME.matcher(text);
      return "died of " + signal.group(1) + (frame.find() ? " in " + frame.group(1) : "");
    }
    String last = text.lines().reduce("", (a, b) -> b.isBlank() ? a : b.strip());
    return "ended with status "
        + process.exitValue()
        + (last.isEmpty() ? "" : ", its last words: " + last);
  }

  /** Ends the process; idempotent. */
  @Override
  public void close() {
    try {
      process.getOutputStream().close();
    } catch (IOException e) {
      // It is gone already.
    }
    try {
      if (!process.waitFor(10, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
      listener.join();
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
