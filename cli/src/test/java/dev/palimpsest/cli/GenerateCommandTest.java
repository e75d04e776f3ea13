/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.EngineOptions;
import dev.palimpsest.GenerationRequest;
import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.process.Bound;
import dev.palimpsest.process.Correction;
import dev.palimpsest.process.MaskedOptions;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import dev.palimpsest.process.Pace;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class GenerateCommandTest {
  @Test
  void printsTheTextAndSumsUpOnStderr() {
    CommandRun run = new CommandRun("42;");
    assertEquals(0, run.run("generate", "-m", ".", "--tokens", "3", "int x = "), run.err());
    assertEquals("int x = 42;\n", run.out());
    assertEquals("3 tokens in 3 steps, 20 ms, 150 tokens/s\n", run.err());
    assertTrue(run.engine.closed());
  }

  @Test
  void readsThePromptFromAPipe() {
    CommandRun run = new CommandRun("!").piped("hé\n");
    assertEquals(0, run.run("generate", "-m", ".", "-n", "1"), run.err());
    assertEquals("hé\n!\n", run.out());
  }

  @Test
  void refusesAPipeOfBytesThatAreNoText() {
    for (String command : new String[] {"generate", "infill"}) {
      CommandRun run = new CommandRun("!").piped(new byte[] {'a', (byte) 0xff, '[', '[', '1'});
      assertEquals(2, run.run(command, "-m", "."), run.err());
      assertTrue(run.err().contains("standard input is not UTF-8 text"), run.err());
      assertEquals("", run.out());
    }
  }

  @Test
  void optionsReachTheEngine() {
    CommandRun run = new CommandRun("abc");
    int status =
        run.run(
            "generate",
            "-m",
            ".",
            "-n",
            "40",
            "-s",
            "5",
            "-a",
            "maskgit-plus",
            "-t",
            "0.5",
            "--top-k",
            "7",
            "--top-p",
            "0.9",
            "--seed",
            "11",
            "--guidance",
            "1.5",
            "--cache",
            "dual",
            "--cache-refresh",
            "4",
            "--alg-temp",
            "0.2",
            "--remask",
            "0.4",
            "--device",
            "cpu",
            "--dtype",
            "f32",
            "--threads",
            "2",
            "x");
    assertEquals(0, status, run.err());
    GenerationRequest request = run.engine.requests().getFirst();
    assertEquals(new Pace.Steps(5), request.pace().orElseThrow());
    assertEquals(MaskedOptions.Algorithm.MASKGIT_PLUS, request.algorithm().orElseThrow());
    assertEquals(0.5f, request.temperature());
    assertEquals(7, request.topK());
    assertEquals(0.9f, request.topP());
    assertEquals(11, request.seed().orElseThrow());
    assertEquals(1.5f, request.guidance());
    assertEquals(0.2, request.algorithmTemperature());
    assertEquals(Optional.of(CacheMode.DUAL), request.cache());
    assertEquals(4, request.cacheRefresh());
    assertEquals(new Correction.Remask(0.4, 10), request.correction());
    assertTrue(request.stopAtEnd());
    assertEquals(
        EngineOptions.DEFAULT
            .withDevice(EngineOptions.DeviceChoice.CPU)
            .withDtype(EngineOptions.ComputeType.F32)
            .withThreads(2)
            .withVectorApi(false),
        run.opened.getFirst());
  }

  private static GenerationRequest requested(String options) {
    CommandRun run = new CommandRun("abc");
    String line = "generate -m . -n 40 x " + options;
    assertEquals(0, run.run(line.split(" ")), run.err());
    return run.engine.requests().getFirst();
  }

  @Test
  void aBoundChoosesTheRuleItBelongsTo() {
    assertEquals(Algorithm.THRESHOLD, requested("--threshold 0.8").algorithm().orElseThrow());
    assertEquals(Algorithm.FACTOR, requested("--factor 2").algorithm().orElseThrow());
    assertEquals(
        Algorithm.ENTROPY_BOUNDED, requested("--entropy-bound 0.5").algorithm().orElseThrow());
    GenerationRequest hierarchical = requested("--low-threshold 0.5 --threshold 0.8");
    assertEquals(Algorithm.HIERARCHICAL, hierarchical.algorithm().orElseThrow());
    assertEquals(0.5, hierarchical.bounds().of(Bound.LOW_THRESHOLD));
    assertEquals(0.8, hierarchical.bounds().of(Bound.THRESHOLD));
    GenerationRequest margin = requested("-a margin-threshold --threshold 0.7");
    assertEquals(Algorithm.MARGIN_THRESHOLD, margin.algorithm().orElseThrow());
    assertEquals(0.7, margin.bounds().of(Bound.THRESHOLD));
  }

  @Test
  void thePaceReachesTheEngine() {
    assertEquals(new Pace.TokensPerStep(4), requested("--tokens-per-step 4").pace().orElseThrow());
    GenerationRequest limited =
        requested("--block-length 8 --threshold 0.9 --max-steps-per-block 3");
    assertEquals(new Pace.AsNeeded(3), limited.pace().orElseThrow());
    assertEquals(8, limited.blockLength().orElseThrow());
    GenerationRequest usual = requested("");
    assertTrue(usual.pace().isEmpty());
    assertEquals(10, usual.usualSteps());
  }

  @Test
  void editingReachesTheEngine() {
    assertEquals(new Correction.Edit(0), requested("--edit 0").correction());
    assertEquals(Correction.NONE, requested("").correction());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--threshold 0.9 --steps 5 | --max-steps-per-block limits them",
        "-a factor -s 5 | --max-steps-per-block limits them",
        "--steps 5 --tokens-per-step 3 | --steps and --tokens-per-step",
        "--steps 5 --max-steps-per-block 3 | --steps for those that count them",
        "-a random --max-steps-per-block 3 | max steps per block 3",
        "-a threshold --tokens-per-step 3 | 3 tokens per step",
        "-a origin --tokens-per-step 3 | draws every position",
        "-a low-confidence --threshold 0.9 | no use for threshold 0.9",
        "-a threshold --factor 2 | no use for factor 2",
        "--factor 2 --entropy-bound 1 | no use for entropy bound 1",
        "-a entropy --block-length 8 | block length 8",
        "-a threshold --alg-temp 0.5 | algorithm temperature",
        "--threshold 1.5 | between 0 and 1",
        "--tokens-per-step 0 | tokens per step must be at least 1",
        "--edit 2 | between 0 (always) and 1",
        "--edit 0.5 --remask 0.3 | --edit and --remask",
        "--remask-budget 3 | needs --remask"
      })
  void whatDoesNotGoTogetherIsWrongUse(String options, String message) {
    CommandRun run = new CommandRun("abc");
    String line = "generate -m . -n 40 x " + options;
    assertEquals(2, run.run(line.split(" ")), run.out());
    assertTrue(run.err().contains(message), run.err());
    assertTrue(run.engine.requests().isEmpty());
  }

  @Test
  void tokensPerStepSayHowManyStepsThereWillBe() {
    CommandRun run = new CommandRun("42;");
    String line = "generate -m . -n 11 -w --tokens-per-step 3 --block-length 4 x";
    assertEquals(0, run.run(line.split(" ")), run.err());
    // 4, 4 and 3 tokens: 2 + 2 + 1 steps.
    assertTrue(run.out().contains("--- step 0/5  "), run.out());
  }

  @Test
  void aCacheIsNotUsedUnlessAskedForAndRefreshesNothingWhenOff() {
    CommandRun run = new CommandRun("abc");
    assertEquals(0, run.run("generate", "-m", ".", "-n", "3", "x"), run.err());
    assertEquals(Optional.empty(), run.engine.requests().getFirst().cache());
    CommandRun refused = new CommandRun("abc");
    assertEquals(2, refused.run("generate", "-m", ".", "--cache-refresh", "3", "x"));
    assertTrue(refused.err().contains("--cache dual"), refused.err());
    CommandRun blocks = new CommandRun("abc");
    String[] refreshed = {"generate", "-m", ".", "--cache", "block", "--cache-refresh", "3", "x"};
    assertEquals(2, blocks.run(refreshed));
    assertTrue(blocks.err().contains("nothing to refresh"), blocks.err());
    CommandRun unknown = new CommandRun("abc");
    assertEquals(2, unknown.run("generate", "-m", ".", "--cache", "all", "x"));
    assertTrue(unknown.err().contains("none, prefix, dual, delayed, block"), unknown.err());
  }

  @Test
  void jsonIsOneDocumentAndStderrIsSilent() {
    CommandRun run = new CommandRun("42;");
    assertEquals(0, run.run("generate", "-m", ".", "-n", "3", "--json", "x="), run.err());
    JsonNode document = JsonMapper.shared().readTree(run.out());
    assertEquals("x=42;", document.path("text").asString());
    assertEquals("42;", document.path("holes").path(0).asString());
    assertEquals(5, document.path("tokens").size());
    assertEquals(3, document.path("new_tokens").asInt());
    assertEquals(3, document.path("steps").asInt());
    assertEquals(20.0, document.path("ms").asDouble());
    assertEquals(150.0, document.path("tokens_per_second").asDouble());
    assertEquals(".", document.path("model").asString());
    assertEquals(0, document.path("seed").asInt());
    assertEquals("", run.err());
  }

  @Test
  void watchingWithoutATerminalPrintsOneFrameAStep() {
    CommandRun run = new CommandRun("42;");
    assertEquals(0, run.run("generate", "-m", ".", "-n", "3", "-s", "2", "-w", "x="), run.err());
    String frames = run.out().replaceAll("[\\d,]+ tokens/s", "R tokens/s");
    assertEquals(
        """
        ░░ masked  ‹new›  «changed»  ▒▒ taken back
        --- step 0/2  0 of 3 tokens  R tokens/s
        x=░░░░░░
        --- step 1/2  2 of 3 tokens  R tokens/s
        x=‹4›░░‹;›
        --- step 2/2  3 of 3 tokens  R tokens/s
        x=4‹2›;
        x=42;
        """,
        frames);
  }

  @Test
  void watchingOnATerminalDrawsInPlaceAndHandsTheScreenBack() {
    CommandRun run = new CommandRun("42;").onTerminal();
    int status =
        run.run("generate", "-m", ".", "-n", "3", "-s", "1", "-w", "--watch-delay", "0", "x=");
    assertEquals(0, status, run.err());
    String screen = run.out();
    assertTrue(screen.startsWith("\033[?25l"), "hides the cursor first");
    assertTrue(screen.contains("\033[2m░░░░░░\033[0m"), "masks are dim");
    assertTrue(screen.contains("x=\033[0m\033[1;32m42;\033[0m"), "new tokens are green");
    assertTrue(screen.contains("\033[3A\r"), "goes back over header, text and legend");
    assertTrue(screen.endsWith("\033[J\033[0m\033[?25hx=42;\n"), "leaves only the text");
  }

  @Test
  void recordsAnAnimatedPicture(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("steps.svg");
    CommandRun run = new CommandRun("<&>");
    int status =
        run.run("generate", "-m", ".", "-n", "3", "-s", "3", "--record", file.toString(), "x=");
    assertEquals(0, status, run.err());
    String svg = Files.readString(file);
    var document =
        javax.xml.parsers.DocumentBuilderFactory.newInstance()
            .newDocumentBuilder()
            .parse(file.toFile());
    assertEquals(4, document.getElementsByTagName("g").getLength());
    assertTrue(svg.contains("class=\"n\">&amp;</text>"), svg);
    assertTrue(svg.contains("#f3 { animation-name: k3 }"), svg);
    assertEquals("x=<&>\n", run.out());
  }

  @Test
  void statsTellMore() {
    CommandRun run = new CommandRun("42;");
    assertEquals(0, run.run("generate", "-m", ".", "-n", "3", "--stats", "x="), run.err());
    assertTrue(run.err().contains("device           a script\n"), run.err());
    assertTrue(run.err().contains("written          3 tokens in 3 steps, 1.0 a step\n"), run.err());
  }

  @Test
  void thresholdTakesTheStepsItNeeds() {
    CommandRun run = new CommandRun("42;");
    assertEquals(
        0, run.run("generate", "-m", ".", "-n", "3", "-w", "--threshold", "0.9", "x="), run.err());
    assertTrue(run.out().contains("--- step 1  "), run.out());
    assertFalse(run.out().contains("step 1/"), run.out());
  }
}
