/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import dev.palimpsest.bindings.LibrarySearch;
import dev.palimpsest.bindings.OneDnnLibrary;
import dev.palimpsest.kernels.DType;
import java.util.Optional;

/** Chooses once, when a device opens, who computes what. */
final class Providers {
  private static final String VECTOR_MODULE = "jdk.incubator.vector";

  private Providers() {}

  /** Who computes, and why. */
  record Choice(RowKernels kernels, Gemm gemm, String reason) {}

  static Choice choose(CpuOptions options, ThreadTeam team, NativeMemory memory) {
    StringBuilder reason = new StringBuilder();
    RowKernels kernels = rowKernels(options, reason);
    reason.append("; ");
    Gemm gemm = gemm(options, team, memory, kernels, reason);
    return new Choice(kernels, gemm, reason.toString());
  }

  private static RowKernels rowKernels(CpuOptions options, StringBuilder reason) {
    if (options.vector() == CpuOptions.Vector.OFF) {
      reason.append("Vector API off by option");
      return new PlainRowKernels();
    }
    Optional<RowKernels> vector = vectorKernels();
    reason.append(
        vector.isPresent()
            ? "Vector API present"
            : "no Vector API (start Java with --add-modules " + VECTOR_MODULE + ")");
    return vector.orElseGet(PlainRowKernels::new);
  }

  /** The Vector API's kernels; their class is not touched when the module is absent. */
  private static Optional<RowKernels> vectorKernels() {
    if (ModuleLayer.boot().findModule(VECTOR_MODULE).isEmpty()) {
      return Optional.empty();
    }
    RowKernels kernels = new VectorRowKernels();
    // Panels of two vectors: shorter ones are not worth it, longer ones were not foreseen.
    boolean fits = kernels.panelWidth() >= 8 && kernels.panelWidth() <= 64;
    return fits ? Optional.of(kernels) : Optional.empty();
  }

  private static Gemm gemm(
      CpuOptions options,
      ThreadTeam team,
      NativeMemory memory,
      RowKernels kernels,
      StringBuilder reason) {
    DType wanted = options.computeType() == CpuOptions.ComputeType.BF16 ? DType.BF16 : DType.F32;
    switch (options.gemm()) {
      case PLAIN -> {
        reason.append("plain Java products by option");
        return new PanelGemm(team, new PlainRowKernels(), wanted, memory);
      }
      case VECTOR -> {
        reason.append("Vector API products by option");
        RowKernels vector =
            vectorKernels()
                .orElseThrow(
                    () ->
                        new IllegalStateException(
                            "gemm VECTOR wants the module "
                                + VECTOR_MODULE
                                + "; start Java with --add-modules "
                                + VECTOR_MODULE
                                + " or choose gemm AUTO"));
        return new PanelGemm(team, vector, wanted, memory);
      }
      case ONEDNN -> {
        reason.append("oneDNN by option");
        OneDnnLibrary library = OneDnnLibrary.find().orThrow();
        return new OneDnnGemm(library, team, kernels, oneDnnType(options), memory);
      }
      case AUTO -> {
        switch (OneDnnLibrary.find()) {
          case LibrarySearch.Found<OneDnnLibrary>(OneDnnLibrary library) -> {
            reason.append("oneDNN found");
            return new OneDnnGemm(library, team, kernels, oneDnnType(options), memory);
          }
          case LibrarySearch.Missing<OneDnnLibrary> missing -> {
            reason.append(missing.message());
            return new PanelGemm(team, kernels, wanted, memory);
          }
        }
      }
    }
    throw new IllegalStateException("unknown gemm choice " + options.gemm());
  }

  private static DType oneDnnType(CpuOptions options) {
    return switch (options.computeType()) {
      case F32 -> DType.F32;
      case BF16 -> DType.BF16;
      case AUTO -> DnnlEngine.nativeBfloat16() ? DType.BF16 : DType.F32;
    };
  }
}
