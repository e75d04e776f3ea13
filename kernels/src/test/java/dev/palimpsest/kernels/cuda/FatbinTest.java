/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** The committed fatbins are those of the committed sources, and within their budget. */
class FatbinTest {
  private static final Path SOURCES = Path.of("src/main/cuda");
  private static final Path FATBINS = Path.of("src/main/fatbins");

  /** A line of the manifest: kernel, architecture, registers, spilled bytes, bytes of stack. */
  private static List<String[]> manifest() throws IOException {
    return Files.readAllLines(FATBINS.resolve("manifest.tsv")).stream()
        .map(line -> line.split("\t"))
        .toList();
  }

  @Test
  void theyAreOfTheseSources() throws Exception {
    Process hash = new ProcessBuilder(SOURCES.resolve("compile").toString(), "--hash").start();
    String now = new String(hash.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    assertEquals(0, hash.waitFor());
    assertEquals(
        manifest().getFirst()[1],
        now,
        "stale: the kernels have changed since they were compiled;"
            + " run kernels/src/main/cuda/compile kernels/src/main/fatbins where there is an nvcc");
  }

  @Test
  void everyKernelIsPackedForEveryArchitectureWithinItsBudget() throws IOException {
    Map<String, int[]> budget = new HashMap<>();
    for (String line : Files.readAllLines(SOURCES.resolve("budget.tsv"))) {
      String[] fields = line.split("\t");
      if (!line.startsWith("#")) {
        budget.put(fields[0], new int[] {Integer.parseInt(fields[1]), Integer.parseInt(fields[2])});
      }
    }
    Map<String, Set<String>> compiled = new HashMap<>();
    List<String> over = new ArrayList<>();
    for (String[] line : manifest().subList(3, manifest().size())) {
      compiled.computeIfAbsent(line[0], k -> new TreeSet<>()).add(line[1]);
      int[] most = budget.getOrDefault(line[0], new int[2]);
      if (Integer.parseInt(line[2]) > most[0] || Integer.parseInt(line[3]) > most[1]) {
        over.add(String.join(" ", line));
      }
    }
    assertEquals(List.of(), over, "beyond budget.tsv");
    assertEquals(budget.keySet(), compiled.keySet());
    for (Set<String> architectures : compiled.values()) {
      assertEquals(Set.of("sm_80", "sm_89", "sm_90a", "sm_100", "sm_120"), architectures);
    }
    Set<String> files = new HashSet<>();
    compiled.keySet().forEach(kernel -> files.add(kernel.substring(0, kernel.indexOf('/'))));
    for (String file : files) {
      byte[] image = Files.readAllBytes(FATBINS.resolve(file + ".fatbin"));
      assertTrue(image.length > 64, file);
      // 0xBA55ED50, little-endian: what the driver knows a fatbin by.
      assertEquals(0x50, image[0] & 0xFF, file);
      assertEquals(0xBA, image[3] & 0xFF, file);
    }
  }

  /** Kernels that carry the work of a step keep everything in registers. */
  @Test
  void hotKernelsSpillNothing() throws IOException {
    for (String[] line : manifest().subList(3, manifest().size())) {
      boolean hot =
          line[0].startsWith("matmul/")
              || line[0].startsWith("quantized/")
              || line[0].startsWith("attention/")
              || line[0].startsWith("attention_wgmma/")
              || line[0].matches("head/head_(floor_)?(few|many)");
      assertFalse(hot && !line[3].equals("0"), String.join(" ", line));
    }
  }
}
