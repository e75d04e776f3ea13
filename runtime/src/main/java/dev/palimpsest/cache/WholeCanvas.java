/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cache;

import dev.palimpsest.process.DiffusionProcess;

/** {@link CacheMode#NONE}: everything, in every step. */
record WholeCanvas() implements FeedRule {
  @Override
  public void choose(DiffusionProcess process, boolean shifted, Feed feed) {
    int length = process.canvas().length();
    feed.begin(length, true);
    feed.addRange(0, length);
  }

  @Override
  public boolean steady(DiffusionProcess process) {
    return true;
  }
}
