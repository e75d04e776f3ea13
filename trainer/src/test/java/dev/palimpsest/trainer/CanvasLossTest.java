/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import dev.palimpsest.Engine;
import dev.palimpsest.EngineOptions;
import dev.palimpsest.EngineOptions.ComputeType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class CanvasLossTest {
  private static final Path TINY = Path.of("../models/java-tiny");
  private static final int LENGTH = 256;

  private static List<int[]> texts() throws IOException {
    List<int[]> texts = new ArrayList<>();
    try (HuggingFaceTokenizer tokenizer = TokenFile.tokenizer(TINY.resolve("tokenizer.json"));
        Stream<Path> all = Files.walk(TINY.resolve("held-out"))) {
      for (Path file : all.filter(f -> f.toString().endsWith(".java")).sorted().toList()) {
        String code = JavaSource.normalized(JavaSource.withoutComments(Files.readString(file)));
        long[] ids = tokenizer.encode(code, false, false).getIds();
        if (ids.length >= LENGTH && texts.size() < 4) {
          texts.add(Arrays.stream(ids).limit(LENGTH).mapToInt(i -> (int) i).toArray());
        }
      }
    }
    return texts;
  }

  @Test
  void everyMaskedTokenIsMeasuredWhereItIs() throws IOException {
    try (Engine engine =
        Engine.open(TINY, EngineOptions.DEFAULT.withDtype(ComputeType.F32).withThreads(1))) {
      List<CanvasLoss.Row> rows = new CanvasLoss(texts(), 0.3, 96).of(engine, List.of(128, 256));
      assertEquals(
          List.of(96, 96, 128, 256, 256), rows.stream().map(CanvasLoss.Row::canvas).toList());
      for (CanvasLoss.Row row : rows) {
        // A model that is asked at the wrong place is no better than an even guess, 8.3 nats.
        double nats = row.nats().value();
        assertTrue(nats > 0.5 && nats < 4, "nats " + row);
        double more = row.more().value();
        assertTrue(Math.abs(more) < 1, "more " + row);
      }
      assertEquals(0, rows.get(1).more().value());
      assertEquals(
          rows.get(3).nats().value() - rows.get(0).nats().value(),
          rows.get(3).more().value(),
          1e-9);
      assertNotEquals(0, rows.get(3).more().value());
    }
  }
}
