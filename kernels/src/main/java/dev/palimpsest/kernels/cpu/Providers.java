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
    Gemm gemm =
        options.weights() == CpuOptions.Weights.INT8
            ? int8(options, team, memory, kernels, reason)
            : gemm(options, team, memory, kernels, reason);
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
    RowKernels kernels = new SeparateRowKernels(new VectorRowKernels());
    // Panels of two vectors: shorter ones are not worth it, longer ones were not foreseen.
    boolean fits = kernels.panelWidth() >= 8 && kernels.panelWidth() <= 64;
    return fits ? Optional.of(kernels) : Optional.empty();
  }

  private static RowKernels vectorOrThrow() {
    return vectorKernels()
        .orElseThrow(
            () ->
                new IllegalStateException(
                    "gemm VECTOR wants the module "
                        + VECTOR_MODULE
                        + "; start Java with --add-modules "
                        + VECTOR_MODULE
                        + " or choose gemm AUTO"));
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
        return new PanelGemm(team, vectorOrThrow(), wanted, memory);
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

  private static Gemm int8(
      CpuOptions options,
      ThreadTeam team,
      NativeMemory memory,
      RowKernels kernels,
      StringBuilder reason) {
    DType wanted = options.computeType() == CpuOptions.ComputeType.BF16 ? DType.BF16 : DType.F32;
    return switch (options.gemm()) {
      case PLAIN -> {
        reason.append("plain Java products by option");
        IntegerProducts plain = new PanelIntegers(new PlainRowKernels(), team);
        yield new Int8Gemm(team, kernels, wanted, memory, plain);
      }
      case VECTOR -> {
        reason.append("Vector API products by option");
        IntegerProducts vector = new PanelIntegers(vectorOrThrow(), team);
        yield new Int8Gemm(team, kernels, wanted, memory, vector);
      }
      case ONEDNN -> {
        reason.append("oneDNN by option");
        OneDnnLibrary library = OneDnnLibrary.find().orThrow();
        if (!DnnlEngine.exactIntegers()) {
          throw new IllegalStateException(
              "gemm ONEDNN with int8 weights wants a processor with VNNI; "
                  + saturation()
                  + ". Choose gemm AUTO or other weights");
        }
        IntegerProducts oneDnn = new OneDnnIntegers(library, team, memory);
        yield new Int8Gemm(team, kernels, oneDnnType(options), memory, oneDnn);
      }
      case AUTO ->
          switch (OneDnnLibrary.find()) {
            case LibrarySearch.Found<OneDnnLibrary>(OneDnnLibrary library)
                when DnnlEngine.exactIntegers() -> {
              reason.append("oneDNN found");
              IntegerProducts oneDnn = new OneDnnIntegers(library, team, memory);
              yield new Int8Gemm(team, kernels, oneDnnType(options), memory, oneDnn);
            }
            case LibrarySearch.Found<OneDnnLibrary> found -> {
              reason.append("oneDNN found, but ").append(saturation());
              yield new Int8Gemm(
                  team, kernels, oneDnnType(options), memory, new PanelIntegers(kernels, team));
            }
            case LibrarySearch.Missing<OneDnnLibrary> missing -> {
              reason.append(missing.message());
              yield new Int8Gemm(team, kernels, wanted, memory, new PanelIntegers(kernels, team));
            }
          };
    };
  }

  private static String saturation() {
    return "without VNNI its u8·s8 sums saturate (instruction set " + DnnlEngine.isa() + ")";
  }

  private static DType oneDnnType(CpuOptions options) {
    return switch (options.computeType()) {
      case F32 -> DType.F32;
      case BF16 -> DType.BF16;
      case AUTO -> DnnlEngine.nativeBfloat16() ? DType.BF16 : DType.F32;
    };
  }
}
