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
import java.util.regex.Matcher;
import java.util.regex.Pattern;
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

  /** The name behind annotations, modifiers and type parameters, and what follows it. */
  private static final Pattern CONSTRUCTOR =
      Pattern.compile(
          "(?:@[\\w.]+(?:\\([^)]*\\))?\\s*|(?:public|protected|private)\\s+|<[^()]*>\\s*)*(\\w+)\\s*([({])");

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

  /** Whether a whole method or constructor, put into a class, is accepted. */
  boolean accepts(String method) {
    if (parses("class X {\n" + method + "\n}\n")) {
      return true;
    }
    // A constructor has its class's name, and the compact one of a record no parentheses.
    Matcher constructor = CONSTRUCTOR.matcher(method);
    return constructor.lookingAt()
        && (constructor.group(2).equals("(")
            ? parses("class " + constructor.group(1) + " {\n" + method + "\n}\n")
            : parses("record " + constructor.group(1) + "() {\n" + method + "\n}\n"));
  }

  private boolean parses(String file) {
    DiagnosticCollector<JavaFileObject> diagnostics = new DiagnosticCollector<>();
    try {
      task(file, diagnostics).parse();
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
   * and comments do not count, nor do those of annotations before the first.
   */
  static Optional<String> closed(String text) {
    int depth = 0;
    int parentheses = 0;
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
      } else if (depth == 0 && (c == '(' || c == ')')) {
        parentheses += c == '(' ? 1 : -1;
      } else if (c == '{' && (depth > 0 || parentheses == 0)) {
        depth++;
      } else if (c == '}' && depth > 0 && --depth == 0) {
        return Optional.of(text.substring(0, i + 1));
      }
    }
    return Optional.empty();
  }
}
