/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weightstool;

import dev.palimpsest.family.Families;
import dev.palimpsest.family.HybridDescription;
import dev.palimpsest.family.HybridFamily;
import dev.palimpsest.family.ModelDescription;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.text.ChatFormat;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.CheckpointException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** What can be said about a checkpoint from its headers. */
final class Inspection {
  private record Amount(long tensors, long elements, long bytes) {
    Amount plus(WeightView view) {
      return new Amount(tensors + 1, elements + view.elements(), bytes + bytes(view));
    }

    /** Its scales included. */
    static long bytes(WeightView view) {
      return view.memory().byteSize() + view.rowScales().map(Amount::bytes).orElse(0L);
    }
  }

  private final Checkpoint checkpoint;
  private final Optional<ModelDescription> model;
  private final Optional<HybridDescription> hybrid;
  private final String problem;
  private final Map<String, Amount> types = new TreeMap<>();
  private final long parameters;

  Inspection(Checkpoint checkpoint) {
    this.checkpoint = checkpoint;
    Optional<ModelDescription> understood = Optional.empty();
    Optional<HybridDescription> latent = Optional.empty();
    String why = "";
    try {
      if (HybridFamily.is(checkpoint)) {
        latent = Optional.of(HybridFamily.describe(checkpoint));
      } else {
        understood = Optional.of(Families.describe(checkpoint));
      }
    } catch (CheckpointException e) {
      why = e.getMessage();
    }
    model = understood;
    hybrid = latent;
    problem = why;
    long sum = 0;
    for (WeightView view : checkpoint.tensors().values()) {
      types.merge(
          view.dtype().name(), new Amount(0, 0, 0).plus(view), (was, one) -> was.plus(view));
      sum += view.elements();
    }
    parameters = sum;
  }

  /** One object; absent things are absent. */
  ObjectNode json(boolean tensors) {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.put("path", checkpoint.path().toString());
    out.put("format", checkpoint.format());
    ArrayNode files = out.putArray("files");
    checkpoint.files().forEach(f -> files.add(f.toString()));
    out.put("file_bytes", fileBytes());
    out.put("parameters", parameters);
    ObjectNode dtypes = out.putObject("dtypes");
    types.forEach(
        (name, a) ->
            dtypes
                .putObject(name)
                .put("tensors", a.tensors)
                .put("elements", a.elements)
                .put("bytes", a.bytes));
    checkpoint.tokenizerFile().ifPresent(f -> out.put("tokenizer", f.toString()));
    out.put("runs", model.isPresent() || hybrid.isPresent());
    if (model.isEmpty() && hybrid.isEmpty()) {
      out.put("problem", problem);
    }
    model.ifPresent(m -> config(m, out.putObject("config")));
    hybrid.ifPresent(h -> out.set("config", config(h)));
    if (tensors) {
      ArrayNode list = out.putArray("tensors");
      for (WeightView view : checkpoint.tensors().values()) {
        ObjectNode one = list.addObject();
        one.put("name", view.name()).put("dtype", view.dtype().name());
        view.rowScales().ifPresent(s -> one.put("row_scales", s.dtype().name()));
        ArrayNode shape = one.putArray("shape");
        view.shape().forEach(d -> shape.add(d.longValue()));
      }
      checkpoint
          .unreadable()
          .forEach((name, dtype) -> list.addObject().put("name", name).put("dtype", dtype));
    }
    return out;
  }

  /** A page for people. */
  void print(PrintWriter out, boolean tensors) {
    row(out, "format", checkpoint.format() + ", " + files());
    row(out, "size", Sizes.bytes(fileBytes()));
    row(
        out,
        "parameters",
        Sizes.count(parameters) + String.format(Locale.ROOT, " (%,d)", parameters));
    row(
        out,
        "element types",
        types.entrySet().stream()
            .map(
                e ->
                    e.getKey()
                        + " ("
                        + e.getValue().tensors
                        + " tensors, "
                        + Sizes.bytes(e.getValue().bytes)
                        + ")")
            .collect(Collectors.joining(", ")));
    if (!checkpoint.unreadable().isEmpty()) {
      row(out, "unreadable", checkpoint.unreadable().size() + " tensors of other types");
    }
    row(
        out,
        "tokenizer",
        checkpoint.tokenizerFile().map(Path::toString).orElse("no tokenizer.json beside"));
    if (model.isPresent()) {
      ObjectNode config = config(model.get(), JsonNodeFactory.instance.objectNode());
      config.properties().forEach(p -> row(out, words(p.getKey()), p.getValue().asString()));
    }
    if (hybrid.isPresent()) {
      config(hybrid.get())
          .properties()
          .forEach(p -> row(out, words(p.getKey()), value(p.getValue())));
      row(out, "runs", "yes, from noise");
    } else {
      row(out, "runs", model.isPresent() ? runs(model.get().config()) : "no: " + problem);
    }
    if (tensors) {
      out.println();
      table(out);
    }
    out.flush();
  }

  /** What a hybrid model's config.json says, under its family's name. */
  private static ObjectNode config(HybridDescription model) {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.put("family", HybridFamily.MODEL_TYPE);
    HybridFamily.configJson(model.config())
        .properties()
        .forEach(
            p -> {
              if (!p.getKey().equals("architectures") && !p.getKey().equals("model_type")) {
                out.set(p.getKey(), p.getValue());
              }
            });
    return out;
  }

  private static String value(JsonNode node) {
    return node.isContainer() ? node.toString() : node.asString();
  }

  private static String runs(ModelConfig config) {
    return config.maskToken() >= 0 || config.causal()
        ? "yes"
        : "forward only: the checkpoint names no MASK token, so nothing can be generated";
  }

  private static ObjectNode config(ModelDescription model, ObjectNode out) {
    ModelConfig c = model.config();
    out.put("family", c.family());
    out.put("layers", c.layers());
    out.put("hidden", c.hidden());
    out.put("heads", c.heads().heads());
    out.put("kv_heads", c.heads().kvHeads());
    out.put("head_dim", c.heads().headDim());
    out.put("ffn", c.ffn());
    out.put("vocabulary", c.vocabulary());
    out.put("max_positions", c.maxPositions());
    out.put("rope_theta", c.rope().theta());
    out.put("rope_dims", c.rope().dims());
    out.put("rope_pairing", c.rope().pairing().name().toLowerCase(Locale.ROOT));
    out.put("attention", attention(c.mask().blockLength()));
    out.put("attention_block", c.mask().blockLength());
    out.put("norm_epsilon", Double.parseDouble(Float.toString(c.normEpsilon())));
    out.put("qk_norm", c.qkNorm());
    out.put("qkv_bias", c.queryKeyValueBias());
    out.put("output_bias", c.outputBias());
    out.put("tied_head", c.tiedHead());
    out.put("shifted_logits", c.shiftedLogits());
    out.put("mask_token", c.maskToken());
    out.put("end_token", c.endToken());
    out.put("pad_token", c.padToken());
    out.put("chat_format", model.chatFormat().map(ChatFormat::name).orElse(""));
    return out;
  }

  private void table(PrintWriter out) {
    List<String[]> rows = new ArrayList<>();
    for (WeightView v : checkpoint.tensors().values()) {
      rows.add(
          new String[] {
            v.name(), v.dtype().name(), v.shape().toString(), Sizes.bytes(Amount.bytes(v))
          });
    }
    checkpoint
        .unreadable()
        .forEach((n, t) -> rows.add(new String[] {n, t + " (unreadable)", "", ""}));
    int name = rows.stream().mapToInt(r -> r[0].length()).max().orElse(0);
    int shape = rows.stream().mapToInt(r -> r[2].length()).max().orElse(0);
    for (String[] r : rows) {
      out.println(
          String.format("%-" + name + "s  %-5s  %-" + (shape + 1) + "s %10s", (Object[]) r)
              .stripTrailing());
    }
  }

  private String files() {
    return checkpoint.files().size() == 1
        ? checkpoint.files().getFirst().toString()
        : checkpoint.files().size() + " files in " + checkpoint.path();
  }

  private long fileBytes() {
    long sum = 0;
    for (Path file : checkpoint.files()) {
      try {
        sum += Files.size(file);
      } catch (IOException e) {
        throw new UncheckedIOException(file + " cannot be read: " + e, e);
      }
    }
    return sum;
  }

  private static String words(String key) {
    return key.replace('_', ' ');
  }

  private static void row(PrintWriter out, String what, String value) {
    out.println(String.format("%-15s %s", what, value).stripTrailing());
  }

  private static String attention(int block) {
    return switch (block) {
      case 0 -> "full";
      case 1 -> "causal";
      default -> "block-causal";
    };
  }
}
