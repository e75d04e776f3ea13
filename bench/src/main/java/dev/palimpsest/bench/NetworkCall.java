/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

/**
 * A call of a network, to be made again and again.
 *
 * @param name {@code forward}, or what a network of several parts does in it
 * @param tokens it goes through, over all sequences
 * @param work makes it
 */
record NetworkCall(String name, int tokens, Runnable work) {}
