/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.openjdk.jmh.runner.BenchmarkList;
import org.openjdk.jmh.runner.BenchmarkListEntry;
import org.openjdk.jmh.runner.format.OutputFormatFactory;
import org.openjdk.jmh.runner.options.VerboseMode;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class JmhTest {
  private static Set<BenchmarkListEntry> all() {
    return BenchmarkList.defaultList()
        .find(
            OutputFormatFactory.createFormatInstance(System.err, VerboseMode.SILENT),
            List.of(".*"),
            List.of());
  }

  @Test
  void everyOpHasABenchmarkAndEveryClassInstantiates() {
    assertEquals(
        Set.of(
            "AttentionBenchmark.attention",
            "CommitBenchmark.block",
            "ForwardBenchmark.forward",
            "GatedSiluBenchmark.gatedSilu",
            "HeadBenchmark.logits",
            "HeadBenchmark.predict",
            "LaunchBenchmark.launchByBindings",
            "LaunchBenchmark.launchByJcuda",
            "LaunchBenchmark.replayByBindings",
            "LaunchBenchmark.replayByJcuda",
            "LinearBenchmark.linear",
            "LinearBenchmark.linearAdd",
            "MemoryBenchmark.copy",
            "NormBenchmark.rmsNorm",
            "RotateBenchmark.rotate",
            "SamplerBenchmark.predict",
            "SchedulerBenchmark.tick"),
        all().stream()
            .map(entry -> entry.getUsername().replace("dev.palimpsest.bench.jmh.", ""))
            .collect(Collectors.toSet()));
    for (BenchmarkListEntry entry : all()) {
      assertDoesNotThrow(
          () -> Class.forName(entry.getUserClassQName()).getConstructor().newInstance());
    }
  }

  @Test
  void oneIterationReportsTimeAndRates() {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine line = BenchCommand.commandLine();
    line.setOut(new PrintWriter(out)).setErr(new PrintWriter(err, true));
    int status =
        line.execute(
            "jmh",
            "LinearBenchmark.linear$",
            "--quick",
            "--in-process",
            "--param",
            "rows=32",
            "--param",
            "shape=64x128",
            "--param",
            "dtype=f32",
            "--param",
            "threads=1",
            "--json");
    assertEquals(0, status, err::toString);
    JsonNode scores = new JsonMapper().readTree(out.toString()).get("benchmarks");
    assertEquals(1, scores.size());
    JsonNode score = scores.get(0);
    assertEquals("LinearBenchmark.linear", score.get("benchmark").asString());
    assertEquals("64x128", score.get("parameters").get("shape").asString());
    assertEquals("us/op", score.get("unit").asString());
    double microseconds = score.get("score").asDouble();
    assertTrue(microseconds > 0);
    // Rates are means over iterations, so they agree with the mean time only nearly.
    double gflops = 2.0 * 32 * 64 * 128 / microseconds / 1e3;
    assertEquals(gflops, score.get("gflops").asDouble(), 0.5 * gflops);
    assertTrue(score.get("gigabytes_per_second").asDouble() > 0);
  }
}
