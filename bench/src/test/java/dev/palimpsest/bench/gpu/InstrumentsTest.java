/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The committed fatbins of the kernels that measure are those of the committed sources. */
class InstrumentsTest {
  @Test
  void theyAreOfTheseSources() throws Exception {
    Process hash = new ProcessBuilder("gpu/compile", "--hash").start();
    String now = new String(hash.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    assertEquals(0, hash.waitFor());
    assertEquals(
        Files.readString(Path.of("src/main/fatbins/manifest.tsv")).strip(),
        "sources\t" + now,
        "stale: instruments.cu or portable.cuh has changed since they were compiled;"
            + " run bench/gpu/compile where there is an nvcc");
  }
}
