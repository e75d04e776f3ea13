/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.Engine;
import dev.palimpsest.EngineOptions;
import dev.palimpsest.EngineOptions.ComputeType;
import dev.palimpsest.bench.llamacpp.LlamaCpp;
import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.process.MaskedOptions.Algorithm;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code bench sweep}: where diffusion overtakes autoregressive decoding. */
@Command(
    name = "sweep",
    description = {
      "Time generations of one request over tokens per step, caches, refreshes and precisions, in one"
          + " run with llama.cpp's autoregressive decode of causal models of the same size.",
      "Combinations whose steps do the same are measured once."
    })
final class SweepCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private PeerOptions peers;
  @Mixin private OutputOptions output;

  @Option(
      names = "--model",
      required = true,
      paramLabel = "PATH",
      description = "Checkpoint: a folder with config.json and safetensors, or a GGUF file.")
  private Path model;

  @Option(
      names = "--block-model",
      paramLabel = "PATH",
      description =
          "Checkpoint of a model that attends in blocks, for --cache block (default: --model).")
  private Path blockModel;

  @Option(
      names = "--peer-model",
      required = true,
      split = ",",
      paramLabel = "GGUF",
      description =
          "Diffusion checkpoints whose tensors llama.cpp decodes as a causal model, e.g. one in bf16"
              + " and one in Q8_0 (no default).")
  private List<Path> peerModels;

  @Option(
      names = "--dtype",
      split = ",",
      defaultValue = "auto",
      converter = ComputeOptions.Dtype.class,
      paramLabel = "TYPE",
      description = "Precisions of our matrix products (default: ${DEFAULT-VALUE}).")
  private List<ComputeType> dtypes;

  @Option(
      names = "--threads",
      defaultValue = "0",
      paramLabel = "N",
      description =
          "Worker threads (default: ${DEFAULT-VALUE}; 0 takes every processor the JVM sees).")
  private int threads;

  @Option(
      names = "--tokens-per-step",
      split = ",",
      defaultValue = "1,2,4,8,16,32",
      paramLabel = "K",
      description = "Tokens a step commits (default: ${DEFAULT-VALUE}).")
  private List<Integer> paces;

  @Option(
      names = "--cache",
      split = ",",
      defaultValue = "none,prefix,dual",
      converter = DecodeOptions.Cache.class,
      paramLabel = "MODE",
      description = "Keys and values a step takes from earlier ones (default: ${DEFAULT-VALUE}).")
  private List<CacheMode> caches;

  @Option(
      names = "--cache-refresh",
      split = ",",
      defaultValue = "0,8",
      paramLabel = "N",
      description =
          "Compute them all anew every N steps of a block; 0 only when a block begins (default:"
              + " ${DEFAULT-VALUE}).")
  private List<Integer> refreshes;

  @Option(
      names = "--prompt-length",
      defaultValue = "128",
      paramLabel = "P",
      description = "Tokens of the prompt (default: ${DEFAULT-VALUE}).")
  private int promptLength;

  @Option(
      names = "--new-tokens",
      defaultValue = "256",
      paramLabel = "N",
      description = "Tokens written (default: ${DEFAULT-VALUE}).")
  private int newTokens;

  @Option(
      names = "--block-length",
      defaultValue = "32",
      paramLabel = "B",
      description = "Tokens written together (default: ${DEFAULT-VALUE}).")
  private int blockLength;

  @Option(
      names = "--repeat",
      defaultValue = "5",
      paramLabel = "R",
      description = "Most timed runs of a cell (default: ${DEFAULT-VALUE}).")
  private int repeat;

  @Option(
      names = "--seconds",
      defaultValue = "5",
      paramLabel = "S",
      description =
          "A cell that has taken so long is not run again; every cell runs once (default:"
              + " ${DEFAULT-VALUE}).")
  private double seconds;

  @Option(
      names = "--svg",
      paramLabel = "FILE",
      description = "Draw the table into FILE (default: only print it).")
  private Path svg;

  /** A cell under measurement. */
  private static final class Cell {
    private final SweepReport.Row row;
    private final DecodeShape shape;
    private final Engine engine;
    private final List<Double> seconds = new ArrayList<>();

    Cell(SweepReport.Row row, DecodeShape shape, Engine engine) {
      this.row = row;
      this.shape = shape;
      this.engine = engine;
    }

    boolean wantsMore(int repeat, double budget) {
      return seconds.isEmpty()
          || (seconds.size() < repeat
              && seconds.stream().mapToDouble(Double::doubleValue).sum() < budget);
    }

    void run() {
      long start = System.nanoTime();
      engine.generate(shape.request(engine.config(), 0));
      seconds.add((System.nanoTime() - start) / 1e9);
    }

    SweepReport.Cell result() {
      double median = Timings.median(seconds.stream().mapToDouble(Double::doubleValue).toArray());
      return new SweepReport.Cell(
          row, shape.tokensPerStep(), shape.newTokens() / median, seconds.size());
    }
  }

  @Override
  public Integer call() {
    checkOptions();
    Progress progress = new Progress(spec.commandLine().getErr());
    List<Autoregressive> decodes = new ArrayList<>();
    try {
      SweepReport report = measure(decodes, progress);
      if (svg != null) {
        OutputOptions.write(svg, report.svg());
      }
      output.print(report, report.table());
    } finally {
      decodes.forEach(Autoregressive::close);
    }
    return 0;
  }

  private SweepReport measure(List<Autoregressive> decodes, Progress progress) {
    List<SweepReport.Cell> results = new ArrayList<>();
    List<Engine> engines = new ArrayList<>();
    ModelConfig config = null;
    Turns turns = null;
    for (ComputeType dtype : dtypes) {
      try {
        List<Cell> cells = new ArrayList<>();
        Map<Path, Engine> opened = new LinkedHashMap<>();
        for (CacheMode cache : caches) {
          Path path = cache == CacheMode.BLOCK && blockModel != null ? blockModel : model;
          Engine engine = opened.computeIfAbsent(path, p -> open(p, dtype, progress));
          engines.add(engine);
          cells.addAll(cells(dtype, cache, engine));
        }
        if (turns == null) {
          config = engines.getFirst().config();
          openPeers(decodes, config);
          turns = new Turns(decodes.stream().map(Autoregressive::llama).toArray(LlamaCpp[]::new));
        }
        warmUp(cells);
        rounds(cells, decodes, turns, progress);
        cells.forEach(cell -> results.add(cell.result()));
      } finally {
        engines.forEach(Engine::close);
        engines.clear();
      }
    }
    progress.done();
    List<Autoregressive.Report> references = decodes.stream().map(Autoregressive::report).toList();
    return new SweepReport(
        results,
        references,
        SweepReport.overtakes(results, references),
        turns.disturbance(),
        model.toString(),
        blockModel == null ? null : blockModel.toString(),
        config.family(),
        promptLength,
        newTokens,
        blockLength,
        workers(),
        repeat,
        seconds,
        Conditions.here());
  }

  private Engine open(Path path, ComputeType dtype, Progress progress) {
    return Engine.open(
        path,
        EngineOptions.DEFAULT.withDtype(dtype).withThreads(workers()),
        (done, total) -> progress.show("packing layer", done, total));
  }

  private void openPeers(List<Autoregressive> decodes, ModelConfig config) {
    int[] prompt = shape().prompt(config, 0);
    for (Path gguf : peerModels) {
      Autoregressive decode = Autoregressive.twin(gguf, peers, workers(), prompt, newTokens);
      decodes.add(decode);
      decode.run();
      decode.forget();
    }
  }

  private void rounds(
      List<Cell> cells, List<Autoregressive> decodes, Turns turns, Progress progress) {
    for (int round = 0; round < repeat; round++) {
      for (Autoregressive decode : decodes) {
        turns.theirs(
            () -> {
              decode.run();
              return true;
            });
      }
      List<Cell> again = cells.stream().filter(cell -> cell.wantsMore(repeat, seconds)).toList();
      for (int i = 0; i < again.size(); i++) {
        Cell cell = again.get(i);
        progress.show("round " + (round + 1) + ", " + cell.row.name() + ",", i + 1, again.size());
        turns.ours(
            () -> {
              cell.run();
              return true;
            });
      }
    }
  }

  /** The quickest cell of each row, so that every op has been compiled at about its shapes. */
  private static void warmUp(List<Cell> cells) {
    Map<SweepReport.Row, Cell> quickest = new LinkedHashMap<>();
    for (Cell cell : cells) {
      quickest.merge(
          cell.row, cell, (a, b) -> a.shape.tokensPerStep() >= b.shape.tokensPerStep() ? a : b);
    }
    for (Cell cell : quickest.values()) {
      cell.engine.generate(cell.shape.request(cell.engine.config(), 0));
    }
  }

  private List<Cell> cells(ComputeType dtype, CacheMode cache, Engine engine) {
    String name = dtype.name().toLowerCase(Locale.ROOT);
    List<Cell> cells = new ArrayList<>();
    for (int refresh : refreshes) {
      for (int pace : paces) {
        DecodeShape shape = shape().with(pace, cache, refresh);
        if (refresh == 0 || (keepsWithinBlocks(cache) && refresh < shape.stepsPerBlock())) {
          SweepReport.Row row = new SweepReport.Row(name, DecodeShape.spell(cache), refresh);
          cells.add(new Cell(row, shape, engine));
        }
      }
    }
    return cells;
  }

  private static boolean keepsWithinBlocks(CacheMode cache) {
    return cache == CacheMode.PREFIX || cache == CacheMode.DUAL || cache == CacheMode.DELAYED;
  }

  private DecodeShape shape() {
    return new DecodeShape(
        promptLength, newTokens, blockLength, 1, null, Algorithm.LOW_CONFIDENCE, CacheMode.NONE, 0);
  }

  private int workers() {
    return threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
  }

  private void checkOptions() {
    atLeast("--threads", threads, 0);
    paces.forEach(pace -> atLeast("--tokens-per-step", pace, 1));
    refreshes.forEach(refresh -> atLeast("--cache-refresh", refresh, 0));
    atLeast("--prompt-length", promptLength, 1);
    atLeast("--new-tokens", newTokens, 1);
    atLeast("--block-length", blockLength, 1);
    atLeast("--repeat", repeat, 1);
    if (!(seconds >= 0)) {
      throw new ParameterException(
          spec.commandLine(), "--seconds must be at least 0; found " + seconds);
    }
  }

  private void atLeast(String option, int value, int least) {
    if (value < least) {
      throw new ParameterException(
          spec.commandLine(), option + " must be at least " + least + "; found " + value);
    }
  }
}
