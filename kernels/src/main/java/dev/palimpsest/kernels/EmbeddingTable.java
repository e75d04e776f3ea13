/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels;

/** Token embeddings {@code [vocabulary][width]} on one device. Made by {@link Device#table}. */
public interface EmbeddingTable {
  int vocabulary();

  int width();
}
