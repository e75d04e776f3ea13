/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weights;

import dev.palimpsest.kernels.DType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A LLaDA of a few hundred weights, in both formats, for tests that break it. */
public final class TinyModel {
  public static final int HIDDEN = 8;
  public static final int FFN = 12;
  public static final int VOCABULARY = 16;

  private TinyModel() {}

  /** A {@code config.json} that fits the tensors; tests change fields of it. */
  public static ObjectNode config() {
    return (ObjectNode)
        JsonMapper.shared()
            .readTree(
                """
                {"model_type": "llada", "architectures": ["LLaDAModelLM"], "d_model": 8,
                 "n_layers": 1, "n_heads": 2, "n_kv_heads": 2, "mlp_hidden_size": 12,
                 "vocab_size": 16, "embedding_size": 16, "max_sequence_length": 64,
                 "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "rope": true,
                 "layer_norm_type": "rms", "activation_type": "silu", "block_type": "llama",
                 "include_bias": false, "include_qkv_bias": false, "weight_tying": false,
                 "mask_token_id": 15, "eos_token_id": 1, "pad_token_id": 1}
                """);
  }

  public static List<TensorSpec> folderTensors() {
    return folderTensors(VOCABULARY);
  }

  /** For a {@link #config} with another {@code vocab_size}. */
  public static List<TensorSpec> folderTensors(int vocabulary) {
    List<TensorSpec> out = new ArrayList<>();
    out.add(spec("model.transformer.wte.weight", vocabulary, HIDDEN));
    out.add(spec("model.transformer.ln_f.weight", HIDDEN));
    out.add(spec("model.transformer.ff_out.weight", vocabulary, HIDDEN));
    String block = "model.transformer.blocks.0.";
    out.add(spec(block + "attn_norm.weight", HIDDEN));
    out.add(spec(block + "ff_norm.weight", HIDDEN));
    for (String name : List.of("q_proj", "k_proj", "v_proj", "attn_out")) {
      out.add(spec(block + name + ".weight", HIDDEN, HIDDEN));
    }
    out.add(spec(block + "ff_proj.weight", FFN, HIDDEN));
    out.add(spec(block + "up_proj.weight", FFN, HIDDEN));
    out.add(spec(block + "ff_out.weight", HIDDEN, FFN));
    return out;
  }

  /** {@link #config} of a checkpoint in int8, as compressed-tensors writes it. */
  public static ObjectNode quantizedConfig() {
    ObjectNode config = config();
    config.set(
        "quantization_config",
        JsonMapper.shared()
            .readTree(
                """
                {"config_groups": {"group_0": {
                   "targets": ["Linear"],
                   "weights": {"num_bits": 8, "type": "int", "symmetric": true,
                     "strategy": "channel", "dynamic": false, "group_size": null,
                     "block_structure": null, "actorder": null, "observer": "minmax",
                     "observer_kwargs": {}},
                   "input_activations": {"num_bits": 8, "type": "int", "symmetric": true,
                     "strategy": "token", "dynamic": true, "observer": null},
                   "output_activations": null}},
                 "format": "int-quantized", "global_compression_ratio": 1.5,
                 "ignore": ["model.transformer.ff_out"], "kv_cache_scheme": null,
                 "quant_method": "compressed-tensors", "quantization_status": "compressed",
                 "sparsity_config": {}, "transform_config": {}, "version": "0.12.2"}
                """));
    return config;
  }

  /** {@link #folderTensors()} with the block's matrices in I8, their scales behind them. */
  public static List<TensorSpec> quantizedTensors() {
    List<TensorSpec> out = new ArrayList<>();
    for (TensorSpec t : folderTensors()) {
      if (t.name().contains(".blocks.") && t.shape().size() == 2) {
        out.add(new TensorSpec(t.name(), DType.I8, t.shape()));
        out.add(spec(t.name() + "_scale", t.shape().getFirst(), 1));
      } else {
        out.add(t);
      }
    }
    return out;
  }

  public static ObjectNode ggufMetadata() {
    ObjectNode m = JsonMapper.shared().createObjectNode();
    m.put("general.architecture", "llada");
    m.put("llada.context_length", 64);
    m.put("llada.embedding_length", HIDDEN);
    m.put("llada.block_count", 1);
    m.put("llada.feed_forward_length", FFN);
    m.put("llada.attention.head_count", 2);
    m.put("llada.attention.head_count_kv", 2);
    m.put("llada.vocab_size", VOCABULARY);
    m.put("llada.rope.dimension_count", 4);
    m.put("llada.attention.layer_norm_rms_epsilon", 1e-5f);
    m.put("llada.rope.freq_base", 500_000f);
    m.put("llada.attention.causal", false);
    m.put("diffusion.shift_logits", false);
    m.putArray("tokenizer.ggml.tokens").add("a").add("b").add("c");
    m.putArray("tokenizer.ggml.token_type").add(1).add(1).add(3);
    m.put("tokenizer.ggml.mask_token_id", 15);
    m.put("tokenizer.ggml.eos_token_id", 1);
    m.put("tokenizer.ggml.padding_token_id", 1);
    return m;
  }

  public static List<TensorSpec> ggufTensors() {
    List<TensorSpec> out = new ArrayList<>();
    out.add(spec("token_embd.weight", VOCABULARY, HIDDEN));
    out.add(spec("output_norm.weight", HIDDEN));
    out.add(spec("output.weight", VOCABULARY, HIDDEN));
    out.add(spec("blk.0.attn_norm.weight", HIDDEN));
    out.add(spec("blk.0.ffn_norm.weight", HIDDEN));
    for (String name : List.of("attn_q", "attn_k", "attn_v", "attn_output")) {
      out.add(spec("blk.0." + name + ".weight", HIDDEN, HIDDEN));
    }
    out.add(spec("blk.0.ffn_gate.weight", FFN, HIDDEN));
    out.add(spec("blk.0.ffn_up.weight", FFN, HIDDEN));
    out.add(spec("blk.0.ffn_down.weight", HIDDEN, FFN));
    return out;
  }

  /** Writes {@code config.json} and {@code model.safetensors}. */
  public static Path folder(Path folder, ObjectNode config, List<TensorSpec> tensors) {
    write(folder.resolve("config.json"), config.toString());
    try (TensorSink sink =
        SafetensorsWriter.open(
            folder.resolve("model.safetensors"), tensors, Map.of("format", "pt"))) {
      fill(sink, tensors);
    }
    return folder;
  }

  public static Path gguf(Path file, ObjectNode metadata, List<TensorSpec> tensors) {
    try (TensorSink sink = GgufWriter.open(file, metadata, tensors)) {
      fill(sink, tensors);
    }
    return file;
  }

  public static TensorSpec spec(String name, long... shape) {
    return new TensorSpec(name, DType.F32, java.util.Arrays.stream(shape).boxed().toList());
  }

  public static void write(Path file, String text) {
    try {
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static void fill(TensorSink sink, List<TensorSpec> tensors) {
    SplittableRandom random = new SplittableRandom(5);
    for (TensorSpec t : tensors) {
      byte[] bytes = new byte[Math.toIntExact(t.bytes())];
      float[] values = new float[Math.toIntExact(t.elements())];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) random.nextDouble(t.name().endsWith("_scale") ? 0.001 : -1, 1);
        if (t.dtype() == DType.I8) {
          bytes[i] = (byte) random.nextInt(-127, 128);
        }
      }
      if (t.dtype() != DType.I32 && t.dtype() != DType.Q4_0 && t.dtype() != DType.I8) {
        ElementCodec.encode(values, values.length, t.dtype(), MemorySegment.ofArray(bytes), 0);
      }
      sink.write(MemorySegment.ofArray(bytes));
    }
    sink.commit();
  }
}
