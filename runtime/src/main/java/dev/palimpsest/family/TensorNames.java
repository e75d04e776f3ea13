/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What one naming scheme calls the tensors of a transformer.
 *
 * @param block prefix of a block's tensors, with {@code %d} for its number
 * @param projections stems of the query, key, value, output, gate, up and down projections, without
 *     {@code .weight} or {@code .bias}
 * @param queryNorm stem of the per-head norm of queries; where a scheme has none, nothing is looked
 *     for
 */
public record TensorNames(
    String embedding,
    String outputNorm,
    String head,
    String block,
    String attentionNorm,
    String ffnNorm,
    Projections projections,
    Optional<String> queryNorm,
    Optional<String> keyNorm) {
  /** Stems of a block's linear maps. */
  public record Projections(
      String query, String key, String value, String output, String gate, String up, String down) {
    List<String> all() {
      return List.of(query, key, value, output, gate, up, down);
    }
  }

  /** GGUF's names, shared by all architectures (llama.cpp, {@code gguf-py/gguf/constants.py}). */
  public static final TensorNames GGUF =
      new TensorNames(
          "token_embd.weight",
          "output_norm.weight",
          "output.weight",
          "blk.%d.",
          "attn_norm",
          "ffn_norm",
          new Projections(
              "attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"),
          Optional.of("attn_q_norm"),
          Optional.of("attn_k_norm"));

  /** The name of block {@code layer}'s weight called {@code stem}. */
  public String weight(int layer, String stem) {
    return block.formatted(layer) + stem + ".weight";
  }

  /** The name of block {@code layer}'s bias called {@code stem}. */
  public String bias(int layer, String stem) {
    return block.formatted(layer) + stem + ".bias";
  }

  /**
   * The same tensor's name under another scheme, or empty for one that this scheme does not name.
   *
   * @param layers how many blocks there are
   */
  public Optional<String> translate(String name, TensorNames to, int layers) {
    if (name.equals(embedding)) {
      return Optional.of(to.embedding);
    }
    if (name.equals(outputNorm)) {
      return Optional.of(to.outputNorm);
    }
    if (name.equals(head)) {
      return Optional.of(to.head);
    }
    int layer = layerOf(name);
    if (layer < 0 || layer >= layers) {
      return Optional.empty();
    }
    int dot = name.lastIndexOf('.');
    String stem = name.substring(block.formatted(layer).length(), Math.max(dot, 0));
    String suffix = name.substring(dot);
    if (!suffix.equals(".weight") && !suffix.equals(".bias")) {
      return Optional.empty();
    }
    List<String> from = stems();
    int i = from.indexOf(stem);
    return i < 0 || to.stems().get(i).isEmpty()
        ? Optional.empty()
        : Optional.of(to.block.formatted(layer) + to.stems().get(i) + suffix);
  }

  /** Which block a tensor belongs to, or −1. */
  public int layerOf(String name) {
    int at = block.indexOf("%d");
    String before = block.substring(0, at);
    String after = block.substring(at + 2);
    int end = name.startsWith(before) ? name.indexOf(after, before.length()) : -1;
    if (end <= before.length() || end - before.length() > 6) {
      return -1;
    }
    String digits = name.substring(before.length(), end);
    boolean number = digits.chars().allMatch(c -> c >= '0' && c <= '9');
    return number && (digits.length() == 1 || digits.charAt(0) != '0')
        ? Integer.parseInt(digits)
        : -1;
  }

  private List<String> stems() {
    List<String> out = new ArrayList<>(List.of(attentionNorm, ffnNorm));
    out.addAll(projections.all());
    out.add(queryNorm.orElse(""));
    out.add(keyNorm.orElse(""));
    return out;
  }
}
