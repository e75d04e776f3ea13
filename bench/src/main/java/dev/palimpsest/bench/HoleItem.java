/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.GenerationRequest;

/**
 * A hole in a file.
 *
 * @param before tokens in view before it
 * @param truth what stood there; empty where the number of tokens says nothing of it
 * @param tokens how many are to be written
 * @param after tokens in view behind it
 * @param head all text of the file before the hole
 * @param tail all text of the file behind it
 */
record HoleItem(int[] before, int[] truth, int tokens, int[] after, String head, String tail) {
  /** A request to write it. */
  GenerationRequest.Builder request() {
    GenerationRequest.Builder builder =
        GenerationRequest.builder().tokens(before).hole(tokens).plainTextOnly(true);
    return after.length == 0 ? builder : builder.tokens(after);
  }
}
