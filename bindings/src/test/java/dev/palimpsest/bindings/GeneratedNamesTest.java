/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.bindings.cuda.Cuda;
import dev.palimpsest.bindings.dnnl.Dnnl;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** jextract ignores an unknown name without a word; these tests do not. */
class GeneratedNamesTest {

  @Test
  void everyIncludedDnnlNameWasGenerated() {
    assertAllGenerated("dnnl.includes", Dnnl.class, 100);
  }

  @Test
  void everyIncludedCudaNameWasGenerated() {
    assertAllGenerated("cuda.includes", Cuda.class, 200);
  }

  @Test
  void aNameThatIsNotInTheHeaderIsNoticed() {
    IncludeList list =
        new IncludeList(List.of(new IncludeList.Entry("function", "dnnl_no_such_function")));
    assertEquals(List.of("function dnnl_no_such_function"), absent(list, Dnnl.class));
  }

  private static void assertAllGenerated(String resource, Class<?> header, int functions) {
    IncludeList list = IncludeList.read(resource);
    assertTrue(list.names("function").size() >= functions, "the list was read");
    assertEquals(List.of(), absent(list, header));
  }

  private static List<String> absent(IncludeList list, Class<?> header) {
    Set<String> members = new HashSet<>();
    for (Class<?> c = header; c != null; c = c.getSuperclass()) {
      Arrays.stream(c.getDeclaredMethods()).map(m -> m.getName()).forEach(members::add);
      Arrays.stream(c.getDeclaredFields()).map(f -> f.getName()).forEach(members::add);
    }
    List<String> absent = new ArrayList<>();
    for (IncludeList.Entry entry : list.entries()) {
      boolean generated =
          members.contains(entry.name())
              || isClass(header.getPackageName() + "." + entry.name(), header.getClassLoader());
      if (!generated) {
        absent.add(entry.kind() + " " + entry.name());
      }
    }
    return absent.stream().sorted().collect(Collectors.toList());
  }

  private static boolean isClass(String name, ClassLoader loader) {
    try {
      Class.forName(name, false, loader);
      return true;
    } catch (ClassNotFoundException e) {
      return false;
    }
  }
}
