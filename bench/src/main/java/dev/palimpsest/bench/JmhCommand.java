/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.bench.jmh.WorkRate;
import dev.palimpsest.bindings.CudaLibrary;
import dev.palimpsest.bindings.LibrarySearch;
import java.io.PrintWriter;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedSet;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.BenchmarkList;
import org.openjdk.jmh.runner.BenchmarkListEntry;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.format.OutputFormat;
import org.openjdk.jmh.runner.format.OutputFormatFactory;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code bench jmh}: the micro-benchmarks of single ops, by JMH. */
@Command(
    name = "jmh",
    description = "Run the micro-benchmarks of single ops (JMH), with achieved GFLOP/s and GB/s.")
final class JmhCommand implements Callable<Integer> {
  private static final String PACKAGE = "dev.palimpsest.bench.jmh.";

  /** What a forked JVM needs, whatever flags this one was started with. */
  private static final String[] JVM_FLAGS = {
    "--enable-native-access=ALL-UNNAMED", "--add-modules=jdk.incubator.vector"
  };

  @Spec private CommandSpec spec;

  @Parameters(
      index = "0",
      arity = "0..1",
      defaultValue = "",
      paramLabel = "REGEX",
      description =
          "Benchmarks whose name matches, e.g. Attention or Linear.*Add (default: all of them).")
  private String regex;

  @Option(
      names = "--param",
      paramLabel = "NAME=V,V",
      description = "Values of a benchmark's parameter instead of its own, e.g. rows=32,256.")
  private Map<String, String> parameters = new LinkedHashMap<>();

  @Option(
      names = "--quick",
      description = "Two short iterations after one warm-up: a glance, not a measurement.")
  private boolean quick;

  @Option(
      names = "--in-process",
      description =
          "Run in this JVM instead of a fresh one for each benchmark: quicker, less reliable.")
  private boolean inProcess;

  @Option(names = "--list", description = "List the benchmarks and run none.")
  private boolean list;

  @Option(names = "--json", description = "Print one JSON document instead of a table.")
  private boolean json;

  /**
   * One benchmark at one set of parameters.
   *
   * @param benchmark class and method
   * @param parameters by name
   * @param score mean time of a call
   * @param error half the 99.9 % confidence interval of it; NaN (null in JSON) when too few
   *     iterations tell
   * @param unit of both
   * @param gflops achieved billion floating-point operations per second; 0 when it has none
   * @param gigabytesPerSecond achieved billion bytes of least traffic per second; 0 when unknown
   */
  record Score(
      String benchmark,
      Map<String, String> parameters,
      double score,
      Double error,
      String unit,
      double gflops,
      double gigabytesPerSecond) {}

  record Report(List<Score> benchmarks, boolean quick, Conditions conditions) {}

  @Override
  public Integer call() throws RunnerException {
    PrintWriter out = spec.commandLine().getOut();
    String include = Pattern.quote(PACKAGE) + ".*" + regex;
    OutputFormat log = OutputFormatFactory.createFormatInstance(System.err, VerboseMode.NORMAL);
    SortedSet<BenchmarkListEntry> matching =
        BenchmarkList.defaultList().find(log, List.of(include), List.of());
    if (matching.isEmpty()) {
      throw new ParameterException(
          spec.commandLine(), "no benchmark matches '" + regex + "'; --list shows what there is");
    }
    if (list) {
      matching.forEach(entry -> out.println(entry.getUsername().substring(PACKAGE.length())));
      out.flush();
      return 0;
    }
    // Its progress goes to stderr, so that stdout holds the results alone.
    Collection<RunResult> results = new Runner(options(include), log).run();
    List<Score> scores = results.stream().map(JmhCommand::score).toList();
    if (json) {
      out.println(Json.write(new Report(scores, quick, Conditions.here())));
    } else {
      out.print(table(scores));
    }
    out.flush();
    return 0;
  }

  /** What a forked JVM needs, and which CUDA driver this one was told to use. */
  private static String[] jvmFlags() {
    String driver = System.getProperty(CudaLibrary.PATH_PROPERTY, "");
    return driver.isEmpty()
        ? JVM_FLAGS
        : Stream.concat(
                Arrays.stream(JVM_FLAGS),
                Stream.of("-D" + CudaLibrary.PATH_PROPERTY + "=" + driver))
            .toArray(String[]::new);
  }

  private Options options(String include) {
    ChainedOptionsBuilder options =
        new OptionsBuilder()
            .include(include)
            .jvmArgs(jvmFlags())
            .shouldFailOnError(true)
            .addProfiler(WorkRate.class);
    if (regex.isEmpty()
        && CudaLibrary.find() instanceof LibrarySearch.Missing<CudaLibrary> missing) {
      System.err.println("Launches are left out: " + missing.message());
      options.exclude(Pattern.quote(PACKAGE + "Launch"));
    }
    parameters.forEach((name, values) -> options.param(name, values.split(",")));
    if (quick) {
      // The Vector API is slow by orders of magnitude until it is compiled: warm up all the same.
      options
          .warmupIterations(1)
          .warmupTime(TimeValue.milliseconds(1500))
          .measurementIterations(2)
          .measurementTime(TimeValue.milliseconds(300));
    }
    if (inProcess) {
      options.forks(0);
    }
    return options.build();
  }

  private static Score score(RunResult run) {
    Map<String, String> values = new LinkedHashMap<>();
    for (String key : run.getParams().getParamsKeys()) {
      values.put(key, run.getParams().getParam(key));
    }
    Result<?> primary = run.getPrimaryResult();
    double error = primary.getScoreError();
    return new Score(
        run.getParams().getBenchmark().substring(PACKAGE.length()),
        values,
        primary.getScore(),
        Double.isNaN(error) ? null : error,
        primary.getScoreUnit(),
        secondary(run, WorkRate.GFLOPS),
        secondary(run, WorkRate.GIGABYTES));
  }

  private static double secondary(RunResult run, String name) {
    Result<?> result = run.getSecondaryResults().get(name);
    return result == null ? 0 : result.getScore();
  }

  private static String table(List<Score> scores) {
    TextTable table =
        new TextTable("benchmark", "parameters", "time", "±", "unit", "GFLOP/s", "GB/s")
            .leftColumns(2);
    for (Score score : scores) {
      table.row(
          score.benchmark(),
          score.parameters().entrySet().stream()
              .map(e -> e.getKey() + "=" + e.getValue())
              .collect(Collectors.joining(" ")),
          format("%.2f", score.score()),
          score.error() == null ? "" : format("%.2f", score.error()),
          score.unit(),
          score.gflops() == 0 ? "" : format("%.0f", score.gflops()),
          score.gigabytesPerSecond() == 0 ? "" : format("%.1f", score.gigabytesPerSecond()));
    }
    return table.toString();
  }

  private static String format(String pattern, double value) {
    return String.format(Locale.ROOT, pattern, value);
  }
}
