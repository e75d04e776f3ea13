/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the README and its neighbours show works as they show it. */
class ReadmeTest {
  private static final Path ROOT = Path.of("").toAbsolutePath().getParent();
  private static final List<String> PAGES =
      List.of("README.md", "CONTRIBUTING.md", "docs/command-line.md");

  @TempDir Path folder;

  /** The fenced blocks of {@code page} in {@code language}. */
  private static List<String> blocks(String page, String language) throws IOException {
    Matcher fence =
        Pattern.compile("^```" + language + "\\n(.*?)^```", Pattern.MULTILINE | Pattern.DOTALL)
            .matcher(Files.readString(ROOT.resolve(page)));
    List<String> blocks = new ArrayList<>();
    while (fence.find()) {
      blocks.add(fence.group(1));
    }
    return blocks;
  }

  @Test
  void theExampleCompilesAndRuns() throws Exception {
    List<String> blocks = blocks("README.md", "java");
    assertEquals(1, blocks.size());
    compile("Example", blocks.getFirst());
    Path model = ROOT.resolve("models").resolve("java-tiny");
    assertTrue(Files.exists(model), model + " is missing");
    String printed = run("Example", model.toString());
    assertTrue(printed.startsWith("0: 8 to go\n"), printed);
    String written =
        printed.substring(printed.indexOf("\n8: 0 to go\n") + "\n8: 0 to go\n".length());
    assertTrue(written.startsWith("int max(int a, int b) { return"), printed);
    assertTrue(written.endsWith("; }\n"), printed);
  }

  private void compile(String name, String source) throws IOException {
    var compiler = ToolProvider.getSystemJavaCompiler();
    var problems = new DiagnosticCollector<JavaFileObject>();
    JavaFileObject file =
        new SimpleJavaFileObject(
            URI.create("string:///" + name + ".java"), JavaFileObject.Kind.SOURCE) {
          @Override
          public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return source;
          }
        };
    List<String> options =
        List.of(
            "-d", folder.toString(), "-cp", System.getProperty("java.class.path"), "-proc:none");
    boolean compiled = compiler.getTask(null, null, problems, options, null, List.of(file)).call();
    assertTrue(compiled, problems.getDiagnostics().toString());
  }

  private String run(String name, String... arguments) throws Exception {
    PrintStream usual = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    try (var loader = new URLClassLoader(new URL[] {folder.toUri().toURL()})) {
      System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
      loader.loadClass(name).getMethod("main", String[].class).invoke(null, (Object) arguments);
    } finally {
      System.setOut(usual);
    }
    return printed.toString(StandardCharsets.UTF_8);
  }

  static Stream<String> commands() throws IOException {
    List<String> commands = new ArrayList<>();
    for (String page : PAGES) {
      for (String block : blocks(page, "sh")) {
        block
            .replace("\\\n", " ")
            .lines()
            .filter(line -> line.startsWith("./palimpsest ") && !line.contains("…"))
            .forEach(commands::add);
      }
    }
    return commands.stream();
  }

  @ParameterizedTest
  @MethodSource("commands")
  void theCommandsShownAreUnderstood(String command) {
    List<String> words = new ArrayList<>();
    Matcher word = Pattern.compile("\"([^\"]*)\"|(\\S+)").matcher(command.replaceAll(" +#.*", ""));
    while (word.find()) {
      words.add(word.group(1) != null ? word.group(1) : word.group(2));
    }
    String[] arguments = words.subList(1, words.size()).toArray(String[]::new);
    if (arguments[0].equals("train")) {
      return; // Understood by the trainer, which is not on this class path.
    }
    var parsed = PalimpsestCommand.commandLine(Machine.here()).parseArgs(arguments);
    assertTrue(parsed.hasSubcommand(), command);
  }

  @Test
  void linksLeadSomewhere() throws IOException {
    List<String> broken = new ArrayList<>();
    for (String page : PAGES) {
      Path file = ROOT.resolve(page);
      Matcher link = Pattern.compile("]\\(([^)#]+)").matcher(Files.readString(file));
      while (link.find()) {
        String target = link.group(1);
        if (!target.startsWith("http") && Files.notExists(file.resolveSibling(target))) {
          broken.add(page + " -> " + target);
        }
      }
    }
    assertFalse(broken.stream().findAny().isPresent(), broken.toString());
  }
}
