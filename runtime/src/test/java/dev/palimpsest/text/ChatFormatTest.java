/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.GenerationRequest.Message;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * Against rendered conversations: LLaDA's by the template of LLaDA-8B-Instruct, ChatML's by a
 * template of the Qwen2.5 kind with Dream's system prompt.
 */
class ChatFormatTest {
  private static final Map<String, List<Message>> CONVERSATIONS =
      Map.of(
          "one", List.of(new Message("user", "What is 2 + 2?")),
          "system",
              List.of(
                  new Message("system", "  Answer in Java.\n"),
                  new Message("user", "\n\tSort a list  ")),
          "turns",
              List.of(
                  new Message("user", "Hi"),
                  new Message("assistant", "Hello!\nHow are you?"),
                  new Message("user", "Fine. é漢")));

  private static String golden(String name) throws IOException {
    try (InputStream in = ChatFormatTest.class.getResourceAsStream("/chat/" + name + ".txt")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  @Test
  void everyFormatWritesWhatItsTemplateDoes() throws IOException {
    for (String format : List.of("llada", "chatml")) {
      for (Map.Entry<String, List<Message>> conversation : CONVERSATIONS.entrySet()) {
        String name = format + "-" + conversation.getKey();
        assertEquals(golden(name), ChatFormat.named(format).format(conversation.getValue()), name);
      }
    }
  }

  @Test
  void namesAreReadBack() {
    assertEquals("llada", ChatFormat.named("llada").name());
    assertEquals("chatml", ChatFormat.named("ChatML").name());
    assertEquals("<|eot_id|>", ChatFormat.named("llada").endOfTurn());
    assertEquals("<|im_end|>", ChatFormat.named("chatml").endOfTurn());
  }

  @Test
  void templatesAreToldByTheirTokens() {
    assertEquals(
        "llada",
        ChatFormat.ofTemplate("{{ '<|start_header_id|>' + role }}{{ '<|eot_id|>' }}").name());
    ChatFormat plain = ChatFormat.ofTemplate("'<|im_start|>' + role + '<|im_end|>'");
    assertEquals(
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
        plain.format(List.of(new Message("user", "Hi"))));
    ChatFormat prompted =
        ChatFormat.ofTemplate(
            "'<|im_start|>system\\nYou are a helpful assistant.<|im_end|>' … '<|im_start|>'");
    assertEquals(ChatFormat.named("chatml"), prompted);
  }

  @Test
  void theUnknownIsAnErrorThatSaysWhatIsKnown() {
    for (String part : List.of("alpaca", "llada", "chatml")) {
      assertTrue(
          assertThrows(IllegalArgumentException.class, () -> ChatFormat.named("alpaca"))
              .getMessage()
              .contains(part));
    }
    for (String part : List.of("<role>", "llada", "chatml")) {
      assertTrue(
          assertThrows(
                  IllegalArgumentException.class,
                  () -> ChatFormat.ofTemplate("{{ '<role>HUMAN</role>' }}"))
              .getMessage()
              .contains(part));
    }
  }

  @Test
  void whatCannotBeWrittenDownIsRefused() {
    for (String format : List.of("llada", "chatml")) {
      assertThrows(
          IllegalArgumentException.class, () -> ChatFormat.named(format).format(List.of()));
      String message =
          assertThrows(
                  IllegalArgumentException.class,
                  () -> ChatFormat.named(format).format(List.of(new Message("tool", "42"))))
              .getMessage();
      assertTrue(message.contains("\"tool\""), message);
    }
  }
}
