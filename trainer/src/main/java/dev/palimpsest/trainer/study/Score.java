/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.study;

/**
 * One number of a table.
 *
 * @param decoding how the model wrote
 * @param measure what was measured
 */
public record Score(String decoding, String measure, double value) {}
