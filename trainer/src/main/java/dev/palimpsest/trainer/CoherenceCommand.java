/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import dev.palimpsest.Engine;
import dev.palimpsest.GenerationRequest;
import dev.palimpsest.cache.CacheMode;
import dev.palimpsest.network.HybridConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.IntConsumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/**
 * {@code palimpsest train coherence}: how texts far longer than those of training hold together.
 */
@Command(
    name = "coherence",
    description = {
      "Has models, masked, latent or causal, go on from the beginnings of held-out files for thousands"
          + " of tokens through the runtime, and prints tables in Markdown:",
      "by position, nats under a 5-gram of the training split, repetition, names taken up again, and"
          + " methods that close and parse, beside what really follows; of masked models also their own"
          + " loss in canvases longer than they were trained on.",
      "A latent model writes by blocks. A masked or causal one writes in windows of the length it was"
          + " trained on, and for fewer texts in one canvas, if need be from a copy whose"
          + " configuration allows for it."
    },
    showDefaultValues = true)
final class CoherenceCommand implements Runnable {
  @Spec private CommandSpec spec;
  @Mixin private TrainCommand.Help help;
  @Mixin private TrainCommand.Work work;

  @Parameters(
      paramLabel = "MODEL",
      arity = "1..*",
      showDefaultValue = CommandLine.Help.Visibility.NEVER,
      description = "folders of checkpoints with the tokenizer of the work folder")
  private List<Path> models;

  @Option(
      names = "--tokens",
      split = ",",
      defaultValue = "1024,4096",
      description =
          "to write after each beginning, multiples of 128; in blocks or windows, where the first"
              + " tokens of a longer text are those of a shorter one, only the most of them")
  private List<Integer> tokens;

  @Option(names = "--texts", defaultValue = "8", description = "to write, at least 2")
  private int texts;

  @Option(
      names = "--one-canvas",
      paramLabel = "TEXTS",
      defaultValue = "2",
      description =
          "how many of the texts a masked or causal model writes in one canvas, too, which takes"
              + " the longer the longer it is; 0 or at least 2")
  private int oneCanvas;

  @Option(names = "--given", defaultValue = "64", description = "tokens of each beginning")
  private int given;

  @Option(
      names = "--window",
      defaultValue = "192",
      description =
          "tokens that a masked or causal model was trained on, and sees when it writes in windows,"
              + " half of one at a time; a latent model's checkpoint says so itself")
  private int window;

  @Option(
      names = "--steps",
      showDefaultValue = CommandLine.Help.Visibility.NEVER,
      description = "network calls for each block of a latent model (default: as its trainer says)")
  private Integer steps;

  @Option(
      names = "--latent-block",
      defaultValue = "0",
      description =
          "tokens that a latent model writes at a time; 0: half of what it was trained on")
  private int latentBlock;

  @Option(
      names = "--block-length",
      defaultValue = "16",
      description = "tokens that a masked model writes before it goes on; divides half a window")
  private int blockLength;

  @Option(
      names = "--tokens-per-step",
      defaultValue = "2",
      description = "tokens that a masked model commits in a network call")
  private int tokensPerStep;

  @Option(
      names = "--temperature",
      defaultValue = "0",
      description = "of masked and causal models; latent ones have their own")
  private float temperature;

  @Option(
      names = "--cache",
      defaultValue = "DUAL",
      description = "of a masked model in one canvas: ${COMPLETION-CANDIDATES}")
  private CacheMode cache;

  @Option(
      names = "--noise",
      defaultValue = "0.5",
      description = "share of held-out tokens that are masked for a masked model's own loss")
  private double noise;

  @Mixin private RuntimeOptions runtime;

  @Option(names = "--json", description = "every number as one JSON document")
  private boolean json;

  @Override
  public void run() {
    try {
      CoherenceReport report = report();
      spec.commandLine()
          .getOut()
          .println(json ? JsonMapper.shared().writeValueAsString(report) : report.markdown());
    } catch (IOException e) {
      throw new TrainCommand.Failure(e.getMessage(), e);
    }
  }

  private int longest() {
    return Collections.max(tokens);
  }

  private void check() {
    if (tokens.stream().anyMatch(n -> n < 1 || n % PositionWindow.STRETCH != 0)) {
      throw new IllegalArgumentException(
          "--tokens must be multiples of " + PositionWindow.STRETCH + "; found " + tokens);
    }
    if (texts < 2 || oneCanvas < 0 || oneCanvas == 1 || oneCanvas > texts) {
      throw new IllegalArgumentException(
          "--texts must be at least 2, and --one-canvas 0 or at least 2 and no more than --texts; found %d and %d"
              .formatted(texts, oneCanvas));
    }
    if (given < 1 || window < 2 || window > longest() || noise <= 0 || noise > 1) {
      throw new IllegalArgumentException(
          "--given must be at least 1, --window between 2 and the largest --tokens, and --noise above 0 and at most 1; found %d, %d and %s"
              .formatted(given, window, noise));
    }
  }

  private CoherenceReport report() throws IOException {
    check();
    List<CoherenceReport.Written> written = new ArrayList<>();
    List<CoherenceReport.Losses> losses = new ArrayList<>();
    Set<String> devices = new LinkedHashSet<>();
    for (Path model : models) {
      work.tokenizerJson(model);
    }
    try (TokenFile train = TokenFile.open(work.trainTokens());
        TokenFile heldOut = TokenFile.open(work.heldOutTokens());
        HuggingFaceTokenizer tokenizer = TokenFile.tokenizer(work.tokenizerJson())) {
      List<int[]> originals =
          HeldOutStreams.of(
              heldOut,
              BytePairTrainer.END_ID,
              texts,
              given + PositionWindow.STRETCH,
              given + longest());
      Coherence coherence =
          new Coherence(
              new NGramModel(train, LineStarts.of(work.tokenizerJson()).vocabulary()),
              new TokenText.Decoder(tokenizer, BytePairTrainer.END_ID),
              BytePairTrainer.END_ID);
      for (Path model : models) {
        new Model(model, originals, coherence, devices).measure(written, losses);
      }
      written.add(
          new CoherenceReport.Written(
              "originals", "", texts, longest(), 0, coherence.of(originals, given)));
    }
    return new CoherenceReport(conditions(String.join("; ", devices)), given, written, losses);
  }

  /** One checkpoint being measured. */
  private final class Model {
    private final Path path;
    private final String name;
    private final List<int[]> originals;
    private final Coherence coherence;
    private final Set<String> devices;

    Model(Path path, List<int[]> originals, Coherence coherence, Set<String> devices) {
      this.path = path;
      this.name = path.toString();
      this.originals = originals;
      this.coherence = coherence;
      this.devices = devices;
    }

    void measure(List<CoherenceReport.Written> written, List<CoherenceReport.Losses> losses)
        throws IOException {
      boolean latent;
      int most;
      try (Engine engine = open(path)) {
        latent = engine.latent().isPresent();
        most = latent ? Integer.MAX_VALUE : engine.config().maxPositions();
        written.add(latent ? blocks(engine, engine.latent().get()) : windows(engine));
      }
      if (latent) {
        return;
      }
      if (given + longest() <= most) {
        inOneCanvas(path, written, losses);
        return;
      }
      Path copy = Files.createTempDirectory("palimpsest-coherence");
      try {
        LongerLimit.lend(path, copy, given + longest());
        inOneCanvas(copy, written, losses);
      } finally {
        try (Stream<Path> files = Files.list(copy)) {
          for (Path file : files.toList()) {
            Files.delete(file);
          }
        }
        Files.delete(copy);
      }
    }

    private Engine open(Path checkpoint) {
      Engine engine = Engine.open(checkpoint, runtime.engine(texts));
      devices.add(engine.device());
      return engine;
    }

    private CoherenceReport.Written blocks(Engine engine, HybridConfig config) {
      int calls = steps == null ? config.sampling().steps() : steps;
      String way =
          "blocks of %d in windows of %d, %d calls each"
              .formatted(
                  latentBlock == 0 ? config.trainedLength() / 2 : latentBlock,
                  config.trainedLength(),
                  calls);
      LongTexts writer =
          new LongTexts(engine, request -> request.steps(calls).blockLength(latentBlock));
      return written(way, longest(), texts, () -> writer.inOneCanvas(beginnings(texts), longest()));
    }

    private CoherenceReport.Written windows(Engine engine) {
      LongTexts writer = new LongTexts(engine, request -> said(engine, request));
      String way = "windows of " + window + how(engine);
      IntConsumer progress =
          done -> System.err.println(name + ", " + way + ": " + done + " of " + longest());
      return written(
          way,
          longest(),
          texts,
          () -> writer.inWindows(beginnings(texts), longest(), window, progress));
    }

    private void inOneCanvas(
        Path checkpoint,
        List<CoherenceReport.Written> written,
        List<CoherenceReport.Losses> losses) {
      try (Engine engine = open(checkpoint)) {
        boolean masked = !engine.config().causal();
        LongTexts writer =
            new LongTexts(
                engine,
                request -> masked ? said(engine, request).cache(cache) : said(engine, request));
        if (oneCanvas > 0) {
          for (int n : tokens) {
            written.add(
                written(
                    "one canvas of "
                        + (given + n)
                        + how(engine)
                        + (masked ? ", cache " + cache.name().toLowerCase(Locale.ROOT) : ""),
                    n,
                    oneCanvas,
                    () -> writer.inOneCanvas(beginnings(oneCanvas), n)));
          }
        }
        if (masked && !engine.config().shiftedLogits()) {
          System.err.println(name + ", masked tokens of held-out text");
          CanvasLoss loss =
              new CanvasLoss(
                  originals.stream().map(text -> Arrays.copyOf(text, longest())).toList(),
                  noise,
                  window);
          losses.add(
              new CoherenceReport.Losses(name, window, noise, texts, loss.of(engine, tokens)));
        }
      }
    }

    private GenerationRequest.Builder said(Engine engine, GenerationRequest.Builder request) {
      request.temperature(temperature);
      return engine.config().causal()
          ? request
          : request.blockLength(blockLength).tokensPerStep(tokensPerStep);
    }

    private String how(Engine engine) {
      String drawn = temperature == 0 ? "greedy" : "temperature " + temperature;
      return engine.config().causal()
          ? ", " + drawn
          : ", blocks of %d, %d tokens a step, %s".formatted(blockLength, tokensPerStep, drawn);
    }

    /** Of so many texts, from all over the split. */
    private List<int[]> beginnings(int count) {
      return IntStream.range(0, count)
          .mapToObj(i -> Arrays.copyOf(originals.get(i * texts / count), given))
          .toList();
    }

    private CoherenceReport.Written written(
        String way, int length, int count, Supplier<List<int[]>> writing) {
      System.err.println(name + ", " + way);
      long began = System.nanoTime();
      List<int[]> found = writing.get();
      double seconds = (System.nanoTime() - began) / 1e9;
      return new CoherenceReport.Written(
          name, way, count, length, seconds, coherence.of(found, given));
    }
  }

  private String conditions(String devices) {
    return String.format(
        Locale.ROOT,
        "`./palimpsest train coherence %s --tokens %s --texts %d --one-canvas %d --given %d --window"
            + " %d%s%s --block-length %d --tokens-per-step %d --temperature %s --cache %s --noise %s"
            + " %s`: fixed seeds; writing goes on behind an end of text, and"
            + " originals go on with the next file. On %s.",
        models.stream().map(Path::toString).collect(Collectors.joining(" ")),
        tokens.stream().map(String::valueOf).collect(Collectors.joining(",")),
        texts,
        oneCanvas,
        given,
        window,
        steps == null ? "" : " --steps " + steps,
        latentBlock == 0 ? "" : " --latent-block " + latentBlock,
        blockLength,
        tokensPerStep,
        temperature,
        cache,
        noise,
        runtime,
        devices);
  }
}
