/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

/**
 * What conditions rows of activations: scales, shifts and gates for all of a network's blocks lie
 * in the columns of {@code table}, a row for each distinct time of a batch.
 *
 * @param table f32
 * @param rowOf the row of {@code table} that row i of the activations goes by; not copied
 */
public record Modulation(Tensor table, int[] rowOf) {}
