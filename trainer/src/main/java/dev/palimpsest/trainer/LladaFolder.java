/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import dev.palimpsest.family.Families;
import dev.palimpsest.family.TensorNames;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.weights.ElementCodec;
import dev.palimpsest.weights.SafetensorsWriter;
import dev.palimpsest.weights.TensorSink;
import dev.palimpsest.weights.TensorSpec;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * Writes a trained network as a LLaDA checkpoint: {@code config.json}, {@code model.safetensors}
 * and {@code tokenizer.json}, so that whatever reads LLaDA reads it; a causal one as Llama's.
 */
public final class LladaFolder {
  private static final String PREFIX = "model.transformer.";

  /** One tensor under its LLaDA name, float32, row-major. */
  record Named(String name, float[] values, List<Long> shape) {}

  private LladaFolder() {}

  /**
   * Writes the three files; a causal network under Llama's names.
   *
   * @param weights all parameters in the order of {@link Denoiser#flat}
   * @param positions what {@code max_sequence_length} says
   */
  static void write(
      Path folder,
      DenoiserShape shape,
      float[] weights,
      DType dtype,
      int positions,
      Path tokenizerJson,
      Map<String, String> metadata)
      throws IOException {
    Files.createDirectories(folder);
    List<Named> tensors = named(shape, tensors(shape, weights));
    List<TensorSpec> specs =
        tensors.stream().map(t -> new TensorSpec(t.name(), dtype, t.shape())).toList();
    try (TensorSink sink =
        SafetensorsWriter.open(folder.resolve("model.safetensors"), specs, metadata)) {
      for (Named tensor : tensors) {
        sink.write(encode(tensor.values(), dtype));
      }
      sink.commit();
    }
    Map<String, Object> config = shape.config(positions, name(dtype));
    Files.writeString(
        folder.resolve("config.json"),
        JsonMapper.builder()
                .enable(SerializationFeature.INDENT_OUTPUT)
                .build()
                .writeValueAsString(config)
            + "\n");
    Files.copy(
        tokenizerJson, folder.resolve("tokenizer.json"), StandardCopyOption.REPLACE_EXISTING);
  }

  /** The tensors as the family calls them that reads the folder. */
  private static List<Named> named(DenoiserShape shape, List<Named> tensors) {
    if (!shape.causal()) {
      return tensors;
    }
    TensorNames llada = Families.named("llada").folderNames();
    TensorNames llama = Families.named("llama").folderNames();
    return tensors.stream()
        .map(
            t ->
                new Named(
                    llada.translate(t.name(), llama, shape.layers()).orElseThrow(),
                    t.values(),
                    t.shape()))
        .toList();
  }

  /** The values as the little-endian bytes of a checkpoint file. */
  public static MemorySegment encode(float[] values, DType dtype) {
    int size = Math.toIntExact(dtype.bytes(values.length));
    MemorySegment bytes = MemorySegment.ofArray(new byte[size]);
    ElementCodec.encode(values, values.length, dtype, bytes, 0);
    return bytes;
  }

  /** The type as torch names it. */
  public static String name(DType dtype) {
    return switch (dtype) {
      case BF16 -> "bfloat16";
      case F32 -> "float32";
      default -> dtype.name().toLowerCase(Locale.ROOT);
    };
  }

  /**
   * Reads a folder written by {@link #write} back into a network.
   *
   * @param bf16 multiply matrices in bfloat16
   * @throws IOException when a file is missing or describes another network
   */
  static Denoiser read(Path folder, boolean bf16) throws IOException {
    JsonNode config = JsonMapper.shared().readTree(Files.readString(folder.resolve("config.json")));
    if (!config.path("weight_tying").asBoolean(false)
        || !config.path("model_type").asString("").equals("llada")
        || config.path("n_kv_heads").asInt() != config.path("n_heads").asInt()
        || config.path("rope_theta").asDouble() != DenoiserShape.ROPE_THETA) {
      throw new IOException(
          folder + " is not a checkpoint of this trainer: it writes tied LLaDA networks only");
    }
    DenoiserShape shape =
        new DenoiserShape(
            config.get("vocab_size").asInt(),
            config.get("d_model").asInt(),
            config.get("n_layers").asInt(),
            config.get("n_heads").asInt(),
            config.get("mlp_hidden_size").asInt(),
            config.get("max_sequence_length").asInt(),
            config.get("mask_token_id").asInt(),
            config.get("eos_token_id").asInt());
    TensorFile file = TensorFile.read(folder.resolve("model.safetensors"));
    Denoiser network = new Denoiser(shape, 0, bf16);
    float[] weights = new float[Math.toIntExact(network.parameters())];
    for (Denoiser.Slot slot : network.slots()) {
      int at = Math.toIntExact(slot.offset());
      String name = PREFIX + slot.name();
      if (name.endsWith(".qkv")) {
        String block = name.substring(0, name.length() - "qkv".length());
        int size = shape.hidden() * shape.hidden();
        put(neighbours(shape, file.require(block + "q_proj.weight")), weights, at);
        put(neighbours(shape, file.require(block + "k_proj.weight")), weights, at + size);
        put(file.require(block + "v_proj.weight"), weights, at + 2 * size);
      } else if (name.endsWith(".gate_up")) {
        String block = name.substring(0, name.length() - "gate_up".length());
        put(file.require(block + "ff_proj.weight"), weights, at);
        put(file.require(block + "up_proj.weight"), weights, at + shape.ffn() * shape.hidden());
      } else {
        put(file.require(name + ".weight"), weights, at);
      }
    }
    network.load(weights);
    return network;
  }

  private static void put(float[] values, float[] into, int at) {
    System.arraycopy(values, 0, into, at, values.length);
  }

  /** The network's parameters as LLaDA names, splits and orders them. */
  static List<Named> tensors(DenoiserShape shape, float[] weights) {
    int h = shape.hidden();
    int f = shape.ffn();
    List<Named> out = new ArrayList<>();
    for (Denoiser.Slot slot : Denoiser.layout(shape)) {
      int from = Math.toIntExact(slot.offset());
      float[] values = Arrays.copyOfRange(weights, from, from + Math.toIntExact(slot.size()));
      String at = PREFIX + slot.name();
      if (slot.name().endsWith(".qkv")) {
        String block = at.substring(0, at.length() - "qkv".length());
        float[] q = Arrays.copyOfRange(values, 0, h * h);
        float[] k = Arrays.copyOfRange(values, h * h, 2 * h * h);
        float[] v = Arrays.copyOfRange(values, 2 * h * h, 3 * h * h);
        out.add(
            new Named(block + "q_proj.weight", halfSplit(shape, q), List.of((long) h, (long) h)));
        out.add(
            new Named(block + "k_proj.weight", halfSplit(shape, k), List.of((long) h, (long) h)));
        out.add(new Named(block + "v_proj.weight", v, List.of((long) h, (long) h)));
      } else if (slot.name().endsWith(".gate_up")) {
        String block = at.substring(0, at.length() - "gate_up".length());
        float[] gate = Arrays.copyOfRange(values, 0, f * h);
        float[] up = Arrays.copyOfRange(values, f * h, 2 * f * h);
        out.add(new Named(block + "ff_proj.weight", gate, List.of((long) f, (long) h)));
        out.add(new Named(block + "up_proj.weight", up, List.of((long) f, (long) h)));
      } else if (slot.rows() == 1) {
        out.add(new Named(at + ".weight", values, List.of(slot.columns())));
      } else {
        out.add(new Named(at + ".weight", values, List.of(slot.rows(), slot.columns())));
      }
    }
    return out;
  }

  /** The inverse of {@link #halfSplit}. */
  private static float[] neighbours(DenoiserShape shape, float[] rows) {
    int h = shape.hidden();
    float[] out = new float[rows.length];
    for (int row = 0; row < h; row++) {
      System.arraycopy(rows, halfSplitRow(shape, row) * h, out, row * h, h);
    }
    return out;
  }

  /** Rows of a query or key matrix moved from neighbouring pairs to half-split pairs. */
  private static float[] halfSplit(DenoiserShape shape, float[] rows) {
    int h = shape.hidden();
    float[] out = new float[rows.length];
    for (int row = 0; row < h; row++) {
      System.arraycopy(rows, row * h, out, halfSplitRow(shape, row) * h, h);
    }
    return out;
  }

  /** Where LLaDA keeps a row of ours: first the even ones of a head, then the odd ones. */
  private static int halfSplitRow(DenoiserShape shape, int row) {
    int size = shape.headSize();
    int within = row % size;
    return row - within + within / 2 + (within % 2) * (size / 2);
  }
}
