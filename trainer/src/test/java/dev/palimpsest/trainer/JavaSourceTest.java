/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class JavaSourceTest {
  @Test
  void commentsGoAndLiteralsStay() {
    String source =
        """
        /** Doc. */
        class A { // tail
          String url = "http://x/*y*/";  /* gone */ char c = '"'; char d = '\\\\'; // '
          String t = \"""
              // kept \\""\" /* kept */
              \""";
          int/**/i = 1 /2;
        }
        """;
    assertEquals(
        """
        class A {
          String url = "http://x/*y*/";   char c = '"'; char d = '\\\\';
          String t = \"""
              // kept \\""\" /* kept */
              \""";
          int i = 1 /2;
        }
        """,
        JavaSource.normalized(JavaSource.withoutComments(source)));
  }

  @Test
  void anUnclosedCommentOrLiteralEndsWithTheFile() {
    assertEquals("a ", JavaSource.withoutComments("a /* b"));
    assertEquals("a \"b", JavaSource.withoutComments("a \"b"));
    assertEquals("a '\\", JavaSource.withoutComments("a '\\"));
  }

  @Test
  void whitespaceIsNormalised() {
    assertEquals(
        "class A {\n    int i;\n\n    int j;\n}\n",
        JavaSource.normalized("\r\n\r\nclass A {\r\n\r\n\tint i;  \n\n\n\n    int j;\n}\n\n\n"));
  }

  @Test
  void tablesAndSnippetsAreNotUsable() {
    String code = "int value = compute(first, second);\n".repeat(20);
    assertTrue(JavaSource.usable(code));
    assertFalse(JavaSource.usable("int i;\n"));
    assertFalse(JavaSource.usable("{12, 34, 56, 78},\n".repeat(50)));
    assertFalse(JavaSource.usable(code + "x".repeat(500) + "\n"));
    assertFalse(JavaSource.usable(code + "\u00e9".repeat(50)));
  }
}
