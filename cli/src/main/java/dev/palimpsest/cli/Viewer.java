/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import dev.palimpsest.cli.TokenTexts.Stretch;
import java.util.List;

/** Shows a text being refined. */
interface Viewer extends AutoCloseable {
  /** The canvas after a step; step 0 is the canvas as it starts. */
  void show(Progress progress, List<Stretch> canvas);

  /** Nothing more comes; the screen is handed back. */
  @Override
  void close();
}
