/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weightstool;

import java.nio.file.Path;

/** File formats as the command line spells them. */
enum Format {
  safetensors,
  gguf;

  /** The file of weights for {@code --out}: in that folder, or the name itself for GGUF. */
  Path file(Path out) {
    boolean named = this == gguf && out.toString().endsWith(".gguf");
    return named ? out : out.resolve("model." + name());
  }
}
