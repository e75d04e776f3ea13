/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.EngineOptions;
import dev.palimpsest.EngineOptions.ComputeType;
import dev.palimpsest.GenerationRequest;
import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.process.Bound;
import dev.palimpsest.process.Correction;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import dev.palimpsest.process.Pace;
import dev.palimpsest.text.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What {@code bench quality} is made of. */
class QualityPartsTest {
  @TempDir Path temp;

  /** A character is a token. */
  private static final Tokenizer CHARACTERS =
      new Tokenizer() {
        @Override
        public int[] encode(String text) {
          return text.chars().toArray();
        }

        @Override
        public String decode(int[] ids, boolean keepSpecial) {
          return new String(ids, 0, ids.length);
        }

        @Override
        public OptionalInt id(String token) {
          return OptionalInt.empty();
        }

        @Override
        public int size() {
          return 65_536;
        }

        @Override
        public void close() {}
      };

  private static String file(String name) {
    StringBuilder text = new StringBuilder("package a;\n\npublic class " + name + " {\n");
    for (int i = 0; i < 8; i++) {
      text.append("    private int value").append(i).append(" = ").append(i).append(";\n");
      text.append("    int get").append(i).append("(int other) {\n");
      text.append("        return value").append(i).append(" + other;\n    }\n");
    }
    return text.append("}\n").toString();
  }

  @Test
  void anEstimateIsAShareWithItsError() {
    // Three of four, one item each: the binomial error with n - 1.
    Estimate half = Estimate.of(new double[] {1, 1, 1, 0}, new double[] {1, 1, 1, 1});
    assertEquals(0.75, half.value());
    assertEquals(Math.sqrt(0.75 * 0.25 / 3), half.error(), 1e-12);
    // Items of different weight that all have the same share: no error.
    Estimate sure = Estimate.of(new double[] {1, 2, 4}, new double[] {2, 4, 8});
    assertEquals(new Estimate(0.5, 0), sure);
    // A constant difference is certain, however much the items vary.
    Estimate difference =
        Estimate.difference(new double[] {5, 1, 9}, new double[] {4, 0, 8}, new double[] {1, 1, 1});
    assertEquals(new Estimate(1, 0), difference);
  }

  @Test
  void theParserFindsBodiesAndWhatCloses() {
    JavaSyntax syntax = new JavaSyntax();
    String text = "class A { void f() { g(\"}\"); } int h; Object o = new B() { void g() {} }; }";
    assertTrue(syntax.accepts(text));
    assertFalse(syntax.accepts(text.replace(");", "")));
    List<String> bodies =
        syntax.bodies(text).stream().map(b -> text.substring(b.open(), b.close() + 1)).toList();
    assertEquals(List.of("{ g(\"}\"); }", "{}"), bodies);
    assertEquals(
        Optional.of(" a(\"}\", '}'); if (x) { y(); } "),
        JavaSyntax.untilClosed(" a(\"}\", '}'); if (x) { y(); } } void more() {}"));
    assertEquals(Optional.empty(), JavaSyntax.untilClosed("if (x) { y(); }"));
  }

  @Test
  void filesLoseTheirHeaderAndMustParse() throws Exception {
    Files.createDirectories(temp.resolve("b/c"));
    Files.writeString(temp.resolve("b/c/B.java"), "/* Licence\n */\n\nclass B {}\n");
    Files.writeString(temp.resolve("b/A.java"), "class A { /* stays */ }\n");
    Files.writeString(temp.resolve("b/Broken.java"), "class Broken {");
    Files.writeString(temp.resolve("b/NOTICE.txt"), "class Notice {}");
    JavaSyntax syntax = new JavaSyntax();
    assertEquals(
        List.of("class A { /* stays */ }\n", "class B {}\n"), HeldOutFiles.read(temp, syntax));
    Path one = temp.resolve("held-out.txt");
    Files.writeString(one, "class X {}\0class Y {}");
    assertEquals(List.of("class X {}", "class Y {}"), HeldOutFiles.read(one, syntax));
    Files.writeString(one, "no Java");
    String message =
        assertThrows(IllegalArgumentException.class, () -> HeldOutFiles.read(one, syntax))
            .getMessage();
    assertTrue(message.contains("none that can be parsed"), message);
  }

  /** A hole and what surrounds it are the file, and what is in view borders on the hole. */
  @ParameterizedTest
  @EnumSource(HoleTask.class)
  void holesAreTakenOutOfFiles(HoleTask task) {
    List<String> files = List.of(file("A"), file("B"), file("C"));
    JavaSyntax syntax = new JavaSyntax();
    HoleSampler sampler = new HoleSampler(files, CHARACTERS, syntax, 192);
    assertEquals(3, sampler.files());
    List<HoleItem> holes = sampler.holes(task, 30, 7);
    // Bodies here have 38 tokens or so, lines between 12 and 33.
    assertEquals(30, holes.size());
    for (HoleItem hole : holes) {
      String truth = CHARACTERS.decode(hole.truth(), false);
      String before = CHARACTERS.decode(hole.before(), false);
      String after = CHARACTERS.decode(hole.after(), false);
      assertTrue(hole.head().endsWith(before));
      assertTrue(hole.tail().startsWith(after));
      assertTrue(hole.before().length >= 32);
      if (task == HoleTask.METHOD) {
        assertEquals(0, hole.truth().length + hole.after().length);
        assertTrue(hole.head().endsWith("{") && hole.tail().startsWith("}"));
        String whole = hole.head() + " return 1; " + hole.tail();
        assertTrue(syntax.accepts(whole), whole);
      } else {
        assertTrue(files.contains(hole.head() + truth + hole.tail()));
        assertEquals(hole.truth().length, hole.tokens());
        assertTrue(hole.after().length >= 32);
        assertEquals(192, hole.before().length + hole.tokens() + hole.after().length);
      }
      switch (task) {
        case TOKEN -> assertEquals(1, hole.tokens());
        case EIGHT -> assertEquals(8, hole.tokens());
        case LINE -> {
          assertFalse(truth.contains("\n") || truth.startsWith(" "), truth);
          assertTrue(after.startsWith("\n"));
        }
        case BODY -> assertTrue(before.endsWith("{") && after.startsWith("}"));
        case METHOD -> {}
      }
    }
    assertTrue(holes.stream().map(HoleItem::head).distinct().count() > 10, "they vary");
    List<HoleItem> again = sampler.holes(task, 30, 7);
    List<HoleItem> others = sampler.holes(task, 30, 8);
    assertEquals(heads(holes), heads(again), "the seed decides");
    assertFalse(heads(holes).equals(heads(others)));
  }

  private static List<String> heads(List<HoleItem> holes) {
    return holes.stream().map(HoleItem::head).toList();
  }

  @Test
  void rowsComeFromTheFiles() {
    HoleSampler sampler =
        new HoleSampler(List.of(file("A"), "short"), CHARACTERS, new JavaSyntax(), 192);
    assertEquals(1, sampler.files());
    List<int[]> rows = sampler.rows(5, 3);
    for (int[] row : rows) {
      assertEquals(192, row.length);
      assertTrue(file("A").contains(CHARACTERS.decode(row, false)));
    }
    assertArrayEquals(rows.get(4), sampler.rows(5, 3).get(4));
    assertFalse(Arrays.equals(rows.get(0), rows.get(1)));
    assertThrows(
        IllegalArgumentException.class,
        () -> new HoleSampler(List.of("short"), CHARACTERS, new JavaSyntax(), 192));
  }

  @Test
  void aConfigurationAsksForWhatItSays() {
    QualityConfig config =
        QualityConfig.parse("rule=random,tokens-per-step=3,block=4,cache=dual,refresh=2,dtype=f32");
    GenerationRequest request = config.apply(GenerationRequest.builder().hole(10), 10).build();
    assertEquals(Optional.of(Algorithm.RANDOM), request.algorithm());
    assertEquals(Optional.of(new Pace.TokensPerStep(3)), request.pace());
    assertEquals(OptionalInt.of(4), request.blockLength());
    assertEquals(Optional.of(CacheMode.DUAL), request.cache());
    assertEquals(2, request.cacheRefresh());
    assertEquals(ComputeType.F32, config.options(EngineOptions.DEFAULT).dtype());
    assertFalse(config.quantized());
    // At least a step for each block, at most one for each token.
    assertEquals(Optional.of(new Pace.Steps(3)), pace("steps=1,block=4", 10));
    assertEquals(Optional.of(new Pace.Steps(10)), pace("steps=16", 10));
    assertEquals(Optional.of(new Pace.Steps(8)), pace("steps=8", 10));
    assertEquals(Optional.empty(), pace("threshold=0.9", 10));
    assertEquals(
        Optional.of(new Pace.AsNeeded(3)), pace("factor=2,block=8,max-steps-per-block=3", 10));
    assertEquals(
        0.9,
        QualityConfig.parse("threshold=0.9")
            .apply(GenerationRequest.builder().hole(1), 1)
            .build()
            .bounds()
            .of(Bound.THRESHOLD));
    assertEquals(
        Map.of(Bound.LOW_THRESHOLD, 0.3, Bound.THRESHOLD, 0.8),
        QualityConfig.parse("low-threshold=0.3,threshold=0.8")
            .apply(GenerationRequest.builder().hole(1), 1)
            .build()
            .bounds()
            .named());
    assertEquals(
        Map.of(Bound.ENTROPY_BOUND, 0.4),
        QualityConfig.parse("entropy-bound=0.4")
            .apply(GenerationRequest.builder().hole(1), 1)
            .build()
            .bounds()
            .named());
    assertEquals(
        new Correction.Edit(0.5),
        QualityConfig.parse("threshold=0.7,edit=0.5")
            .apply(GenerationRequest.builder().hole(1), 1)
            .build()
            .correction());
    assertTrue(QualityConfig.parse("weights=int8").quantized());
  }

  private static Optional<Pace> pace(String config, int tokens) {
    return QualityConfig.parse(config)
        .apply(GenerationRequest.builder().hole(tokens), tokens)
        .build()
        .pace();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "speed=9            | with keys dtype, weights, rule",
        "steps              | key=value",
        "steps=0            | steps: expected a whole number from 1; found '0'",
        "block=many         | block: expected a whole number",
        "threshold=x        | threshold: expected a number",
        "threshold=2        | threshold must be between 0 and 1",
        "cache=all          | cache: expected one of none, prefix, dual, delayed",
        "dtype=f8           | dtype: expected one of auto, f32, bf16, int8",
        "rule=best          | unknown algorithm",
        "weights=int4       | as-they-are or int8",
        "steps=2,tokens-per-step=2 | both say how many steps to take",
        "rule=random,factor=2 | no use for factor",
      })
  void anUnknownConfigurationIsExplained(String config, String why) {
    String message =
        assertThrows(IllegalArgumentException.class, () -> QualityConfig.parse(config))
            .getMessage();
    assertTrue(message.contains(why), message);
  }

  @ParameterizedTest
  @EnumSource(QualitySuite.class)
  void suitesAreMadeOfKnownConfigurations(QualitySuite suite) {
    for (String config : suite.configs()) {
      assertEquals(config, QualityConfig.parse(config).toString());
    }
  }
}
