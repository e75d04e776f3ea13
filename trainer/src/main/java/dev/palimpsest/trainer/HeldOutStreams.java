/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.util.ArrayList;
import java.util.List;

/** Held-out text from the beginnings of files on, and on into the files that follow. */
final class HeldOutStreams {
  private HeldOutStreams() {}

  /**
   * Streams that begin with files of at least {@code shortest} tokens, spread over the whole split.
   *
   * @param end the end-of-text token, which stands behind each file
   * @param count how many
   * @param length tokens of each
   * @throws IllegalArgumentException if there are not so many such files
   */
  static List<int[]> of(TokenFile heldOut, int end, int count, int shortest, int length) {
    List<Long> starts = new ArrayList<>();
    long start = 0;
    for (long i = 0; i < heldOut.length(); i++) {
      if (heldOut.at(i) == end) {
        if (i - start >= shortest && start + length <= heldOut.length()) {
          starts.add(start);
        }
        start = i + 1;
      }
    }
    if (starts.size() < count) {
      throw new IllegalArgumentException(
          "%d held-out files have %d tokens and %d together with those behind them; found %d texts asked for: take fewer --texts or --tokens, or more libraries into the corpus"
              .formatted(starts.size(), shortest, length, count));
    }
    List<int[]> streams = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      long from = starts.get((int) ((long) i * starts.size() / count));
      int[] stream = new int[length];
      for (int k = 0; k < length; k++) {
        stream[k] = heldOut.at(from + k);
      }
      streams.add(stream);
    }
    return streams;
  }
}
