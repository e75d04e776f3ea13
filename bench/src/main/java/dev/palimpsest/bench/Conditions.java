/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * What a number was measured on and with; printed beside every result.
 *
 * @param cpu model name of the processor
 * @param processors processors the JVM may use
 * @param os operating system and its version
 * @param jdk vendor and version of the JVM
 * @param version of this program
 * @param commit short commit of the working copy, {@code -dirty} when tracked files differ from it;
 *     {@code unknown} outside a git checkout
 */
record Conditions(
    String cpu, int processors, String os, String jdk, String version, String commit) {
  private static final String UNKNOWN = "unknown";

  /** The conditions of this process. */
  static Conditions here() {
    return new Conditions(
        readCpu(),
        Runtime.getRuntime().availableProcessors(),
        System.getProperty("os.name") + " " + System.getProperty("os.version"),
        System.getProperty("java.vendor.version", System.getProperty("java.vendor"))
            + " "
            + Runtime.version(),
        readVersion(),
        readCommit());
  }

  /** For people: the machine on one line. */
  String machine() {
    return cpu + ", " + processors + " processors, " + os;
  }

  /** For people: program and JVM on one line. */
  String program() {
    return version + " " + commit + " on " + jdk;
  }

  private static String readCpu() {
    Path info = Path.of("/proc/cpuinfo");
    if (Files.isReadable(info)) {
      try (Stream<String> lines = Files.lines(info)) {
        return lines
            .filter(line -> line.startsWith("model name"))
            .map(line -> line.substring(line.indexOf(':') + 1).strip())
            .findFirst()
            .orElse(System.getProperty("os.arch"));
      } catch (IOException e) {
        return System.getProperty("os.arch");
      }
    }
    return System.getProperty("os.arch");
  }

  private static String readVersion() {
    try (InputStream in = Conditions.class.getResourceAsStream("build.properties")) {
      Properties properties = new Properties();
      if (in != null) {
        properties.load(in);
      }
      return properties.getProperty("version", UNKNOWN);
    } catch (IOException e) {
      return UNKNOWN;
    }
  }

  /** Asks git about the folder the classes came from, so that the caller's folder plays no part. */
  private static String readCommit() {
    try {
      Path classes =
          Path.of(Conditions.class.getProtectionDomain().getCodeSource().getLocation().toURI());
      Process git =
          new ProcessBuilder("git", "describe", "--always", "--dirty", "--exclude=*")
              .directory(classes.getParent().toFile())
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      git.getOutputStream().close();
      if (!git.waitFor(5, TimeUnit.SECONDS)) {
        git.destroy();
        return UNKNOWN;
      }
      String answer = new String(git.getInputStream().readAllBytes()).strip();
      return git.exitValue() == 0 && !answer.isEmpty() ? answer : UNKNOWN;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return UNKNOWN;
    } catch (java.net.URISyntaxException | IOException | RuntimeException e) {
      return UNKNOWN;
    }
  }
}
