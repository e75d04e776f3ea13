/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import dev.palimpsest.GenerationRequest.Piece;
import dev.palimpsest.network.ModelConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.function.Function;

/**
 * A request's pieces laid out as tokens.
 *
 * @param tokens the initial canvas: given tokens, drafts, and MASK in the holes, or −1 for a model
 *     without
 * @param fixed positions that were given
 * @param holes where the holes and drafts are, in order
 */
record CanvasPlan(int[] tokens, BitSet fixed, List<Span> holes) {
  /** Positions {@code from .. to - 1}. */
  record Span(int from, int to) {}

  /**
   * Lays out pieces.
   *
   * @param most tokens of a canvas
   * @param encode tokens of a text or chat piece
   * @throws IllegalArgumentException if the pieces do not fit the model
   */
  static CanvasPlan of(
      List<Piece> pieces, ModelConfig config, int most, Function<Piece, int[]> encode) {
    int[] tokens = new int[64];
    int length = 0;
    BitSet fixed = new BitSet();
    List<Span> holes = new ArrayList<>();
    for (Piece piece : pieces) {
      int[] part;
      if (piece instanceof Piece.Hole hole) {
        refuseWithoutMask(config);
        refuseBeyond(most, (long) length + hole.length());
        part = new int[hole.length()];
        Arrays.fill(part, config.maskToken());
        holes.add(new Span(length, length + part.length));
      } else if (piece instanceof Piece.Draft draft) {
        refuseWithoutMask(config);
        part = draft.ids().stream().mapToInt(Integer::intValue).toArray();
        holes.add(new Span(length, length + part.length));
      } else {
        part =
            piece instanceof Piece.Tokens given
                ? given.ids().stream().mapToInt(Integer::intValue).toArray()
                : encode.apply(piece);
        fixed.set(length, length + part.length);
      }
      refuseBeyond(most, (long) length + part.length);
      if (length + part.length > tokens.length) {
        tokens = Arrays.copyOf(tokens, Math.max(tokens.length * 2, length + part.length));
      }
      System.arraycopy(part, 0, tokens, length, part.length);
      length += part.length;
    }
    tokens = Arrays.copyOf(tokens, length);
    for (int i = 0; i < length; i++) {
      if (tokens[i] == config.maskToken() && !fixed.get(i)) {
        continue;
      }
      if (tokens[i] < 0 || tokens[i] >= config.vocabulary()) {
        throw new IllegalArgumentException(
            "token "
                + tokens[i]
                + " at position "
                + i
                + " is outside the vocabulary of "
                + config.vocabulary());
      }
    }
    return new CanvasPlan(tokens, fixed, holes);
  }

  private static void refuseWithoutMask(ModelConfig config) {
    if (config.maskToken() < 0 && !config.causal()) {
      throw new IllegalArgumentException(
          "the checkpoint names no mask token: config.json wants mask_token_id, a GGUF file tokenizer.ggml.mask_token_id");
    }
  }

  private static void refuseBeyond(int most, long length) {
    if (length > most) {
      throw new IllegalArgumentException(
          "the canvas would be "
              + length
              + " tokens, the model was made for "
              + most
              + ": shorten the prompt or the holes");
    }
  }

  /** Tokens to be written. */
  int asked() {
    return holes.stream().mapToInt(hole -> hole.to - hole.from).sum();
  }

  /** True when given text follows a hole, so that a hole must not end the text. */
  boolean infills() {
    return !holes.isEmpty() && fixed.length() > holes.getFirst().to();
  }
}
