/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import java.time.Duration;
import java.util.List;

/**
 * What a generation wrote.
 *
 * @param tokens ids of the whole canvas
 * @param text the whole canvas as text, special tokens left out
 * @param holes the text written into each hole, in order, cut at end-of-text where that was asked
 *     for
 * @param newTokens tokens written into the holes; positions left masked do not count
 * @param networkCalls denoising steps taken; steps that only store a long prompt are not among them
 * @param elapsed from submission to the last revision
 */
public record GenerationResult(
    List<Integer> tokens,
    String text,
    List<String> holes,
    int newTokens,
    int networkCalls,
    Duration elapsed) {
  /** Takes copies of the lists. */
  public GenerationResult {
    tokens = List.copyOf(tokens);
    holes = List.copyOf(holes);
  }
}
