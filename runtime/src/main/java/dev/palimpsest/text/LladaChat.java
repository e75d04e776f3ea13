/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.text;

import dev.palimpsest.GenerationRequest.Message;
import java.util.List;
import java.util.Optional;

/**
 * LLaDA's format, that of Llama 3: a header with the role, an empty line, the text without
 * surrounding white space, an end-of-turn token; before all of it the start token. From the chat
 * template of LLaDA-8B-Instruct.
 */
record LladaChat() implements ChatFormat {
  static final String NAME = "llada";
  private static final String END = "<|eot_id|>";

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
    ChatParts out = new ChatParts().special("<|startoftext|>");
    for (Message message : messages) {
      header(out, message.role()).text(message.text().strip()).special(END);
    }
    return header(out, "assistant").build();
  }

  private static ChatParts header(ChatParts out, String role) {
    return out.special("<|start_header_id|>").text(role).special("<|end_header_id|>").text("\n\n");
  }
}
