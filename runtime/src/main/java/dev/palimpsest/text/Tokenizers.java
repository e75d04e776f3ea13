/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.text;

import dev.palimpsest.weights.Checkpoint;
import java.nio.file.Path;
import java.util.Optional;

/** Finds the tokenizer that belongs to a checkpoint. */
public final class Tokenizers {
  private Tokenizers() {}

  /**
   * The checkpoint's tokenizer: {@code tokenizer.json} beside the weights; else, of a GGUF file,
   * what its metadata holds; else {@code vocab.json} and {@code merges.txt} beside the weights.
   *
   * @return empty if there is none
   * @throws dev.palimpsest.weights.CheckpointException if there is one that cannot be used; the
   *     message names file and field
   */
  public static Optional<Tokenizer> open(Checkpoint checkpoint) {
    Optional<Path> file = checkpoint.tokenizerFile();
    if (file.isPresent()) {
      return Optional.of(HuggingFaceTokenizer.open(file.get()));
    }
    if (checkpoint.format().equals("gguf")) {
      return GgufTokenizer.open(checkpoint.metadata(), checkpoint.path().toString());
    }
    return VocabularyFiles.open(checkpoint.files().getFirst().toAbsolutePath().getParent());
  }
}
