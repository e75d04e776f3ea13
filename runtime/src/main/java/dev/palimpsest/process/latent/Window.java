/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process.latent;

/**
 * What the model sees while it writes a block: positions {@code from ‥ to − 1} of the canvas, of
 * which it writes {@code written[first ‥ end − 1]}.
 */
record Window(int from, int to, int first, int end) {
  /** Nothing is left to write. */
  static final Window NONE = new Window(0, 0, 0, 0);

  /**
   * The window of the next block. It holds no position that is to be written later. On either side
   * of the block it takes what is known, half of the room each, or more where the other side has
   * less.
   *
   * @param written positions to write, ascending
   * @param first the first of them that is not written yet
   * @param length of the canvas
   * @param most positions that the model can see
   * @param blockLength positions of a block; 0 takes all if the canvas fits
   */
  static Window next(int[] written, int first, int length, int most, int blockLength) {
    if (first == written.length) {
      return NONE;
    }
    if (blockLength == 0 && length <= most) {
      return new Window(0, length, first, written.length);
    }
    int begin = written[first];
    int reach = blockLength == 0 ? Math.max(1, most / 2) : most;
    int count = blockLength == 0 ? Integer.MAX_VALUE : blockLength;
    int last = first;
    while (last + 1 < written.length
        && last + 1 - first < count
        && written[last + 1] - begin < reach) {
      last++;
    }
    int end = written[last] + 1;
    int known = (last + 1 < written.length ? written[last + 1] : length) - end;
    int room = most - (end - begin);
    int left = Math.min(begin, room - Math.min(known, room / 2));
    int right = Math.min(known, room - left);
    return new Window(begin - left, end + right, first, last + 1);
  }

  int length() {
    return to - from;
  }
}
