/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static dev.palimpsest.kernels.cuda.CudaFixture.near;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.bindings.CudaFolders;
import dev.palimpsest.bindings.CudaLibrary;
import dev.palimpsest.bindings.LibrarySearch.Missing;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.cpu.Fixture;
import dev.palimpsest.kernels.cpu.Reference;
import dev.palimpsest.kernels.cuda.CudaOptions.ComputeType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Products by cuBLASLt, and by cuBLAS through JCublas, which the emulator stands in for: it refuses
 * what is not meant so.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class LibraryProductsTest {
  private static final int MOST_ROWS = JCublasProducts.ROWS + 5;
  private static final Map<String, String> TITLES =
      Map.of(Products.CUBLASLT, "bf16 by cuBLASLt ", Products.JCUBLAS, "bf16 by cuBLAS 12.");

  @TempDir private Path folder;

  @BeforeEach
  void choose() {
    Emulator.required();
    if (!Emulator.chip()) {
      System.setProperty(CudaFolders.PROPERTY, folder.toString());
    }
  }

  @AfterEach
  void forget() {
    System.clearProperty(Products.PROPERTY);
    System.clearProperty(CudaFolders.PROPERTY);
  }

  /** The stand-in; on a GPU the library that is there, or no test. */
  private void library(String name) throws IOException {
    System.setProperty(Products.PROPERTY, name);
    if (Emulator.chip()) {
      try (CudaDevice device = CudaDevice.find(CudaOptions.DEFAULT).orThrow()) {
        Assumptions.assumeTrue(device.describe().contains(TITLES.get(name)), device.describe());
      }
      return;
    }
    Path driver = Path.of(System.getProperty(CudaLibrary.PATH_PROPERTY));
    if (name.equals(Products.CUBLASLT)) {
      Files.createSymbolicLink(folder.resolve("libcublasLt.so.13"), driver);
    } else {
      Files.createSymbolicLink(
          folder.resolve("libcublas.so.12"), driver.resolveSibling("libcublas.so.12"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {Products.CUBLASLT, Products.JCUBLAS})
  void productsAreThoseOfTheReferenceInEveryBatch(String name) throws IOException {
    library(name);
    int in = 72;
    int out = 40;
    try (CudaFixture f = new CudaFixture(ComputeType.BF16)) {
      assertTrue(f.device.describe().contains(TITLES.get(name)), f.device.describe());
      if (!Emulator.chip()) {
        String version =
            name.equals(Products.CUBLASLT)
                ? "cuBLASLt 13.1.0 ("
                : "cuBLAS 12.6.4 through JCublas (";
        assertTrue(f.device.describe().contains(version), f.device.describe());
        assertEquals(1, Emulator.cublasHandles());
      }
      float[] w = f.gaussian(1, out * in);
      PackedLinear map = f.device.pack(Fixture.view(f.arena, "w", DType.F32, w, out, in));
      float[] all = f.gaussian(2, MOST_ROWS * in);
      double[] expected = Reference.product(all, w, MOST_ROWS, in, out);
      float[] first = null;
      for (int m : new int[] {1, 7, 33, JCublasProducts.ROWS, MOST_ROWS}) {
        Tensor x = f.tensor(f.type, Arrays.copyOf(all, m * in), in);
        Tensor stored = f.empty(DType.F32, m, out);
        f.device.linear(x, m, map, stored);
        float[] found = f.read(stored, m);
        near("stored", found, Arrays.copyOf(expected, m * out), 4e-3);
        first = first == null ? found : first;
        assertArrayEquals(first, Arrays.copyOf(found, out), m + " rows");
        int last = (m - 1) * in;
        Tensor alone = f.tensor(f.type, Arrays.copyOfRange(all, last, last + in), in);
        Tensor lastSums = f.empty(DType.F32, 1, out);
        f.device.linear(alone, 1, map, lastSums);
        assertArrayEquals(
            f.read(lastSums, 1), Arrays.copyOfRange(found, (m - 1) * out, m * out), "the last row");
        f.device.linearAdd(x, m, map, stored);
        float[] twice = found.clone();
        for (int i = 0; i < twice.length; i++) {
          twice[i] += found[i];
        }
        assertArrayEquals(twice, f.read(stored, m));
      }
    }
    assertEquals(0, Emulator.cublasHandles());
    assertEquals(0, Emulator.memoryUsed());
  }

  /** Widths that are no whole 16 bytes, gated maps and biases are for our own kernels. */
  @ParameterizedTest
  @ValueSource(strings = {Products.CUBLASLT, Products.JCUBLAS})
  void whatTheLibraryDoesNotTakeGoesToOurKernels(String name) throws IOException {
    library(name);
    try (CudaFixture f = new CudaFixture(ComputeType.BF16)) {
      float[] w = f.gaussian(1, 16 * 20);
      PackedLinear odd = f.device.pack(Fixture.view(f.arena, "w", DType.F32, w, 16, 20));
      float[] x = f.gaussian(2, 3 * 20);
      Tensor out = f.empty(DType.F32, 3, 16);
      f.device.linear(f.tensor(f.type, x, 20), 3, odd, out);
      near("odd", f.read(out, 3), Reference.product(x, w, 3, 20, 16), 4e-3);
      float[] g = f.gaussian(3, 16 * 24);
      float[] u = f.gaussian(4, 16 * 24);
      PackedLinear gated =
          f.device.packGated(
              Fixture.view(f.arena, "g", DType.F32, g, 16, 24),
              Fixture.view(f.arena, "u", DType.F32, u, 16, 24));
      float[] y = f.gaussian(5, 3 * 24);
      Tensor act = f.empty(f.type, 3, 16);
      f.device.gatedSilu(f.tensor(f.type, y, 24), 3, gated, act);
      near(
          "gated",
          f.read(act, 3),
          Reference.gatedSilu(
              Reference.product(y, g, 3, 24, 16), Reference.product(y, u, 3, 24, 16)),
          8e-3);
    }
  }

  /** A library's call is kept, captured and replayed like a launch. */
  @ParameterizedTest
  @ValueSource(strings = {Products.CUBLASLT, Products.JCUBLAS})
  void callsAreReplayedInAGraph(String name) throws IOException {
    library(name);
    int width = 64;
    try (CudaFixture f = new CudaFixture(ComputeType.BF16, false)) {
      float[] w = f.gaussian(1, width * width);
      PackedLinear map = f.device.pack(Fixture.view(f.arena, "w", DType.F32, w, width, width));
      Tensor weight =
          f.device.vector(Fixture.view(f.arena, "n", DType.F32, Fixture.gaussian(2, width), width));
      Tensor raw = f.tensor(DType.F32, Fixture.gaussian(3, 5 * width), width);
      Tensor x = f.device.allocate(f.type, 5, width);
      Tensor sums = f.device.allocate(DType.F32, 5, width);
      float[] first = null;
      long replays = Emulator.graphLaunches();
      for (int i = 0; i < 4; i++) {
        f.device.rmsNorm(raw, 5, weight, 1e-5f, x);
        f.device.linear(x, 5, map, sums);
        f.device.linearAdd(x, 5, map, sums);
        f.device.rmsNorm(sums, 5, weight, 1e-5f, x);
        float[] logits = new float[5 * width];
        f.device.logits(x, 5, map, MemorySegment.ofArray(logits));
        first = first == null ? logits : first;
        assertArrayEquals(first, logits, "turn " + i);
      }
      Emulator.replayed(3, replays);
    }
  }

  /** First of all: a library that was loaded once is found by its name. */
  @Test
  @Order(1)
  void theNextTakesTheProductsOfALibraryThatIsMissingOrDamaged() throws IOException {
    Emulator.only();
    Path damaged = Files.writeString(folder.resolve("libcublas.so.12"), "not much of a library");
    Files.copy(damaged, folder.resolve("libcublasLt.so.13"));
    for (String name : List.of(Products.CUBLASLT, Products.JCUBLAS)) {
      System.setProperty(Products.PROPERTY, name);
      List<String> lines = new ArrayList<>();
      try (CudaDevice device = opened(lines)) {
        assertTrue(device.describe().endsWith("bf16 by our own kernels"), device.describe());
      }
      int tried = name.equals(Products.CUBLASLT) ? 2 : 1;
      assertEquals(tried + 1, lines.size(), lines.toString());
      assertTrue(lines.getFirst().startsWith("-Dpalimpsest.cuda.matmul=" + name), lines.toString());
      assertTrue(lines.get(tried - 1).contains(damaged.toString()), lines.toString());
      assertTrue(lines.get(tried - 1).contains("palimpsest.cuda.libraries"), lines.toString());
      assertTrue(lines.get(tried - 1).endsWith("next is own"), lines.toString());
      assertTrue(
          lines.getLast().endsWith(" (" + name + " was asked for, and no library is here)"),
          lines.toString());
    }
    Files.delete(damaged);
    library(Products.JCUBLAS);
    System.setProperty(Products.PROPERTY, Products.CUBLASLT);
    List<String> lines = new ArrayList<>();
    try (CudaDevice device = opened(lines)) {
      assertTrue(device.describe().contains(TITLES.get(Products.JCUBLAS)), device.describe());
    }
    assertEquals(2, lines.size(), lines.toString());
    assertTrue(lines.getFirst().endsWith("next is jcublas"), lines.toString());
    assertTrue(
        lines.getLast().endsWith(" (the next after cublaslt that is here)"), lines.getLast());
    assertEquals(0, Emulator.memoryUsed());
  }

  @Test
  void anotherNameIsRefused() {
    System.setProperty(Products.PROPERTY, "mkl");
    String message =
        assertInstanceOf(Missing.class, CudaDevice.find(CudaOptions.DEFAULT)).message();
    assertTrue(message.contains("wants one of cublaslt, jcublas, own; found mkl"), message);
    System.setProperty(Products.PROPERTY, "own");
    try (CudaDevice device = CudaDevice.find(CudaOptions.DEFAULT).orThrow()) {
      assertTrue(device.describe().endsWith("bf16 by our own kernels"), device.describe());
    }
  }

  /** A device, and what was logged while it was opened. */
  private static CudaDevice opened(List<String> lines) {
    Handler handler =
        new Handler() {
          @Override
          public void publish(LogRecord line) {
            lines.add(new SimpleFormatter().formatMessage(line));
          }

          @Override
          public void flush() {}

          @Override
          public void close() {}
        };
    Logger logger = Logger.getLogger(CudaDevice.class.getPackageName());
    logger.addHandler(handler);
    try {
      return CudaDevice.find(CudaOptions.DEFAULT).orThrow();
    } finally {
      logger.removeHandler(handler);
    }
  }
}
