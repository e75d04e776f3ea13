/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.util.SplittableRandom;

/**
 * Where the rows of a batch come from: anywhere in a corpus, three times out of four from the
 * beginning of a line.
 *
 * @param tokens the corpus
 * @param startsLine whether a token begins with a line break, by token; none at all if the file is
 *     rows of one length one after another, which are then taken as they are
 * @param endId the end-of-text token
 */
public record RowSource(TokenFile tokens, boolean[] startsLine, int endId) {
  /** Tokens a row may move on to start at the beginning of a line. */
  private static final int LINE_SEARCH = 48;

  /** The randomness of one step of a run: a function of seed and step. */
  public static SplittableRandom random(long seed, long step) {
    return new SplittableRandom(mix(mix(seed) ^ mix(step)));
  }

  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }

  /** Puts {@code length} tokens from a random place into {@code ids} from {@code at} on. */
  public void crop(SplittableRandom random, int[] ids, int at, int length) {
    if (startsLine.length == 0) {
      long row = random.nextLong(tokens.length() / length);
      for (int i = 0; i < length; i++) {
        ids[at + i] = tokens.at(row * length + i);
      }
      return;
    }
    long room = tokens.length() - length - LINE_SEARCH;
    if (room < 1) {
      throw new IllegalArgumentException(
          "a corpus of " + tokens.length() + " tokens is too short for rows of " + length);
    }
    long start = random.nextLong(room);
    if (random.nextInt(4) != 0) {
      for (int i = 0; i < LINE_SEARCH; i++) {
        int id = tokens.at(start + i);
        if (startsLine[id] || id == endId) {
          // The row opens with the line's first word, as a prompt does.
          start += i + 1;
          break;
        }
      }
    }
    for (int i = 0; i < length; i++) {
      ids[at + i] = tokens.at(start + i);
    }
  }
}
