/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

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

/** What the JDK's own parser says of a Java file; nothing is compiled or written. */
final class JavaSyntax {
  /**
   * A method's body.
   *
   * @param open where its brace stands, in characters
   * @param close where the closing one stands
   */
  record Body(int open, int close) {}

  private final JavaCompiler compiler;

  /**
   * @throws IllegalStateException on a runtime image without the compiler
   */
  JavaSyntax() {
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

  /** Whether the file is accepted. */
  boolean accepts(String file) {
    DiagnosticCollector<JavaFileObject> found = new DiagnosticCollector<>();
    parse(task(file, found));
    return found.getDiagnostics().stream().noneMatch(d -> d.getKind() == Diagnostic.Kind.ERROR);
  }

  /** The bodies of all methods of a file that is accepted. */
  List<Body> bodies(String file) {
    List<Body> bodies = new ArrayList<>();
    JavacTask task = task(file, new DiagnosticCollector<>());
    SourcePositions positions = Trees.instance(task).getSourcePositions();
    for (CompilationUnitTree unit : parse(task)) {
      new TreeScanner<Void, Void>() {
        @Override
        public Void visitMethod(MethodTree node, Void unused) {
          if (node.getBody() != null) {
            int open = (int) positions.getStartPosition(unit, node.getBody());
            int end = (int) positions.getEndPosition(unit, node.getBody());
            if (open >= 0 && end > open && file.charAt(open) == '{') {
              bodies.add(new Body(open, end - 1));
            }
          }
          return super.visitMethod(node, unused);
        }
      }.scan(unit, null);
    }
    return bodies;
  }

  /**
   * How much of {@code text}, which stands behind an open brace, lies before the brace that closes
   * it; empty if none does. Braces in literals do not count.
   */
  static Optional<String> untilClosed(String text) {
    int depth = 1;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\'') {
        int end = i + 1;
        while (end < text.length() && text.charAt(end) != c && text.charAt(end) != '\n') {
          end += text.charAt(end) == '\\' ? 2 : 1;
        }
        i = end;
      } else if (c == '{') {
        depth++;
      } else if (c == '}' && --depth == 0) {
        return Optional.of(text.substring(0, i));
      }
    }
    return Optional.empty();
  }

  private JavacTask task(String text, DiagnosticCollector<JavaFileObject> diagnostics) {
    return (JavacTask)
        compiler.getTask(
            null, null, diagnostics, List.of("-proc:none"), null, List.of(new Text(text)));
  }

  private static Iterable<? extends CompilationUnitTree> parse(JavacTask task) {
    try {
      return task.parse();
    } catch (IOException e) {
      throw new IllegalStateException("parsing text in memory does no input", e);
    }
  }
}
