/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.text;

import dev.palimpsest.GenerationRequest.Message;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * How a conversation is written down for a model. Each format is written out by hand from the
 * template its family publishes; a template is never interpreted.
 */
public sealed interface ChatFormat permits LladaChat, ChatMl {
  /** Name by which {@link #named} finds it. */
  String name();

  /**
   * The conversation as text, ending where the assistant's turn begins.
   *
   * @throws IllegalArgumentException if there is no message, or a role is none of system, user and
   *     assistant
   */
  String format(List<Message> messages);

  /** The special token that ends a turn. */
  String endOfTurn();

  /**
   * The format of that name.
   *
   * @throws IllegalArgumentException listing the known ones
   */
  static ChatFormat named(String name) {
    return switch (name.toLowerCase(Locale.ROOT)) {
      case LladaChat.NAME -> new LladaChat();
      case ChatMl.NAME -> ChatMl.withDefaultSystem();
      default ->
          throw new IllegalArgumentException(
              "unknown chat format \"" + name + "\": known are " + known());
    };
  }

  /**
   * The format that a published {@code chat_template} (Jinja) stands for, told by the special
   * tokens it writes.
   *
   * @throws IllegalArgumentException if it is none of the known ones
   */
  static ChatFormat ofTemplate(String template) {
    if (template.contains("<|start_header_id|>") && template.contains("<|eot_id|>")) {
      return new LladaChat();
    }
    if (template.contains("<|im_start|>") && template.contains("<|im_end|>")) {
      return template.contains(ChatMl.DEFAULT_SYSTEM)
          ? ChatMl.withDefaultSystem()
          : ChatMl.withoutDefaultSystem();
    }
    String start = template.length() > 60 ? template.substring(0, 60) + "…" : template;
    throw new IllegalArgumentException(
        "unknown chat template \"" + start.replace('\n', ' ') + "\": known are " + known());
  }

  private static String known() {
    return LladaChat.NAME
        + " (<|start_header_id|> … <|eot_id|>) and "
        + ChatMl.NAME
        + " (<|im_start|> … <|im_end|>)";
  }

  /** Refuses what no format can write down. */
  static void check(List<Message> messages) {
    if (messages.isEmpty()) {
      throw new IllegalArgumentException("the conversation has no message");
    }
    for (Message message : messages) {
      if (!Set.of("system", "user", "assistant").contains(message.role())) {
        throw new IllegalArgumentException(
            "unknown role \"" + message.role() + "\": use system, user or assistant");
      }
    }
  }
}
