/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.List;

/**
 * What one denoising step did to a canvas. Revision 0 inserts the prompt, fixed text and masks; all
 * revisions of a generation, replayed in order on an empty canvas, give its final tokens.
 *
 * @param step 0 for the start, then 1, 2, …: the number of network calls made so far
 * @param changes in the order to apply them
 * @param masked positions still masked afterwards
 */
public record Revision(int step, List<Change> changes, int masked) {
  public Revision {
    changes = List.copyOf(changes);
  }
}
