/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Low-confidence decoding at temperature 0 (LLaDA, arXiv 2502.09992), many rows at once: every step
 * commits the surest masked positions of the current block of each row, the masks of a block split
 * evenly over its steps.
 */
final class Unmasking {
  private final Denoiser network;
  private final int chunk;

  /**
   * @param chunk rows of one forward pass
   */
  Unmasking(Denoiser network, int chunk) {
    this.network = network;
    this.chunk = chunk;
  }

  /**
   * Writes every MASK of the rows, in place. Neither MASK nor end-of-text is written unless {@code
   * mayEnd}.
   *
   * @param rows canvases of equal length
   * @param steps network calls for all of a row's masks
   * @param blocks in how many blocks, left to right, the masks are written; divides {@code steps}
   */
  void fill(List<int[]> rows, int steps, int blocks, boolean mayEnd) {
    for (int from = 0; from < rows.size(); from += chunk) {
      fillChunk(rows.subList(from, Math.min(rows.size(), from + chunk)), steps, blocks, mayEnd);
    }
  }

  private void fillChunk(List<int[]> rows, int steps, int blocks, boolean mayEnd) {
    int mask = network.shape().maskId();
    List<int[]> masked = new ArrayList<>();
    for (int[] row : rows) {
      int[] positions = new int[row.length];
      int n = 0;
      for (int i = 0; i < row.length; i++) {
        if (row[i] == mask) {
          positions[n++] = i;
        }
      }
      masked.add(Arrays.copyOf(positions, n));
    }
    int perBlock = steps / blocks;
    for (int b = 0; b < blocks; b++) {
      for (int s = 0; s < perBlock; s++) {
        List<int[]> open = new ArrayList<>();
        for (int r = 0; r < rows.size(); r++) {
          int[] all = masked.get(r);
          int[] row = rows.get(r);
          int lo = all.length * b / blocks;
          int hi = all.length * (b + 1) / blocks;
          open.add(Arrays.stream(all, lo, hi).filter(i -> row[i] == mask).toArray());
        }
        commit(rows, open, perBlock - s, mayEnd);
      }
    }
  }

  /** One step: of the open positions of each row, one part of {@code stepsLeft} is committed. */
  private void commit(List<int[]> rows, List<int[]> open, int stepsLeft, boolean mayEnd) {
    int length = rows.getFirst().length;
    int total = open.stream().mapToInt(o -> o.length).sum();
    if (total == 0) {
      return;
    }
    int[] ids = new int[rows.size() * length];
    int[] positions = new int[total];
    int n = 0;
    for (int r = 0; r < rows.size(); r++) {
      System.arraycopy(rows.get(r), 0, ids, r * length, length);
      for (int i : open.get(r)) {
        positions[n++] = r * length + i;
      }
    }
    Guess[] guesses = guess(ids, rows.size(), positions, mayEnd);
    n = 0;
    for (int r = 0; r < rows.size(); r++) {
      int count = open.get(r).length;
      Guess[] own = Arrays.copyOfRange(guesses, n, n + count);
      n += count;
      Arrays.sort(own, Comparator.comparingDouble((Guess g) -> -g.confidence()));
      int take = (count + stepsLeft - 1) / stepsLeft;
      for (int i = 0; i < take; i++) {
        rows.get(r)[own[i].position() % length] = own[i].token();
      }
    }
  }

  /** The likeliest token of a position and its probability. */
  record Guess(int position, int token, double confidence) {}

  /** The likeliest token of each position. */
  Guess[] guess(int[] ids, int batch, int[] positions, boolean mayEnd) {
    Guess[] guesses = new Guess[positions.length];
    int vocabulary = network.shape().vocabulary();
    float[] row = new float[vocabulary];
    try (NoGradGuard _ = new NoGradGuard();
        PointerScope _ = new PointerScope()) {
      Tensor logits = network.logits(ids, batch, positions);
      FloatBuffer probabilities = torch.softmax(logits, 1).createBuffer();
      for (int p = 0; p < positions.length; p++) {
        probabilities.get(p * vocabulary, row);
        row[network.shape().maskId()] = 0;
        if (!mayEnd) {
          row[network.shape().endId()] = 0;
        }
        int best = 0;
        for (int w = 1; w < vocabulary; w++) {
          best = row[w] > row[best] ? w : best;
        }
        guesses[p] = new Guess(positions[p], best, row[best]);
      }
    }
    return guesses;
  }
}
