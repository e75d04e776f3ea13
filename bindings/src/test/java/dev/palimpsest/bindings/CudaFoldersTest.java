/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.bindings.LibrarySearch.Found;
import dev.palimpsest.bindings.LibrarySearch.Missing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CudaFoldersTest {
  @TempDir private Path root;

  private Path folder(String path) throws IOException {
    return Files.createDirectories(root.resolve(path));
  }

  @Test
  void foldersAreFoundInTheOrderToLook() throws IOException {
    Path chosen = folder("chosen");
    Path named = folder("named");
    Path environment = folder("venv/lib/python3.12/site-packages/nvidia/cu13/lib");
    Path older = folder("venv/lib/python3.12/site-packages/nvidia/cublas/lib");
    folder("venv/lib/python3.12/site-packages/nvidia/empty");
    folder("venv/bin");
    Files.createFile(root.resolve("venv/bin/python3"));
    Path distribution = folder("usr/lib/python3/dist-packages/nvidia/cublas/lib");
    Path user = folder("home/.local/lib/python3.11/site-packages/nvidia/cublas/lib");
    Path toolkit = folder("usr/local/cuda/lib64");
    Map<String, String> variables =
        Map.of(
            "PALIMPSEST_CUDA_LIBRARIES",
            named + ":" + root.resolve("nowhere"),
            "PATH",
            root.resolve("none") + ":" + root.resolve("venv/bin"),
            "HOME",
            root.resolve("home").toString());
    assertEquals(
        List.of(chosen, named, environment, older, distribution, user, toolkit),
        CudaFolders.list(chosen + "::", variables, root));
    assertEquals(List.of(), CudaFolders.list("", Map.of(), root.resolve("nowhere")));
  }

  @Test
  void aLibraryThatEndsEarlyIsAnAnswerWithItsFile() throws IOException {
    Path cut = Files.writeString(root.resolve("libcublasLt.so.13"), "cut");
    Missing<?> missing =
        assertInstanceOf(Missing.class, CublasLt.open(List.of(root), List.of("libcublasLt.so.13")));
    assertTrue(missing.message().contains(cut.toString()), missing.message());
    // Another library under that name.
    Missing<?> other =
        assertInstanceOf(Missing.class, CublasLt.open(List.of(), List.of("libc.so.6")));
    assertTrue(other.message().contains("has no function cublasLtMatmul"), other.message());
  }

  @Test
  void aLibraryThatLacksAFunctionIsAnAnswerBeforeItIsCalled() {
    List<String> c = List.of("libc.so.6");
    assertInstanceOf(Found.class, CublasLibrary.load(List.of(root), c, List.of("malloc", "free")));
    Missing<?> lacking =
        assertInstanceOf(
            Missing.class,
            CublasLibrary.load(List.of(), c, List.of("malloc", "mallocated", "free", "freed")));
    assertTrue(lacking.message().endsWith("has no mallocated, freed"), lacking.message());
  }
}
