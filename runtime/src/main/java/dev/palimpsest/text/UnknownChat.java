/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.text;

import dev.palimpsest.GenerationRequest.Message;
import java.util.List;
import java.util.Optional;

/**
 * The format of a template that is none of the known ones; nothing can be written in it.
 *
 * @param template as published
 */
record UnknownChat(String template) implements ChatFormat {
  private static final int SHOWN = 60;

  @Override
  public String name() {
    return "unknown";
  }

  @Override
  public Optional<String> endOfTurn() {
    return Optional.empty();
  }

  @Override
  public List<Part> parts(List<Message> messages) {
    String start = template.length() > SHOWN ? template.substring(0, SHOWN) + "…" : template;
    throw new IllegalArgumentException(
        "the model's chat template \"%s\" is of a kind that is not known; known are %s (<|start_header_id|> … <|eot_id|>) and %s (<|im_start|> … <|im_end|>): give it text to complete instead"
            .formatted(start.replace('\n', ' '), LladaChat.NAME, ChatMl.NAME));
  }
}
