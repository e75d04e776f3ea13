/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import java.net.URISyntaxException;
import java.nio.file.Path;

/** Where the golden checkpoints lie. */
final class GoldenPaths {
  private GoldenPaths() {}

  static Path of(String name) {
    try {
      return Path.of(GoldenPaths.class.getResource("/goldens/" + name).toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }
}
