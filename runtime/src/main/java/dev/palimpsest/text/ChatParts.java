/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.text;

import java.util.ArrayList;
import java.util.List;

/**
 * Collects the parts of a conversation. Text between two special tokens becomes one part: the
 * tokenizer must see it whole, whoever wrote which half of it.
 */
final class ChatParts {
  private final List<ChatFormat.Part> parts = new ArrayList<>();
  private final StringBuilder text = new StringBuilder();

  ChatParts special(String token) {
    endText();
    parts.add(new ChatFormat.Part.Special(token));
    return this;
  }

  ChatParts text(String more) {
    text.append(more);
    return this;
  }

  List<ChatFormat.Part> build() {
    endText();
    return List.copyOf(parts);
  }

  private void endText() {
    if (!text.isEmpty()) {
      parts.add(new ChatFormat.Part.Plain(text.toString()));
      text.setLength(0);
    }
  }
}
