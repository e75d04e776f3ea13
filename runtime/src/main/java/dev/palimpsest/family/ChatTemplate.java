/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.CheckpointException;
import dev.palimpsest.weights.Checkpoints;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.databind.JsonNode;

/** Tells from a checkpoint's chat template which chat format it follows. */
final class ChatTemplate {
  private static final long MAX_TEMPLATE = 4 << 20;

  private ChatTemplate() {}

  /**
   * Looks into GGUF's {@code tokenizer.chat_template}, {@code chat_template.jinja} and {@code
   * tokenizer_config.json}, in this order.
   *
   * @return {@code llada}, {@code chatml}, {@code unknown} for any other template, or empty for
   *     none
   */
  static String format(Checkpoint checkpoint) {
    String template = template(checkpoint);
    if (template.isEmpty()) {
      return "";
    }
    if (template.contains("<|start_header_id|>")) {
      return "llada";
    }
    return template.contains("<|im_start|>") ? "chatml" : "unknown";
  }

  private static String template(Checkpoint checkpoint) {
    JsonNode inside = checkpoint.metadata().path("tokenizer.chat_template");
    if (inside.isString()) {
      return inside.stringValue();
    }
    Path beside = checkpoint.files().getFirst();
    Path jinja = beside.resolveSibling("chat_template.jinja");
    Path config = beside.resolveSibling("tokenizer_config.json");
    if (Files.isRegularFile(jinja)) {
      return read(jinja);
    }
    if (!Files.isRegularFile(config)) {
      return "";
    }
    // A list names several templates; any of them tells the format.
    JsonNode node = Checkpoints.readJson(config).path("chat_template");
    return node.isMissingNode() || node.isNull() ? "" : node.toString();
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
