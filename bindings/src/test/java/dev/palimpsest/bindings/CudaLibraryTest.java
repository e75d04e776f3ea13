/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.palimpsest.bindings.LibrarySearch.Found;
import dev.palimpsest.bindings.LibrarySearch.Missing;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class CudaLibraryTest {

  @Test
  void aMissingDriverIsAnAnswerThatNamesTheSonamesTried() {
    List<String> sonames = List.of("libpalimpsest-no-driver.so.1", "libpalimpsest-no-driver.so");
    Missing<CudaLibrary> missing = missing(CudaLibrary.search("", sonames));
    assertEquals(2, missing.reasons().size(), missing.message());
    for (int i = 0; i < 2; i++) {
      assertTrue(missing.reasons().get(i).startsWith(sonames.get(i) + ":"), missing.message());
    }
    MissingLibraryException e = assertThrows(MissingLibraryException.class, missing::orThrow);
    assertEquals(missing.reasons(), e.reasons());
  }

  @Test
  void onAnyMachineTheSearchAnswers() {
    switch (CudaLibrary.find()) {
      case Found<CudaLibrary>(CudaLibrary driver) -> {
        assertTrue(driver.version() >= 11000, "version " + driver.version());
        assertTrue(driver.has("cuLaunchKernel"), driver.path().toString());
      }
      case Missing<CudaLibrary> missing ->
          assertTrue(
              missing.reasons().size() == CudaLibrary.SONAMES.size()
                  || missing.message().contains("cuInit"),
              missing.message());
    }
  }

  @Test
  void aLibraryThatIsNoDriverIsAnAnswer() {
    // The C library is on every Linux machine and has no cuInit.
    Missing<CudaLibrary> missing = missing(CudaLibrary.search("", List.of("libc.so.6")));
    assertTrue(missing.message().contains("cuInit"), missing.message());
  }

  @Test
  void aWrongPathNamesThePropertyAndTheFile() {
    Path nowhere = Path.of("no", "such", "libcuda.so.1");
    Missing<CudaLibrary> missing =
        missing(CudaLibrary.search(nowhere.toString(), CudaLibrary.SONAMES));
    assertTrue(missing.message().contains(CudaLibrary.PATH_PROPERTY), missing.message());
    assertTrue(missing.message().contains(nowhere.toAbsolutePath().toString()), missing.message());
  }

  private static Missing<CudaLibrary> missing(LibrarySearch<CudaLibrary> answer) {
    return switch (answer) {
      case Missing<CudaLibrary> missing -> missing;
      case Found<CudaLibrary>(CudaLibrary driver) -> fail("found " + driver.path());
    };
  }

  @Test
  void statusesHaveNamesWithoutADriver() {
    assertEquals("CUDA_SUCCESS", new CudaStatus(0).name());
    assertEquals("CUDA_ERROR_OUT_OF_MEMORY", new CudaStatus(2).name());
    assertEquals("CUresult 4711", new CudaStatus(4711).name());
    CudaDriver.check(0, "cuInit(0)");
    CudaException e =
        assertThrows(CudaException.class, () -> CudaDriver.check(100, "cuDeviceGet(0)"));
    assertEquals("CUDA: cuDeviceGet(0): CUDA_ERROR_NO_DEVICE (100)", e.getMessage());
  }
}
