/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.llamacpp;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.Checkpoints;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class LlamaCppTest {
  private static final Path GOLDENS = Path.of("../runtime/src/test/resources/goldens");
  private static final Path LLADA = GOLDENS.resolve("llada-tiny/model.gguf");
  private static final Path DREAM = GOLDENS.resolve("dream-tiny/model.gguf");

  private static Setup setup(String backend) {
    return new Setup(Path.of("nowhere"), backend, Path.of("some.gguf"), 1, 64, false);
  }

  @Test
  void aCrashTakesOnlyTheChildAndSaysWhatItWas() {
    PeerException died =
        assertThrows(PeerException.class, () -> LlamaCpp.start(setup("crash"), DyingChild.class));
    assertTrue(
        died.getMessage().startsWith("llama.cpp, backend crash, died of SIGSEGV"),
        died::getMessage);
  }

  @Test
  void anEndSaysItsStatusAndLastWords() {
    PeerException died =
        assertThrows(PeerException.class, () -> LlamaCpp.start(setup("exit"), DyingChild.class));
    assertTrue(died.getMessage().contains("status 3"), died::getMessage);
    assertTrue(died.getMessage().contains("no room for "), died::getMessage);
  }

  @Test
  void refusalsComeAcross(@TempDir Path folder) {
    PeerException refused =
        assertThrows(
            PeerException.class,
            () -> LlamaCpp.start(new Setup(folder, "x64", LLADA, 1, 64, false)));
    assertTrue(
        refused.getMessage().contains("run bench/peers/llama-cpp/install"), refused::getMessage);
  }

  @Test
  void aTwinHasTheSameTensorsUnderACausalArchitecture(@TempDir Path folder) {
    for (List<Object> pair :
        List.<List<Object>>of(List.of(LLADA, "llada", "llama"), List.of(DREAM, "dream", "qwen2"))) {
      Path out = folder.resolve(pair.get(2) + ".gguf");
      CausalTwin.write((Path) pair.get(0), out);
      try (Checkpoint from = Checkpoints.open((Path) pair.get(0));
          Checkpoint twin = Checkpoints.open(out)) {
        JsonNode before = from.metadata();
        JsonNode after = twin.metadata();
        assertEquals(pair.get(2), after.get("general.architecture").asString());
        assertEquals(
            before.get(pair.get(1) + ".block_count"), after.get(pair.get(2) + ".block_count"));
        assertTrue(
            after.propertyNames().stream()
                .noneMatch(
                    key -> key.startsWith(pair.get(1) + ".") || key.endsWith("attention.causal")),
            after::toString);
        assertEquals(from.tensors().keySet(), twin.tensors().keySet());
        from.tensors()
            .forEach(
                (name, view) ->
                    assertEquals(-1, view.memory().mismatch(twin.tensor(name).memory()), name));
      }
    }
  }

  @Test
  void onlyKnownArchitecturesHaveTwins(@TempDir Path folder) {
    Path twin = folder.resolve("twin.gguf");
    CausalTwin.write(LLADA, twin);
    PeerException refused =
        assertThrows(
            PeerException.class, () -> CausalTwin.write(twin, folder.resolve("again.gguf")));
    assertTrue(refused.getMessage().contains("'llama'"), refused::getMessage);
  }

  @Test
  void aSetupTravelsAsArguments() {
    Setup setup = new Setup(Path.of("/a b"), "zen4", Path.of("/m.gguf"), 3, 77, true);
    assertEquals(setup, Setup.of(setup.arguments().toArray(String[]::new)));
    assertArrayEquals(
        new int[] {3, 77}, new int[] {setup.withBackend("x").threads(), setup.context()});
  }
}
