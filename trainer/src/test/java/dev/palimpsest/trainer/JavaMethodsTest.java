/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class JavaMethodsTest {
  private final JavaMethods parser = new JavaMethods();

  @Test
  void whatParsesIsAccepted() {
    assertTrue(parser.accepts("int next() { return unknownName + 1; }"));
    assertFalse(parser.accepts("int next() { return = 1; }"));
    assertFalse(parser.accepts("int next() { return 1 }"));
    assertFalse(parser.accepts("int next() { return 1; } }"));
  }

  @Test
  void constructorsAreAccepted() {
    assertTrue(parser.accepts("Point(int x) { this.x = x; }"));
    assertTrue(parser.accepts("@Deprecated public <T> Point(T x) { this.x = x; }"));
    assertTrue(parser.accepts("@Tag({\"a\"}) protected Point(int x) { }"));
    assertTrue(parser.accepts("public Point { if (x < 0) { throw new Error(); } }"));
    assertFalse(parser.accepts("Point(int x) { this.x = ; }"));
    assertFalse(parser.accepts("Point(int x) { } }"));
  }

  @Test
  void methodsWithABodyAreFound() {
    String file =
        "abstract class A {\n  abstract int none();\n  @Override public int one(int a) {\n"
            + "    return a;\n  }\n  A() {\n  }\n}\n";
    List<JavaMethods.Method> found = parser.methods(file);
    assertEquals(2, found.size());
    JavaMethods.Method one = found.getFirst();
    assertEquals(
        "@Override public int one(int a) {\n    return a;\n  }",
        file.substring(one.start(), one.end()));
    assertEquals('{', file.charAt(one.body()));
  }

  @Test
  void aMethodEndsWithTheBraceThatClosesIt() {
    assertEquals(
        Optional.of("f() { if (a) { '}'; \"\\\"}\"; } // }\n}"),
        JavaMethods.closed("f() { if (a) { '}'; \"\\\"}\"; } // }\n} more { }"));
    assertEquals(Optional.empty(), JavaMethods.closed("f() { { }"));
    String annotated = "@Tag({\"a\", \"b\"}) int f(int x) { g(() -> { }); return x; }";
    assertEquals(Optional.of(annotated), JavaMethods.closed(annotated + " }"));
  }

  @Test
  void editSimilarityCountsEdits() {
    assertEquals(1, EditSimilarity.of("", ""));
    assertEquals(1, EditSimilarity.of("abc", "abc"));
    assertEquals(0, EditSimilarity.of("abc", "xyz"));
    assertEquals(1 - 3.0 / 7, EditSimilarity.of("kitten", "sitting"), 1e-12);
  }
}
