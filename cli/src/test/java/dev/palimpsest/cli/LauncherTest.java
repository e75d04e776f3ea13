/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Runs the launcher in a make-believe installation, with JDKs and a Maven that only say so. */
@EnabledOnOs({OS.LINUX, OS.MAC})
class LauncherTest {
  /** Older than any build this test makes. */
  private static final FileTime LONG_AGO = FileTime.fromMillis(1_000_000_000_000L);

  @TempDir Path folder;

  private Path home;
  private Path jdks;
  private final Map<String, String> environment = new LinkedHashMap<>();

  private record Run(int status, String out, String err) {}

  @BeforeEach
  void install() throws IOException {
    Path repository = Path.of("").toAbsolutePath().getParent();
    home = folder.resolve("a home");
    jdks = folder.resolve("all jdks");
    Files.createDirectories(home.resolve(".mvn"));
    for (String file : List.of("palimpsest", ".mvn/find-jdk.sh")) {
      Files.copy(repository.resolve(file), home.resolve(file));
    }
    home.resolve("palimpsest").toFile().setExecutable(true);
    for (String module : List.of("bindings", "kernels", "runtime", "cli", "trainer")) {
      Files.createDirectories(home.resolve(module).resolve("src").resolve("main"));
      write(home.resolve(module).resolve("src/main/Source.java"), "class Source {}");
      write(home.resolve(module).resolve("pom.xml"), "<project/>");
    }
    write(home.resolve("pom.xml"), "<project/>");
    script(
        home.resolve("mvnw"),
        """
        echo "built with $JAVA_HOME: $*" >> builds.log
        ! grep -q broken cli/src/main/Source.java || { echo "Source.java: broken"; exit 1; }
        """);
    Files.createDirectories(jdks);
    environment.put("PALIMPSEST_JDK_DIRS", jdks.toString());
    environment.put("HOME", folder.toString());
    environment.put("PATH", toolsWithoutJava().toString());
  }

  /** A PATH with what the launcher may use, and no Java. */
  private Path toolsWithoutJava() throws IOException {
    Path tools = Files.createDirectories(folder.resolve("tools"));
    List<String> names =
        List.of(
            "bash",
            "cat",
            "dirname",
            "env",
            "find",
            "grep",
            "mkdir",
            "mv",
            "readlink",
            "rm",
            "sleep",
            "touch",
            "sh");
    for (String name : names) {
      for (String place : List.of("/usr/bin", "/bin")) {
        Path tool = Path.of(place, name);
        if (Files.exists(tool) && Files.notExists(tools.resolve(name))) {
          script(tools.resolve(name), "exec " + tool + " \"$@\"\n");
        }
      }
    }
    return tools;
  }

  private static void write(Path file, String text) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
    Files.setLastModifiedTime(file, LONG_AGO);
    Files.setLastModifiedTime(file.getParent(), LONG_AGO);
  }

  private static void script(Path file, String body) throws IOException {
    write(file, "#!/bin/sh\n" + body);
    file.toFile().setExecutable(true);
  }

  /** A JDK whose java prints its name and arguments and ends with status 7. */
  private Path jdk(String name, String version) throws IOException {
    Path jdk = jdks.resolve(name);
    write(jdk.resolve("release"), "IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"" + version + "\"\n");
    script(jdk.resolve("bin/javac"), "");
    script(
        jdk.resolve("bin/java"),
        """
        echo "java of %s"
        for a; do echo "<$a>"; done
        echo 'WARNING: Using incubator modules: jdk.incubator.vector' >&2
        echo 'another message' >&2
        exit 7
        """
            .formatted(name));
    return jdk;
  }

  /**
   * Through a pipe that ends with the last who writes into it: the filter of the error stream may
   * end after the command.
   */
  private static final String WHOLE =
      """
      status=$1 out=$2 err=$3
      shift 3
      { "$@"; echo $? >"$status"; } 2>&1 >"$out" | cat >"$err"
      """;

  private Run run(Path launcher, String... arguments) throws Exception {
    Path status = folder.resolve("status");
    Path out = folder.resolve("out");
    Path err = folder.resolve("err");
    ProcessBuilder builder =
        new ProcessBuilder(
            Stream.concat(
                    Stream.of("/bin/sh", "-c", WHOLE, "sh", status, out, err, launcher)
                        .map(Object::toString),
                    Arrays.stream(arguments))
                .toList());
    builder.environment().clear();
    builder.environment().putAll(environment);
    builder.directory(folder.toFile());
    assertEquals(0, builder.start().waitFor());
    return new Run(Integer.parseInt(read(status).strip()), read(out), read(err));
  }

  private static String read(Path file) throws IOException {
    return Files.readString(file, StandardCharsets.UTF_8);
  }

  private Run run(String... arguments) throws Exception {
    return run(home.resolve("palimpsest"), arguments);
  }

  private String chosen() throws Exception {
    return run("x").out().lines().findFirst().orElse("none");
  }

  @Test
  void prefersJdk25() throws Exception {
    jdk("old 17", "17.0.1");
    jdk("a 26", "26");
    jdk("my 25", "25.0.3");
    assertEquals("java of my 25", chosen());
  }

  @Test
  void withoutJdk25TakesTheNewest() throws Exception {
    jdk("a", "26.0.1");
    jdk("b", "29");
    jdk("c", "24");
    jdk("d", "1.8.0_392");
    assertEquals("java of b", chosen());
  }

  @Test
  void javaHomeComesFirstWhenItIsNewEnough() throws Exception {
    jdk("the 25", "25");
    environment.put("JAVA_HOME", jdk("the 27", "27").toString());
    assertEquals("java of the 27", chosen());
    environment.put("JAVA_HOME", jdk("the 17", "17").toString());
    assertEquals("java of the 25", chosen());
  }

  @Test
  void aFolderWithoutACompilerIsNoJdk() throws Exception {
    Files.delete(jdk("jre", "25").resolve("bin/javac"));
    jdk("jdk", "26");
    assertEquals("java of jdk", chosen());
  }

  @Test
  void withoutAJdkSaysWhatItFoundAndWhereItLooked() throws Exception {
    jdk("the 17", "17.0.2");
    Run run = run("x");
    assertEquals(1, run.status());
    assertTrue(run.err().contains("a JDK 25 or newer is needed"), run.err());
    assertTrue(run.err().contains("17  " + jdks.resolve("the 17")), run.err());
    assertTrue(run.err().contains("Looked at"), run.err());
  }

  @Test
  void aNamedJdkThatIsTooOldIsAnError() throws Exception {
    jdk("the 25", "25");
    environment.put("PALIMPSEST_JAVA_HOME", jdk("the 21", "21").toString());
    Run run = run("x");
    assertEquals(1, run.status());
    assertTrue(run.err().contains("is version 21, which is not a JDK 25"), run.err());
  }

  @Test
  void argumentsAndStatusPassThroughAndTheIncubatorLineDoesNot() throws Exception {
    jdk("the 25", "25");
    run("first");
    Path link = Files.createSymbolicLink(folder.resolve("link"), home.resolve("palimpsest"));
    Run run = run(link, "generate", "a  b", "", "$x *");
    assertEquals(7, run.status());
    assertTrue(run.out().endsWith("<generate>\n<a  b>\n<>\n<$x *>\n"), run.out());
    assertTrue(run.out().contains("<--add-modules=jdk.incubator.vector>"), run.out());
    assertTrue(run.out().contains("<-Dpalimpsest.home=" + home.toRealPath() + ">"), run.out());
    assertEquals("another message\n", run.err());
  }

  @Test
  void buildsOnFirstUseAndWhenSourcesChange() throws Exception {
    Path jdk = jdk("the 25", "25");
    assertTrue(run("x").err().contains("the first time"));
    run("x");
    assertEquals(1, builds().size());
    assertTrue(builds().getFirst().startsWith("built with " + jdk + ": "), builds().toString());
    Path source = home.resolve("kernels/src/main/Source.java");
    Files.setLastModifiedTime(source, FileTime.from(Instant.now().plusSeconds(2)));
    assertTrue(run("x").err().contains("sources changed"));
    assertEquals(2, builds().size());
  }

  @Test
  void aChangedTestIsNoReasonToBuild() throws Exception {
    jdk("the 25", "25");
    run("x");
    Path test = home.resolve("kernels/src/test/SourceTest.java");
    Files.createDirectories(test.getParent());
    Files.writeString(test, "class SourceTest {}");
    Files.setLastModifiedTime(test, FileTime.from(Instant.now().plusSeconds(2)));
    Files.setLastModifiedTime(home.resolve("kernels/src"), LONG_AGO);
    run("x");
    assertEquals(1, builds().size());
  }

  @Test
  void aFailedBuildShowsItsLogAndIsTriedAgain() throws Exception {
    jdk("the 25", "25");
    Path source = home.resolve("cli/src/main/Source.java");
    write(source, "broken");
    for (int i = 1; i <= 2; i++) {
      Run run = run("x");
      assertEquals(1, run.status());
      assertTrue(run.err().contains("Source.java: broken"), run.err());
      assertEquals(i, builds().size());
    }
    assertFalse(Files.exists(home.resolve("cli/target/launcher.lock")));
    write(source, "class Source {}");
    assertEquals(7, run("x").status());
  }

  @Test
  void trainingRunsFromTheTrainerModule() throws Exception {
    jdk("the 25", "25");
    Run run = run("train", "--steps", "3");
    assertTrue(builds().getFirst().contains("-pl trainer"), builds().toString());
    assertTrue(
        run.out().endsWith("<dev.palimpsest.trainer.TrainCommand>\n<--steps>\n<3>\n"), run.out());
  }

  @Test
  void aLockWhoseOwnerIsGoneIsTakenOver() throws Exception {
    jdk("the 25", "25");
    write(home.resolve("cli/target/launcher.lock/pid"), "999999999");
    assertEquals(7, run("x").status());
    assertEquals(1, builds().size());
  }

  private List<String> builds() throws IOException {
    return Files.readAllLines(home.resolve("builds.log"));
  }
}
