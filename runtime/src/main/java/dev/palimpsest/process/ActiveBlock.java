/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

/**
 * The stretch of the canvas that a process is working on.
 *
 * @param index differs from block to block
 * @param from first position that may be predicted or change until the block is done
 * @param to the position after the last such one
 */
public record ActiveBlock(int index, int from, int to) {}
