/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.text;

import dev.palimpsest.GenerationRequest.Message;
import java.util.List;
import java.util.Optional;

/**
 * ChatML: {@code <|im_start|>role}, a new line, the text as it is, {@code <|im_end|>}, a new line.
 * Dream's template, as that of the Qwen2.5 it grew from, puts a system prompt first where the
 * conversation has none.
 *
 * @param defaultSystem that system prompt, if any
 */
record ChatMl(Optional<String> defaultSystem) implements ChatFormat {
  static final String NAME = "chatml";
  private static final String START = "<|im_start|>";
  private static final String END = "<|im_end|>";
  static final String DEFAULT_SYSTEM = "You are a helpful assistant.";

  static ChatMl withDefaultSystem() {
    return new ChatMl(Optional.of(DEFAULT_SYSTEM));
  }

  static ChatMl withoutDefaultSystem() {
    return new ChatMl(Optional.empty());
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Optional<String> endOfTurn() {
    return Optional.of(END);
  }

  @Override
  public List<Part> parts(List<Message> messages) {
    ChatFormat.check(messages);
    ChatParts out = new ChatParts();
    if (!messages.getFirst().role().equals("system")) {
      defaultSystem.ifPresent(text -> turn(out, "system", text));
    }
    for (Message message : messages) {
      turn(out, message.role(), message.text());
    }
    return out.special(START).text("assistant\n").build();
  }

  private static void turn(ChatParts out, String role, String text) {
    out.special(START).text(role).text("\n").text(text).special(END).text("\n");
  }
}
