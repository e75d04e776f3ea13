/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.bindings.dnnl.Dnnl;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class OneDnnLibraryTest {

  @Test
  void itIsFoundOnceAndHasEveryGeneratedFunction() {
    OneDnnLibrary library = OneDnnLibrary.find().orThrow();
    assertSame(OneDnnLibrary.find(), OneDnnLibrary.find());
    assertTrue(library.version().startsWith(Dnnl.DNNL_VERSION_MAJOR() + "."), library.version());
    assertEquals(
        List.of(), IncludeList.read("dnnl.includes").missingFunctions(LibraryBinding.DNNL));
  }

  @Test
  void openMpThreadsAreOfTheCallingThread() throws Throwable {
    OneDnnLibrary library = OneDnnLibrary.find().orThrow();
    MethodHandle maxThreads = maxThreads();
    library.ompThreads(1);
    assertEquals(1, (int) maxThreads.invoke());
    CompletableFuture<Integer> other =
        CompletableFuture.supplyAsync(
            () -> {
              library.ompThreads(3);
              try {
                return (int) maxThreads.invoke();
              } catch (Throwable e) {
                throw new LinkageError("omp_get_max_threads", e);
              }
            },
            command -> Thread.ofPlatform().start(command));
    assertEquals(3, other.get());
    assertEquals(1, (int) maxThreads.invoke());
  }

  @SuppressWarnings("restricted")
  private static MethodHandle maxThreads() {
    return Linker.nativeLinker()
        .downcallHandle(
            LibraryBinding.DNNL.findOrThrow("omp_get_max_threads"),
            FunctionDescriptor.of(ValueLayout.JAVA_INT));
  }

  @Test
  void theOpenMpRuntimeWasAskedToWaitPassively() {
    OneDnnLibrary.find().orThrow();
    Map<String, String> set = System.getenv(); // what the user has set stays
    assertEquals(
        set.getOrDefault("OMP_WAIT_POLICY", "passive"), Environment.variable("OMP_WAIT_POLICY"));
    assertEquals(set.getOrDefault("GOMP_SPINCOUNT", "0"), Environment.variable("GOMP_SPINCOUNT"));
  }

  @Test
  void threadsBelowOneAreRefused() {
    OneDnnLibrary library = OneDnnLibrary.find().orThrow();
    assertThrows(IllegalArgumentException.class, () -> library.ompThreads(0));
  }

  @Test
  void statusCodesHaveNames() {
    assertEquals(DnnlStatus.UNIMPLEMENTED, DnnlStatus.of(Dnnl.dnnl_unimplemented()));
    assertEquals(DnnlStatus.UNKNOWN, DnnlStatus.of(4711));
    DnnlException e = assertThrows(DnnlException.class, () -> OneDnn.check(4711, "dnnl_nothing()"));
    assertTrue(e.getMessage().contains("dnnl_nothing()"), e.getMessage());
    assertTrue(e.getMessage().contains("4711"), e.getMessage());
    assertFalse(e.getMessage().contains("null"), e.getMessage());
  }
}
