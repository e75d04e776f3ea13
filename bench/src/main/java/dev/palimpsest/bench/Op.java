/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

/**
 * One op at one shape.
 *
 * @param name the {@link dev.palimpsest.kernels.Device} method
 * @param shape for people, e.g. {@code 256 x 1024 -> 3072}
 * @param flops floating-point operations of the matrix products of one call; 0 when it has none
 * @param bytes least memory traffic of one call: weights and inputs read once, outputs written once
 */
record Op(String name, String shape, long flops, long bytes) {}
