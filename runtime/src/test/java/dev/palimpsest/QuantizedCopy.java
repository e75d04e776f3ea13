/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.Checkpoints;
import dev.palimpsest.weights.ElementCodec;
import dev.palimpsest.weights.GgufWriter;
import dev.palimpsest.weights.SafetensorsWriter;
import dev.palimpsest.weights.TensorSink;
import dev.palimpsest.weights.TensorSpec;
import dev.palimpsest.weights.TinyModel;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.node.ObjectNode;

/** Golden checkpoints with the matrices of their blocks, and the head, in fewer bits. */
final class QuantizedCopy {
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private QuantizedCopy() {}

  /**
   * A copy of a golden checkpoint.
   *
   * @param type Q8_0 or Q4_0: a GGUF file; I8: a folder as compressed-tensors writes it
   */
  static Path of(String model, DType type, Path temp) throws IOException {
    return type == DType.I8 ? folder(GoldenPaths.of(model), temp) : gguf(model, type, temp);
  }

  private static Path gguf(String model, DType type, Path temp) {
    Path file = temp.resolve("model-" + type + ".gguf");
    try (Checkpoint from = Checkpoints.open(GoldenPaths.of(model + "/model.gguf"))) {
      List<TensorSpec> specs = new ArrayList<>();
      for (WeightView view : from.tensors().values()) {
        boolean it = matrix(view, "token_embd");
        specs.add(new TensorSpec(view.name(), it ? type : DType.F32, view.shape()));
      }
      try (TensorSink sink = GgufWriter.open(file, (ObjectNode) from.metadata(), specs)) {
        for (TensorSpec spec : specs) {
          float[] values = values(from.tensor(spec.name()));
          byte[] bytes = new byte[Math.toIntExact(spec.bytes())];
          MemorySegment out = MemorySegment.ofArray(bytes);
          if (spec.dtype() == DType.Q4_0) {
            fourBits(values, out);
          } else {
            ElementCodec.encode(values, values.length, spec.dtype(), out, 0);
          }
          sink.write(out);
        }
        sink.commit();
      }
    }
    return file;
  }

  /** A copy of a folder, in I8; its tokenizer comes along. */
  static Path folder(Path model, Path temp) throws IOException {
    Path folder = Files.createDirectories(temp.resolve("model-I8"));
    ObjectNode config =
        (ObjectNode) new ObjectMapper().readTree(Files.readString(model.resolve("config.json")));
    config.set("quantization_config", TinyModel.quantizedConfig().get("quantization_config"));
    Files.writeString(folder.resolve("config.json"), config.toString());
    Path tokenizer = model.resolve("tokenizer.json");
    if (Files.exists(tokenizer)) {
      Files.copy(tokenizer, folder.resolve("tokenizer.json"));
    }
    try (Checkpoint from = Checkpoints.open(model)) {
      List<TensorSpec> specs = new ArrayList<>();
      for (WeightView view : from.tensors().values()) {
        if (matrix(view, "wte", "embed_tokens")) {
          specs.add(new TensorSpec(view.name(), DType.I8, view.shape()));
          specs.add(
              new TensorSpec(
                  view.name() + "_scale", DType.F32, List.of(view.shape().getFirst(), 1L)));
        } else {
          specs.add(new TensorSpec(view.name(), DType.F32, view.shape()));
        }
      }
      try (TensorSink sink =
          SafetensorsWriter.open(
              folder.resolve("model.safetensors"), specs, Map.of("format", "pt"))) {
        for (TensorSpec spec : specs) {
          if (spec.dtype() == DType.I8) {
            eightBits(values(from.tensor(spec.name())), spec, sink);
          } else if (!spec.name().endsWith("_scale")) {
            float[] values = values(from.tensor(spec.name()));
            MemorySegment out = MemorySegment.ofArray(new byte[4 * values.length]);
            ElementCodec.encode(values, values.length, DType.F32, out, 0);
            sink.write(out);
          }
        }
        sink.commit();
      }
    }
    return folder;
  }

  private static boolean matrix(WeightView view, String... embeddings) {
    for (String embedding : embeddings) {
      if (view.name().contains(embedding)) {
        return false;
      }
    }
    return view.shape().size() == 2;
  }

  private static float[] values(WeightView view) {
    float[] values = new float[Math.toIntExact(view.elements())];
    ElementCodec.decode(view, 0, values.length, values);
    return values;
  }

  /** Bytes, then scales, with 100 for the largest: rounded again they would become others. */
  private static void eightBits(float[] values, TensorSpec spec, TensorSink sink) {
    int rows = Math.toIntExact(spec.shape().getFirst());
    int width = values.length / rows;
    byte[] bytes = new byte[values.length];
    MemorySegment scales = MemorySegment.ofArray(new byte[4 * rows]);
    for (int r = 0; r < rows; r++) {
      float scale = largest(values, r * width, width) / 100;
      for (int i = r * width; i < (r + 1) * width; i++) {
        bytes[i] = (byte) Math.round(values[i] / scale);
      }
      scales.set(FLOAT, 4L * r, scale);
    }
    sink.write(MemorySegment.ofArray(bytes));
    sink.write(scales);
  }

  private static float largest(float[] values, int from, int n) {
    float largest = 0;
    for (int i = from; i < from + n; i++) {
      largest = Math.max(largest, Math.abs(values[i]));
    }
    return largest;
  }

  /** ggml's {@code block_q4_0}, symmetric: the largest is 7 steps. */
  private static void fourBits(float[] values, MemorySegment out) {
    for (int b = 0; b < values.length / 32; b++) {
      short half = Float.floatToFloat16(largest(values, 32 * b, 32) / 7);
      float scale = Float.float16ToFloat(half);
      out.set(SHORT, 18L * b, half);
      for (int i = 0; i < 16; i++) {
        int low = nibble(values[32 * b + i], scale);
        int high = nibble(values[32 * b + 16 + i], scale);
        out.set(ValueLayout.JAVA_BYTE, 18L * b + 2 + i, (byte) (low | high << 4));
      }
    }
  }

  private static int nibble(float value, float scale) {
    return Math.clamp(Math.round(value / scale) + 8, 0, 15);
  }
}
