/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.weights.ElementCodec;
import dev.palimpsest.weights.GgufWriter;
import dev.palimpsest.weights.SafetensorsWriter;
import dev.palimpsest.weights.TensorSink;
import dev.palimpsest.weights.TensorSpec;
import dev.palimpsest.weights.TinyModel;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A causal transformer of random weights, with fewer heads of keys than of queries. */
public final class TinyLlama {
  public static final int VOCABULARY = 96;
  public static final int END = 1;
  private static final int LAYERS = 2;
  private static final int HIDDEN = 32;
  private static final int FFN = 48;
  private static final int KEYS = 16;

  private TinyLlama() {}

  /** A {@code config.json} that fits the tensors; tests change fields of it. */
  public static ObjectNode config() {
    return (ObjectNode)
        JsonMapper.shared()
            .readTree(
                """
                {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 32,
                 "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
                 "head_dim": 8, "intermediate_size": 48, "vocab_size": 96,
                 "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
                 "hidden_act": "silu", "attention_bias": false, "mlp_bias": false,
                 "tie_word_embeddings": false, "bos_token_id": 0, "eos_token_id": 1,
                 "pretraining_tp": 1, "use_cache": true, "rope_scaling": null}
                """);
  }

  /** Writes the folder. */
  public static Path folder(Path folder, ObjectNode config) {
    TinyModel.write(folder.resolve("config.json"), config.toString());
    List<TensorSpec> tensors = tensors(Families.named("llama").folderNames());
    try (TensorSink sink =
        SafetensorsWriter.open(
            folder.resolve("model.safetensors"), tensors, Map.of("format", "pt"))) {
      fill(sink, tensors);
    }
    return folder;
  }

  /** Writes a GGUF file of the same shapes. */
  public static Path gguf(Path file, ObjectNode metadata) {
    List<TensorSpec> tensors = tensors(TensorNames.GGUF);
    try (TensorSink sink = GgufWriter.open(file, metadata, tensors)) {
      fill(sink, tensors);
    }
    return file;
  }

  private static List<TensorSpec> tensors(TensorNames names) {
    List<TensorSpec> out = new ArrayList<>();
    out.add(TinyModel.spec(names.embedding(), VOCABULARY, HIDDEN));
    out.add(TinyModel.spec(names.outputNorm(), HIDDEN));
    out.add(TinyModel.spec(names.head(), VOCABULARY, HIDDEN));
    TensorNames.Projections p = names.projections();
    for (int i = 0; i < LAYERS; i++) {
      out.add(TinyModel.spec(names.weight(i, names.attentionNorm()), HIDDEN));
      out.add(TinyModel.spec(names.weight(i, names.ffnNorm()), HIDDEN));
      out.add(TinyModel.spec(names.weight(i, p.query()), HIDDEN, HIDDEN));
      out.add(TinyModel.spec(names.weight(i, p.key()), KEYS, HIDDEN));
      out.add(TinyModel.spec(names.weight(i, p.value()), KEYS, HIDDEN));
      out.add(TinyModel.spec(names.weight(i, p.output()), HIDDEN, HIDDEN));
      out.add(TinyModel.spec(names.weight(i, p.gate()), FFN, HIDDEN));
      out.add(TinyModel.spec(names.weight(i, p.up()), FFN, HIDDEN));
      out.add(TinyModel.spec(names.weight(i, p.down()), HIDDEN, FFN));
    }
    return out;
  }

  private static void fill(TensorSink sink, List<TensorSpec> tensors) {
    SplittableRandom random = new SplittableRandom(11);
    for (TensorSpec t : tensors) {
      float[] values = new float[Math.toIntExact(t.elements())];
      boolean norm = t.shape().size() == 1;
      double spread = norm ? 0.2 : 1.5 / Math.sqrt(t.shape().getLast());
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) ((norm ? 1 : 0) + spread * random.nextGaussian());
      }
      byte[] bytes = new byte[Math.toIntExact(t.bytes())];
      ElementCodec.encode(values, values.length, DType.F32, MemorySegment.ofArray(bytes), 0);
      sink.write(MemorySegment.ofArray(bytes));
    }
    sink.commit();
  }
}
