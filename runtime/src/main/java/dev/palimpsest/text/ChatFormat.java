/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.text;

import dev.palimpsest.GenerationRequest.Message;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * How a conversation is written down for a model. Each format is written out by hand from the
 * template its family publishes; a template is never interpreted.
 */
public sealed interface ChatFormat permits LladaChat, ChatMl, UnknownChat {
  /** A stretch of a conversation as it is written down. */
  sealed interface Part {
    String text();

    /** A special token of the format. */
    record Special(String text) implements Part {}

    /** Text, in which nothing is a special token, whoever wrote it. */
    record Plain(String text) implements Part {}
  }

  /** Name for people. */
  String name();

  /**
   * The conversation, ending where the assistant's turn begins.
   *
   * @throws IllegalArgumentException if there is no message, or a role is none of system, user and
   *     assistant, or the format is {@linkplain UnknownChat unknown}
   */
  List<Part> parts(List<Message> messages);

  /** The special token that ends a turn. */
  Optional<String> endOfTurn();

  /**
   * The tokens of {@link #parts}.
   *
   * @throws IllegalArgumentException as {@link #parts}, and if the tokenizer lacks a special token
   */
  default int[] encode(List<Message> messages, Tokenizer tokenizer) {
    IntStream.Builder ids = IntStream.builder();
    for (Part part : parts(messages)) {
      switch (part) {
        case Part.Plain(String text) -> IntStream.of(tokenizer.encode(text)).forEach(ids::add);
        case Part.Special(String text) ->
            ids.add(
                tokenizer
                    .id(text)
                    .orElseThrow(
                        () ->
                            new IllegalArgumentException(
                                "chat format %s needs the token %s, which the tokenizer lacks: the chat template belongs to another model"
                                    .formatted(name(), text))));
      }
    }
    return ids.build().toArray();
  }

  /**
   * The format that a published {@code chat_template} (Jinja) stands for, told by the special
   * tokens it writes.
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
    return new UnknownChat(template);
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
