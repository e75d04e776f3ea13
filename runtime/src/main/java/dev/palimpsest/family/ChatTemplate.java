/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import dev.palimpsest.text.ChatFormat;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.CheckpointException;
import dev.palimpsest.weights.Checkpoints;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/** Finds a checkpoint's chat template. */
final class ChatTemplate {
  private static final long MAX_TEMPLATE = 4 << 20;

  private ChatTemplate() {}

  /**
   * The format that the checkpoint's template follows. Looks into GGUF's {@code
   * tokenizer.chat_template}, {@code chat_template.jinja} and {@code tokenizer_config.json}, in
   * this order.
   *
   * @return empty for a model without a template
   */
  static Optional<ChatFormat> format(Checkpoint checkpoint) {
    return template(checkpoint).map(ChatFormat::ofTemplate);
  }

  private static Optional<String> template(Checkpoint checkpoint) {
    JsonNode inside = checkpoint.metadata().path("tokenizer.chat_template");
    if (inside.isString()) {
      return Optional.of(inside.stringValue()).filter(text -> !text.isEmpty());
    }
    Path beside = checkpoint.files().getFirst();
    Path jinja = beside.resolveSibling("chat_template.jinja");
    Path config = beside.resolveSibling("tokenizer_config.json");
    if (Files.isRegularFile(jinja)) {
      return Optional.of(read(jinja)).filter(text -> !text.isEmpty());
    }
    if (!Files.isRegularFile(config)) {
      return Optional.empty();
    }
    // A list names several templates; any of them tells the format.
    JsonNode node = Checkpoints.readJson(config).path("chat_template");
    return node.isMissingNode() || node.isNull() ? Optional.empty() : Optional.of(node.toString());
  }

  private static String read(Path file) {
    try {
      if (Files.size(file) > MAX_TEMPLATE) {
        throw new CheckpointException(file + ": is longer than " + MAX_TEMPLATE + " bytes");
      }
      return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new CheckpointException(file + ": cannot be read: " + e, e);
    }
  }
}
