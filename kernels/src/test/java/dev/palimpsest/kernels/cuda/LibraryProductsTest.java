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
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Products by cuBLASLt, which the emulator stands in for: it refuses what is not meant so. */
class LibraryProductsTest {
  @TempDir private Path folder;

  @BeforeEach
  void choose() {
    Emulator.only();
    System.setProperty(Products.PROPERTY, "cublaslt");
    System.setProperty(CudaFolders.PROPERTY, folder.toString());
  }

  @AfterEach
  void forget() {
    System.clearProperty(Products.PROPERTY);
    System.clearProperty(CudaFolders.PROPERTY);
  }

  private void library() throws IOException {
    Files.createSymbolicLink(
        folder.resolve("libcublasLt.so.13"),
        Path.of(System.getProperty(CudaLibrary.PATH_PROPERTY)));
  }

  @Test
  void productsAreThoseOfTheReferenceInEveryBatch() throws IOException {
    library();
    int in = 72;
    int out = 40;
    try (CudaFixture f = new CudaFixture(ComputeType.BF16)) {
      assertTrue(f.device.describe().contains("bf16 by cuBLASLt 13.1.0 ("), f.device.describe());
      assertEquals(1, Emulator.cublasHandles());
      float[] w = f.gaussian(1, out * in);
      PackedLinear map = f.device.pack(Fixture.view(f.arena, "w", DType.F32, w, out, in));
      float[] all = f.gaussian(2, 33 * in);
      double[] expected = Reference.product(all, w, 33, in, out);
      float[] first = null;
      for (int m : new int[] {1, 7, 33}) {
        Tensor x = f.tensor(f.type, Arrays.copyOf(all, m * in), in);
        Tensor stored = f.empty(DType.F32, m, out);
        f.device.linear(x, m, map, stored);
        float[] found = f.read(stored, m);
        near("stored", found, Arrays.copyOf(expected, m * out), 4e-3);
        first = first == null ? found : first;
        assertArrayEquals(first, Arrays.copyOf(found, out), m + " rows");
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
  @Test
  void whatTheLibraryDoesNotTakeGoesToOurKernels() throws IOException {
    library();
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
  @Test
  void callsAreReplayedInAGraph() throws IOException {
    library();
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
      assertEquals(3, Emulator.graphLaunches() - replays);
    }
  }

  @Test
  void aMissingOrDamagedLibraryIsAnAnswerThatSaysWhere() throws IOException {
    Files.writeString(folder.resolve("libcublasLt.so.13"), "not much of a library");
    String message =
        assertInstanceOf(Missing.class, CudaDevice.find(CudaOptions.DEFAULT)).message();
    assertTrue(message.contains("palimpsest.cuda.matmul=cublaslt was asked for"), message);
    assertTrue(message.contains(folder.resolve("libcublasLt.so.13").toString()), message);
    assertTrue(message.contains("palimpsest.cuda.libraries"), message);
    System.setProperty(Products.PROPERTY, "mkl");
    message = assertInstanceOf(Missing.class, CudaDevice.find(CudaOptions.DEFAULT)).message();
    assertTrue(message.contains("wants own or cublaslt; found mkl"), message);
    assertEquals(0, Emulator.memoryUsed());
    System.setProperty(Products.PROPERTY, "own");
    try (CudaDevice device = CudaDevice.find(CudaOptions.DEFAULT).orThrow()) {
      assertTrue(device.describe().endsWith("bf16 by our own kernels"), device.describe());
    }
  }
}
