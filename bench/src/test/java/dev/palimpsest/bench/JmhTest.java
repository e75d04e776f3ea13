/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.bench.jmh.LinearBenchmark;
import dev.palimpsest.bench.jmh.WorkRate;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.BenchmarkList;
import org.openjdk.jmh.runner.BenchmarkListEntry;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.format.OutputFormatFactory;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class JmhTest {
  /** 32 rows by 64 x 128. */
  private static final double FLOPS = 2.0 * 32 * 64 * 128;

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
  void ofOneIterationTheRateIsThatOfItsTime() throws RunnerException {
    Options options =
        new OptionsBuilder()
            .include(Pattern.quote(LinearBenchmark.class.getName()) + "[.]linear$")
            .param("rows", "32")
            .param("shape", "64x128")
            .param("dtype", "f32")
            .param("threads", "1")
            .forks(0)
            .warmupIterations(0)
            .measurementIterations(1)
            .measurementTime(TimeValue.milliseconds(100))
            .shouldFailOnError(true)
            .addProfiler(WorkRate.class)
            .build();
    Collection<RunResult> results =
        new Runner(
                options, OutputFormatFactory.createFormatInstance(System.err, VerboseMode.SILENT))
            .run();
    assertEquals(1, results.size());
    RunResult result = results.iterator().next();
    double gflops = FLOPS / result.getPrimaryResult().getScore() / 1e3;
    assertEquals(
        gflops, result.getSecondaryResults().get(WorkRate.GFLOPS).getScore(), 1e-9 * gflops);
  }

  @Test
  void iterationsReportTimeAndRates() {
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
    // A mean of rates is at least the rate of the mean time, and more if iterations differ.
    double gflops = FLOPS / microseconds / 1e3;
    assertTrue(score.get("gflops").asDouble() > gflops * (1 - 1e-9), score::toString);
    assertTrue(score.get("gigabytes_per_second").asDouble() > 0);
  }
}
