/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.text;

import dev.palimpsest.GenerationRequest.Message;
import java.util.List;

/**
 * LLaDA's format, that of Llama 3: a header with the role, an empty line, the text without
 * surrounding white space, an end-of-turn token; before all of it the start token. From the chat
 * template of LLaDA-8B-Instruct.
 */
record LladaChat() implements ChatFormat {
  static final String NAME = "llada";

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String endOfTurn() {
    return "<|eot_id|>";
  }

  @Override
  public String format(List<Message> messages) {
    ChatFormat.check(messages);
    StringBuilder out = new StringBuilder("<|startoftext|>");
    for (Message message : messages) {
      header(out, message.role()).append(message.text().strip()).append(endOfTurn());
    }
    return header(out, "assistant").toString();
  }

  private static StringBuilder header(StringBuilder out, String role) {
    return out.append("<|start_header_id|>").append(role).append("<|end_header_id|>\n\n");
  }
}
