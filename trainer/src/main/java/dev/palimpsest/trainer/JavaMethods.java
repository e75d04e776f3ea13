/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.SourcePositions;
import com.sun.source.util.TreeScanner;
import com.sun.source.util.Trees;
import java.io.IOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/** What the JDK's own parser says of Java text; nothing is compiled or written. */
final class JavaMethods {
  /**
   * A method of a file.
   *
   * @param start where its modifiers begin, in characters
   * @param body where the brace of its body stands
   * @param end one past its closing brace
   */
  record Method(int start, int body, int end) {}

  private final JavaCompiler compiler;

  /**
   * @throws IllegalStateException on a runtime image without the compiler
   */
  JavaMethods() {
    compiler =
        Optional.ofNullable(ToolProvider.getSystemJavaCompiler())
            .orElseThrow(
                () ->
                    new IllegalStateException(
                        "this Java has no compiler (module jdk.compiler); run a full JDK"));
  }

  private static final class Text extends SimpleJavaFileObject {
    private final String text;

    Text(String text) {
      super(URI.create("string:///X.java"), Kind.SOURCE);
      this.text = text;
    }

    @Override
    public CharSequence getCharContent(boolean ignoreEncodingErrors) {
      return text;
    }
  }

  private JavacTask task(String text, DiagnosticCollector<JavaFileObject> diagnostics) {
    return (JavacTask)
        compiler.getTask(
            null, null, diagnostics, List.of("-proc:none"), null, List.of(new Text(text)));
  }

  /** Whether a whole method, put into a class, is accepted. */
  boolean accepts(String method) {
    DiagnosticCollector<JavaFileObject> diagnostics = new DiagnosticCollector<>();
    try {
      task("class X {\n" + method + "\n}\n", diagnostics).parse();
    } catch (IOException e) {
      throw new IllegalStateException("parsing text in memory does no input", e);
    }
    return diagnostics.getDiagnostics().stream()
        .noneMatch(d -> d.getKind() == Diagnostic.Kind.ERROR);
  }

  /** The methods with a body of a file that parses; none otherwise. */
  List<Method> methods(String file) {
    DiagnosticCollector<JavaFileObject> diagnostics = new DiagnosticCollector<>();
    List<Method> found = new ArrayList<>();
    try {
      JavacTask task = task(file, diagnostics);
      SourcePositions positions = Trees.instance(task).getSourcePositions();
      for (CompilationUnitTree unit : task.parse()) {
        new TreeScanner<Void, Void>() {
          @Override
          public Void visitMethod(MethodTree node, Void unused) {
            if (node.getBody() != null) {
              int start = (int) positions.getStartPosition(unit, node);
              int body = (int) positions.getStartPosition(unit, node.getBody());
              int end = (int) positions.getEndPosition(unit, node);
              if (start >= 0 && start < body && body < end) {
                found.add(new Method(start, body, end));
              }
            }
            return null;
          }
        }.scan(unit, null);
      }
    } catch (IOException e) {
      throw new IllegalStateException("parsing text in memory does no input", e);
    }
    return found;
  }

  /**
   * The text up to the brace that closes the first one opened, if it is closed. Braces in literals
   * and comments do not count.
   */
  static Optional<String> closed(String text) {
    int depth = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\'') {
        int end = i + 1;
        while (end < text.length() && text.charAt(end) != c && text.charAt(end) != '\n') {
          end += text.charAt(end) == '\\' ? 2 : 1;
        }
        i = end;
      } else if (text.startsWith("//", i)) {
        int end = text.indexOf('\n', i);
        i = end < 0 ? text.length() : end;
      } else if (c == '{') {
        depth++;
      } else if (c == '}' && --depth == 0) {
        return Optional.of(text.substring(0, i + 1));
      }
    }
    return Optional.empty();
  }
}
