/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weightstool;

import dev.palimpsest.family.Families;
import dev.palimpsest.family.Family;
import dev.palimpsest.family.ModelDescription;
import dev.palimpsest.family.TensorNames;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.RowScales;
import dev.palimpsest.weights.SafetensorsWriter;
import dev.palimpsest.weights.TensorSink;
import dev.palimpsest.weights.TensorSpec;
import java.io.PrintWriter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongUnaryOperator;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes a checkpoint with its matrices in int8: W8A8 as compressed-tensors stores it (format
 * {@code int-quantized}; github.com/vllm-project/compressed-tensors). A matrix {@code X} of {@code
 * [out, in]} becomes bytes, and {@code X_scale} of {@code [out, 1]} in F32.
 *
 * <p>The blocks' projections are quantised, the head if asked for. Embeddings, norms and biases
 * stay as they are (in bf16, if their type is one that safetensors does not know).
 */
final class Quantization {
  /** What a matrix lost. */
  record Loss(String name, Difference difference) {}

  private final Checkpoint source;
  private final Family family;
  private final ModelDescription model;
  private final List<ModelTensor> tensors;
  private final boolean head;

  /**
   * @param head whether the head is quantised, too
   * @throws IllegalArgumentException if the checkpoint is int8 already, or has no head of its own
   */
  Quantization(Checkpoint source, boolean head) {
    this.source = source;
    this.family = Families.of(source);
    this.model = family.describe(source);
    this.tensors = ModelTensor.of(source, family, model);
    this.head = head;
    if (head && model.config().tiedHead()) {
      throw new IllegalArgumentException(
          source.path()
              + ": its head is the table of embeddings, which stays as it is; leave --head out");
    }
    tensors.stream()
        .map(ModelTensor::view)
        .filter(v -> v.dtype() == DType.I8)
        .findFirst()
        .ifPresent(
            v -> {
              throw new IllegalArgumentException(
                  source.path() + ": is int8 already (tensor " + v.name() + ")");
            });
  }

  /** Bytes of the source's tensors. */
  long sourceBytes() {
    return tensors.stream().mapToLong(t -> t.view().memory().byteSize()).sum();
  }

  /** Bytes of the tensors written. */
  long bytes() {
    return specs().stream().mapToLong(TensorSpec::bytes).sum();
  }

  /** Writes the folder; returns what each quantised matrix lost, in file order. */
  List<Loss> write(Path folder, boolean force, PrintWriter err) {
    FolderCopy copy = new FolderCopy(source, folder, force);
    List<TensorSpec> specs = specs();
    List<Loss> losses = new ArrayList<>();
    try (TensorSink sink = SafetensorsWriter.open(copy.weights(), specs, Map.of("format", "pt"));
        ProgressLine progress = new ProgressLine(err, "quantizing", bytes());
        TensorCopy plain = new TensorCopy(sink, progress)) {
      for (ModelTensor t : tensors) {
        if (quantised(t)) {
          losses.add(new Loss(t.folderName(), quantise(t, sink, progress)));
        } else {
          plain.copy(t.view(), plainType(t), t.rowLength(), rows(t));
        }
      }
      sink.commit();
    }
    copy.write(config(copy));
    return losses;
  }

  private List<TensorSpec> specs() {
    List<TensorSpec> specs = new ArrayList<>();
    for (ModelTensor t : tensors) {
      List<Long> shape = t.view().shape();
      if (quantised(t)) {
        specs.add(new TensorSpec(t.folderName(), DType.I8, shape));
        specs.add(
            new TensorSpec(
                t.folderName() + RowScales.SUFFIX, DType.F32, List.of(shape.getFirst(), 1L)));
      } else {
        specs.add(new TensorSpec(t.folderName(), plainType(t), shape));
      }
    }
    return specs;
  }

  private boolean quantised(ModelTensor t) {
    TensorNames names = family.folderNames();
    boolean projection = names.layerOf(t.folderName()) >= 0 && !t.isVector();
    return projection || (head && t.folderName().equals(names.head()));
  }

  private static DType plainType(ModelTensor t) {
    return t.view().dtype().blockLength() == 1 ? t.view().dtype() : DType.BF16;
  }

  private LongUnaryOperator rows(ModelTensor t) {
    int headDim = model.config().heads().headDim();
    return t.pairing().isEmpty()
        ? row -> row
        : row -> RotaryRows.source(row, headDim, t.pairing().get(), Rope.Pairing.HALF_SPLIT);
  }

  private Difference quantise(ModelTensor t, TensorSink sink, ProgressLine progress) {
    int rows = t.view().dimension(0);
    int width = t.rowLength();
    LongUnaryOperator from = rows(t);
    Int8Row row = new Int8Row(width);
    Difference difference = new Difference();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(width);
      MemorySegment scales = arena.allocate(4L * rows);
      for (int r = 0; r < rows; r++) {
        row.read(t.view(), from.applyAsLong(r), difference);
        MemorySegment.copy(row.bytes(), 0, bytes, ValueLayout.JAVA_BYTE, 0, width);
        sink.write(bytes);
        scales.setAtIndex(Int8Row.FLOAT, r, row.scale());
        progress.advance(width);
      }
      sink.write(scales);
      progress.advance(scales.byteSize());
    }
    return difference;
  }

  private ObjectNode config(FolderCopy copy) {
    DType rest = plainType(tensors.getFirst());
    ObjectNode config = copy.config(family, model.config(), rest);
    ObjectNode quantization = config.putObject("quantization_config");
    ObjectNode group = quantization.putObject("config_groups").putObject("group_0");
    group.putArray("targets").add("Linear");
    ObjectNode weights = group.putObject("weights");
    eightBits(weights, "channel", false).put("observer", "minmax");
    weights.putObject("observer_kwargs");
    ObjectNode inputs = group.putObject("input_activations");
    eightBits(inputs, "token", true).putNull("observer");
    inputs.putObject("observer_kwargs");
    group.putNull("output_activations");
    quantization.put("format", "int-quantized");
    quantization.putNull("global_compression_ratio");
    var ignore = quantization.putArray("ignore");
    if (!head && !model.config().tiedHead()) {
      ignore.add(module(family.folderNames().head()));
    }
    quantization.putNull("kv_cache_scheme");
    quantization.put("quant_method", "compressed-tensors");
    quantization.put("quantization_status", "compressed");
    return config;
  }

  private static ObjectNode eightBits(ObjectNode out, String strategy, boolean dynamic) {
    return out.put("num_bits", 8)
        .put("type", "int")
        .put("symmetric", true)
        .put("strategy", strategy)
        .put("dynamic", dynamic)
        .putNull("group_size")
        .putNull("block_structure")
        .putNull("actorder");
  }

  private static String module(String tensor) {
    return tensor.substring(0, tensor.length() - ".weight".length());
  }

  /** The losses of a projection over all blocks, by the projection's name; then the head's. */
  Map<String, List<Loss>> byKind(List<Loss> losses) {
    Map<String, List<Loss>> out = new LinkedHashMap<>();
    for (Loss loss : losses) {
      int layer = family.folderNames().layerOf(loss.name());
      String kind =
          layer < 0
              ? module(loss.name())
              : module(loss.name())
                  .substring(family.folderNames().weight(layer, "").length() - ".weight".length());
      out.computeIfAbsent(kind, k -> new ArrayList<>()).add(loss);
    }
    return out;
  }

  /** {@link Loss losses} as JSON, by tensor. */
  static ObjectNode json(List<Loss> losses) {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    for (Loss loss : losses) {
      out.putObject(loss.name())
          .put("relative_l2", loss.difference().relative())
          .put("max_abs", loss.difference().largest());
    }
    return out;
  }
}
