/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cache;

import dev.palimpsest.process.ActiveBlock;
import dev.palimpsest.process.Canvas;
import dev.palimpsest.process.Change;
import dev.palimpsest.process.DiffusionProcess;
import dev.palimpsest.process.Positions;
import dev.palimpsest.process.Revision;
import java.util.BitSet;

/**
 * {@link CacheMode#DELAYED}: between refreshes all masks of the canvas and what the last step
 * changed, wherever they are. A token is thus fed once as a token, in the step after it was
 * written, and its keys and values of that step are kept (dKV-Cache-Decode; Ma et al., 2025).
 *
 * <p>Unlike the published decoder, the second step of a block is not fed whole, guidance runs a
 * second sequence by the same rule, and with shifted logits the row before each wanted position is
 * fed beside the position itself, instead of shifting what is kept.
 */
final class DelayedTokens implements FeedRule {
  private final Refreshes refreshes;
  private final BitSet changed = new BitSet();
  private final BitSet fed = new BitSet();

  DelayedTokens(int refreshEvery) {
    refreshes = new Refreshes(refreshEvery);
  }

  @Override
  public void choose(DiffusionProcess process, boolean shifted, Feed feed) {
    Canvas canvas = process.canvas();
    int length = canvas.length();
    ActiveBlock active = process.active();
    feed.begin(length, true);
    if (refreshes.due(active)) {
      feed.addRange(0, length);
      return;
    }
    fed.clear();
    fed.or(changed);
    for (int p = 0; p < length; p++) {
      if (canvas.masked(p)) {
        fed.set(p);
      }
    }
    Positions wanted = process.wanted();
    for (int i = 0; i < wanted.size(); i++) {
      int p = wanted.at(i);
      fed.set(p);
      if (shifted && p > 0) {
        fed.set(p - 1);
      }
    }
    for (int p = fed.nextSetBit(0); p >= 0; p = fed.nextSetBit(p + 1)) {
      feed.add(p);
    }
  }

  @Override
  public void stepped(DiffusionProcess process, Feed feed) {
    refreshes.stepped(process.active());
  }

  @Override
  public void revised(Revision revision) {
    changed.clear();
    for (Change change : revision.changes()) {
      changed.set(change.position());
    }
  }
}
