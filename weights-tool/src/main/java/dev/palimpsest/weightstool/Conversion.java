/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weightstool;

import dev.palimpsest.family.Families;
import dev.palimpsest.family.Family;
import dev.palimpsest.family.ModelDescription;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.Checkpoints;
import dev.palimpsest.weights.ElementCodec;
import dev.palimpsest.weights.GgufWriter;
import dev.palimpsest.weights.SafetensorsWriter;
import dev.palimpsest.weights.TensorSink;
import dev.palimpsest.weights.TensorSpec;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongUnaryOperator;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes a checkpoint in another format or element type, tensor by tensor.
 *
 * <p>Matrices take the type asked for, or keep theirs; in Q8_0, those whose rows are not whole
 * blocks keep theirs. Norms and biases are F32 in GGUF, as its other readers want them; in
 * safetensors they take the type asked for, or that of the matrices if nothing is lost by it.
 */
final class Conversion {
  private static final long MAX_EMBEDDED_TOKENIZER = 48 << 20;
  static final String EMBEDDED_TOKENIZER = "tokenizer.huggingface.json";

  private final Checkpoint source;
  private final Family family;
  private final ModelDescription model;
  private final List<ModelTensor> tensors;
  private final Optional<DType> type;

  /**
   * @param type for the weights, or empty to keep what is there
   */
  Conversion(Checkpoint source, Optional<DType> type) {
    this.source = source;
    this.family = Families.of(source);
    this.model = family.describe(source);
    this.tensors = ModelTensor.of(source, family, model);
    this.type = type;
  }

  /** Writes {@code file} and the tokenizer's files beside it; returns the bytes of the weights. */
  long toGguf(Path file, boolean force, PrintWriter err) {
    Path folder = file.toAbsolutePath().getParent();
    OutputFiles out = new OutputFiles(folder, force);
    Path target = out.claim(file.getFileName().toString());
    List<Path> sidecars = out.claimSidecars(source.files().getFirst().toAbsolutePath());
    List<TensorSpec> specs = new ArrayList<>();
    for (ModelTensor t : tensors) {
      DType dtype = t.isVector() ? DType.F32 : matrixType(t.view());
      if (dtype == DType.I8) {
        throw new IllegalArgumentException(
            source.path()
                + ": tensor "
                + t.view().name()
                + " is I8 with a scale for each row, which GGUF has no type for; pass --dtype"
                + " q8_0, bf16 or f32");
      }
      specs.add(new TensorSpec(t.ggufName(), dtype, t.view().shape()));
    }
    Rope.Pairing pairing =
        family.interleavedInGguf() ? Rope.Pairing.INTERLEAVED : Rope.Pairing.HALF_SPLIT;
    try (TensorSink sink = GgufWriter.open(target, ggufMetadata(specs), specs)) {
      write(sink, specs, pairing, err);
    }
    out.copy(sidecars);
    tellKept(specs, err);
    return total(specs);
  }

  /** Says which matrices did not take the type asked for, and why. */
  private void tellKept(List<TensorSpec> specs, PrintWriter err) {
    if (type.isEmpty()) {
      return;
    }
    DType wanted = type.get();
    List<String> kept = new ArrayList<>();
    for (int i = 0; i < specs.size(); i++) {
      if (!tensors.get(i).isVector() && specs.get(i).dtype() != wanted) {
        kept.add(specs.get(i).name());
      }
    }
    if (!kept.isEmpty()) {
      err.println(
          "%d matrices kept their type, as their rows are not whole blocks of %d for %s: %s%s"
              .formatted(
                  kept.size(),
                  wanted.blockLength(),
                  wanted,
                  kept.getFirst(),
                  kept.size() > 1 ? " …" : ""));
      err.flush();
    }
  }

  /** Writes a folder of {@code config.json}, {@code model.safetensors} and tokenizer files. */
  long toSafetensors(Path folder, boolean force, PrintWriter err) {
    if (type.filter(wanted -> wanted.blockLength() > 1).isPresent()) {
      throw new IllegalArgumentException(
          "safetensors has no %s: pass --to gguf, or --dtype f32 or bf16".formatted(type.get()));
    }
    FolderCopy folderCopy = new FolderCopy(source, folder, force);
    List<TensorSpec> specs = new ArrayList<>();
    for (ModelTensor t : tensors) {
      DType dtype = t.isVector() ? vectorType(t.view()) : matrixType(t.view());
      if (dtype.blockLength() > 1 || dtype == DType.I8) {
        throw new IllegalArgumentException(
            source.path()
                + ": tensor "
                + t.view().name()
                + " is "
                + dtype
                + ", which is not converted into safetensors as it is; pass --dtype f32 or bf16");
      }
      specs.add(new TensorSpec(t.folderName(), dtype, t.view().shape()));
    }
    try (TensorSink sink =
        SafetensorsWriter.open(folderCopy.weights(), specs, Map.of("format", "pt"))) {
      write(sink, specs, Rope.Pairing.HALF_SPLIT, err);
    }
    folderCopy.write(folderCopy.config(family, model.config(), mostBytes(specs)));
    return total(specs);
  }

  private void write(
      TensorSink sink, List<TensorSpec> specs, Rope.Pairing pairing, PrintWriter err) {
    int headDim = model.config().heads().headDim();
    try (ProgressLine progress = new ProgressLine(err, "writing", total(specs));
        TensorCopy copy = new TensorCopy(sink, progress)) {
      for (int i = 0; i < specs.size(); i++) {
        ModelTensor t = tensors.get(i);
        Optional<Rope.Pairing> from = t.pairing();
        if (from.isPresent() && model.config().rope().dims() != headDim) {
          throw new IllegalArgumentException(
              source.path()
                  + ": rotary embedding of "
                  + model.config().rope().dims()
                  + " of "
                  + headDim
                  + " elements cannot be reordered between the formats");
        }
        LongUnaryOperator rows =
            from.isEmpty()
                ? row -> row
                : row -> RotaryRows.source(row, headDim, from.get(), pairing);
        copy.copy(t.view(), specs.get(i).dtype(), t.rowLength(), rows);
      }
      sink.commit();
    }
  }

  private DType matrixType(WeightView view) {
    DType wanted = type.orElse(view.dtype());
    return view.shape().getLast() % wanted.blockLength() == 0 ? wanted : unblocked(view);
  }

  /** What a matrix stays when it cannot be had in blocks; bytes with scales become bf16. */
  private static DType unblocked(WeightView view) {
    return view.dtype() == DType.I8 ? DType.BF16 : view.dtype();
  }

  private DType vectorType(WeightView view) {
    if (type.isPresent()) {
      return type.get();
    }
    DType matrices = model.weights().layers().getFirst().query().dtype();
    return matrices.blockLength() == 1 && matrices != DType.I8 && lossless(view, matrices)
        ? matrices
        : view.dtype();
  }

  private static boolean lossless(WeightView view, DType type) {
    int n = Math.toIntExact(view.elements());
    float[] values = new float[n];
    float[] rounded = new float[n];
    ElementCodec.decode(view, 0, n, values);
    MemorySegment bytes = MemorySegment.ofArray(new byte[Math.toIntExact(type.bytes(n))]);
    ElementCodec.encode(values, n, type, bytes, 0);
    ElementCodec.decode(new WeightView(view.name(), type, view.shape(), bytes), 0, n, rounded);
    return Arrays.equals(values, rounded);
  }

  private ObjectNode ggufMetadata(List<TensorSpec> specs) {
    ModelConfig config = model.config();
    ObjectNode out = family.ggufMetadata(config);
    if (source.format().equals("gguf")) {
      // Everything that was said stays said.
      out.setAll((ObjectNode) source.metadata());
      out.remove("general.alignment");
    } else {
      out.put("general.name", source.path().toAbsolutePath().getFileName().toString());
      JsonNode begin = source.metadata().path("bos_token_id");
      if (begin.isIntegralNumber() && begin.canConvertToInt() && begin.intValue() >= 0) {
        out.put("tokenizer.ggml.bos_token_id", begin.intValue());
      }
      source.tokenizerFile().ifPresent(file -> embed(out, EMBEDDED_TOKENIZER, file));
      chatTemplate().ifPresent(t -> out.put("tokenizer.chat_template", t));
    }
    out.put("general.file_type", fileType(mostBytes(specs)));
    return out;
  }

  private static void embed(ObjectNode out, String key, Path file) {
    try {
      if (Files.size(file) <= MAX_EMBEDDED_TOKENIZER) {
        out.put(key, Files.readString(file));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(file + " cannot be read: " + e, e);
    }
  }

  private Optional<String> chatTemplate() {
    Path config = source.files().getFirst().resolveSibling("tokenizer_config.json");
    if (!Files.isRegularFile(config)) {
      return Optional.empty();
    }
    JsonNode template = Checkpoints.readJson(config).path("chat_template");
    return template.isString() ? Optional.of(template.stringValue()) : Optional.empty();
  }

  private static DType mostBytes(List<TensorSpec> specs) {
    return specs.stream().max(Comparator.comparingLong(TensorSpec::bytes)).orElseThrow().dtype();
  }

  /** llama.cpp's {@code llama_ftype}; readers show it and do not rely on it. */
  static int fileType(DType dtype) {
    return switch (dtype) {
      case F16 -> 1;
      case Q4_0 -> 2;
      case Q8_0 -> 7;
      case BF16 -> 32;
      case F32, I32, I8 -> 0;
    };
  }

  private static long total(List<TensorSpec> specs) {
    return specs.stream().mapToLong(TensorSpec::bytes).sum();
  }
}
