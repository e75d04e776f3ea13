/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import dev.palimpsest.bindings.StandardError;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.trainer.latent.LatentCommand;
import dev.palimpsest.weights.FileFault;
import java.io.IOException;
import java.net.URI;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.global.torch;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code palimpsest train}: from nothing to a checkpoint that any LLaDA loader reads. */
@Command(
    name = "palimpsest train",
    description = {
      "Trains a small masked-diffusion model of Java on the CPU.",
      "Without a subcommand: corpus, tokenizer, run and export, each skipped or resumed where its"
          + " result is already there."
    },
    subcommands = {
      TrainCommand.CorpusCommand.class,
      TrainCommand.TokenizerCommand.class,
      TrainCommand.RunCommand.class,
      TrainCommand.ExportCommand.class,
      TrainCommand.SampleCommand.class,
      EvaluateCommand.class,
      CompareCommand.class,
      CoherenceCommand.class,
      StudyCommand.class,
      LatentCommand.class
    },
    usageHelpAutoWidth = true,
    showDefaultValues = true)
public final class TrainCommand implements Runnable {
  @Mixin private Help help;
  @Mixin private Work work;
  @Mixin private CorpusOptions corpus;
  @Mixin private TokenizerOptions tokenizer;
  @Mixin private Beginning beginning;
  @Mixin private RunOptions run;
  @Mixin private ExportOptions export;

  private TrainCommand() {}

  public static void main(String[] args) {
    StandardError.restore();
    System.exit(commandLine().execute(args));
  }

  static CommandLine commandLine() {
    IExecutionExceptionHandler plain =
        (failure, line, _) -> {
          if (System.getenv("PALIMPSEST_STACKTRACE") != null) {
            failure.printStackTrace(line.getErr());
          }
          line.getErr().println("palimpsest train: " + problem(failure));
          return 1;
        };
    return new CommandLine(new TrainCommand())
        .setExecutionExceptionHandler(plain)
        .setCaseInsensitiveEnumValuesAllowed(true);
  }

  /** A message in words; of a file that is not there the JDK says its name only. */
  private static String problem(Exception failure) {
    Throwable cause = failure;
    if (failure.getCause() instanceof FileSystemException wrapped
        && List.of(wrapped.getMessage(), wrapped.toString()).contains(failure.getMessage())) {
      cause = wrapped;
    }
    return cause instanceof FileSystemException file && file.getFile() != null
        ? file.getFile() + ": " + FileFault.reason(file)
        : failure.getMessage();
  }

  @Override
  public void run() {
    prepare(work, corpus, tokenizer, beginning);
    if (run.train(work, beginning)) {
      export.write(work);
    } else {
      System.out.println("not finished; run the same command again to go on");
    }
  }

  /** Corpus and tokenizer, where they are not there yet. */
  public static void prepare(
      Work work, CorpusOptions corpus, TokenizerOptions tokenizer, Beginning beginning) {
    if (!Files.isRegularFile(work.corpus().folder().resolve("manifest.json"))) {
      corpus.build(work);
    }
    if (!Files.isRegularFile(work.heldOutTokens())) {
      tokenizer.train(work, beginning);
    }
  }

  /** A failure of a command that has a message for the user. */
  public static final class Failure extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** The message of what went wrong. */
    public Failure(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /** {@code --help}, which picocli answers by itself. */
  public static final class Help {
    @Option(
        names = {"-h", "--help"},
        usageHelp = true,
        showDefaultValue = CommandLine.Help.Visibility.NEVER,
        description = "show this help and exit")
    boolean asked;
  }

  /** Where everything lies. */
  public static final class Work {
    @Option(
        names = "--work",
        defaultValue = "trainer/target/java-tiny",
        description = "folder of the corpus, the tokenizer and the run")
    private Path folder;

    /** Where everything lies. */
    public Path folder() {
      return folder;
    }

    /** The corpus. */
    public Corpus corpus() {
      return new Corpus(folder.resolve("corpus"));
    }

    /** The tokenizer. */
    public Path tokenizerJson() {
      return folder.resolve("tokenizer.json");
    }

    /**
     * The tokenizer of a model that was trained here.
     *
     * @throws IOException when it is not the one that the tokens here were made with
     */
    public Path tokenizerJson(Path model) throws IOException {
      Path own = model.resolve("tokenizer.json");
      if (!Files.readString(own).equals(Files.readString(tokenizerJson()))) {
        throw new IOException(
            model
                + " and "
                + folder
                + " have different tokenizers; name the --work folder the model was trained in");
      }
      return own;
    }

    /** The train split as tokens. */
    public Path trainTokens() {
      return folder.resolve("train.tokens");
    }

    /** The held-out split as tokens. */
    public Path heldOutTokens() {
      return folder.resolve("held-out.tokens");
    }

    Path run() {
      return folder.resolve("run");
    }

    /** Where a trained model is written unless another folder is named. */
    Path model() {
      return folder.resolve("model");
    }
  }

  /** How the corpus is made. */
  public static final class CorpusOptions {
    @Option(
        names = "--repository",
        defaultValue = "https://repo1.maven.org/maven2/",
        description = "Maven repository the source jars come from")
    URI repository;

    @Option(
        names = "--library",
        paramLabel = "GROUP:ARTIFACT:VERSION",
        showDefaultValue = CommandLine.Help.Visibility.NEVER,
        description = "a library to take (repeatable); the trainer's own list if none is named")
    List<String> libraries = List.of();

    @Option(names = "--keep-comments", description = "leave comments in the text")
    boolean keepComments;

    void build(Work work) {
      try {
        String base = repository.toString();
        Corpus built =
            Corpus.build(
                work.corpus().folder(),
                URI.create(base.endsWith("/") ? base : base + "/"),
                libraries.isEmpty() ? Corpus.libraries() : libraries,
                keepComments);
        Corpus.Manifest m = built.manifest();
        System.out.printf(
            Locale.ROOT,
            "%d libraries, %,d files (%,d characters) to train on, %,d files (%,d) held out%n",
            m.libraries().size(),
            m.trainFiles(),
            m.trainBytes(),
            m.heldOutFiles(),
            m.heldOutBytes());
      } catch (IOException e) {
        throw new Failure(e.getMessage(), e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new Failure("interrupted", e);
      }
    }
  }

  /** How the tokenizer is made. */
  public static final class TokenizerOptions {
    @Option(
        names = "--vocabulary",
        defaultValue = "4096",
        description = "entries, special tokens and bytes included; at most 65536")
    int entries;

    void train(Work work, Beginning beginning) {
      try {
        List<String> documents = work.corpus().train();
        Files.writeString(
            work.tokenizerJson(),
            beginning.model().isPresent()
                ? Files.readString(beginning.model().get().resolve("tokenizer.json"))
                : BytePairTrainer.train(documents, entries));
        long train =
            TokenFile.write(
                work.trainTokens(), documents, work.tokenizerJson(), BytePairTrainer.END_ID);
        long heldOut =
            TokenFile.write(
                work.heldOutTokens(),
                work.corpus().heldOut(),
                work.tokenizerJson(),
                BytePairTrainer.END_ID);
        System.out.printf(Locale.ROOT, "%,d tokens to train on, %,d held out%n", train, heldOut);
      } catch (IOException e) {
        throw new Failure(e.getMessage(), e);
      }
    }
  }

  /** What a network learns to predict. */
  enum Objective {
    masked,
    causal
  }

  static final class RunOptions {
    private static final int HELD_OUT_ROWS = 96;

    @Option(
        names = "--objective",
        defaultValue = "masked",
        description =
            "masked: diffusion, exported for LLaDA's loaders; causal: the next token, from left to"
                + " right, with the same transformer, exported for Llama's")
    Objective objective;

    @Option(names = "--hidden", defaultValue = "192", description = "width of the network")
    int hidden;

    @Option(names = "--layers", defaultValue = "6", description = "transformer blocks")
    int layers;

    @Option(names = "--heads", defaultValue = "6", description = "attention heads")
    int heads;

    @Option(names = "--ffn", defaultValue = "512", description = "width of the feed-forward layer")
    int ffn;

    @Option(names = "--length", defaultValue = "192", description = "tokens of a row")
    int length;

    @Option(names = "--batch", defaultValue = "16", description = "rows of a step")
    int batch;

    @Option(names = "--rate", defaultValue = "2e-3", description = "peak learning rate")
    double rate;

    @Option(
        names = "--weight-decay",
        defaultValue = "0.1",
        description = "AdamW's decay, on matrices")
    double weightDecay;

    @Option(
        names = "--structured",
        defaultValue = "0.4",
        description = "share of rows masked as a completion or an infill")
    double structured;

    @Option(
        names = "--wrong",
        defaultValue = "0",
        description =
            "share of rows with wrong tokens among the visible ones, which are predicted too;"
                + " self-correction learns from them")
    double wrong;

    @Option(names = "--seed", defaultValue = "1", description = "of weights, data and masks")
    long seed;

    @Mixin private OptimiserOptions optimiser;
    @Mixin private Precision precision;
    @Mixin private Clock clock;

    Settings settings(int vocabulary) {
      boolean causal = objective == Objective.causal;
      if (causal && wrong > 0) {
        throw new Failure(
            "--wrong " + wrong + " is for --objective masked: a causal model corrects nothing",
            new IllegalArgumentException());
      }
      DenoiserShape shape =
          new DenoiserShape(
              vocabulary,
              hidden,
              layers,
              heads,
              ffn,
              length,
              causal ? -1 : BytePairTrainer.MASK_ID,
              BytePairTrainer.END_ID);
      return new Settings(
          shape,
          batch,
          seed,
          rate,
          optimiser.warmup(),
          optimiser.finalFraction(),
          weightDecay,
          optimiser.clip(),
          optimiser.average(),
          causal ? 0 : structured,
          wrong,
          precision.bf16());
    }

    /** Returns whether the run came to its end. */
    boolean train(Work work, Beginning beginning) {
      torch.set_num_threads(clock.pace().threads());
      try (TokenFile train = TokenFile.open(work.trainTokens());
          TokenFile heldOut = TokenFile.open(work.heldOutTokens())) {
        LineStarts lines = LineStarts.of(work.tokenizerJson());
        Settings settings = settings(lines.vocabulary());
        DenoiserShape shape = settings.shape();
        Training.Course course =
            Trainer.course(
                settings,
                clock.pace().threads(),
                new MaskedBatch.Source(train, shape, lines.tokens()),
                new MaskedBatch.Source(heldOut, shape, lines.tokens()),
                HELD_OUT_ROWS,
                beginning.model().isPresent()
                    ? Optional.of(weights(beginning.model().get(), work, shape))
                    : Optional.empty());
        boolean finished =
            new TrainingLoop(
                    work.run(),
                    course,
                    clock.limit(),
                    clock.pace().rhythm(),
                    System.out,
                    System.console() != null)
                .run();
        LossPlot.of(work.run());
        return finished;
      } catch (IOException e) {
        throw new Failure(e.getMessage(), e);
      }
    }

    private float[] weights(Path model, Work work, DenoiserShape shape) throws IOException {
      work.tokenizerJson(model);
      try (Denoiser begun = LladaFolder.read(model, false)) {
        if (!begun.shape().withLength(shape.length()).equals(shape)) {
          throw new IOException(
              "--init "
                  + model
                  + " is of the shape "
                  + begun.shape()
                  + ", the run is to be of "
                  + shape
                  + "; give the same sizes, --length aside");
        }
        return begun.values();
      }
    }
  }

  static final class ExportOptions {
    @Option(
        names = "--out",
        showDefaultValue = CommandLine.Help.Visibility.NEVER,
        description =
            "folder for config.json, tokenizer.json and model.safetensors (default: model in the"
                + " work folder)")
    Optional<Path> out = Optional.empty();

    @Option(names = "--dtype", defaultValue = "BF16", description = "of the weights: F32 or BF16")
    DType dtype;

    @Option(
        names = "--positions",
        defaultValue = "1024",
        description = "longest canvas a loader should allow (trained on --length)")
    int positions;

    void write(Work work) {
      Path folder = out.orElse(work.model());
      try {
        RunState state = RunState.read(TrainingLoop.checkpointFile(work.run()));
        LladaFolder.write(
            folder,
            state.settings().shape(),
            state.average(),
            dtype,
            positions,
            work.tokenizerJson(),
            Map.of("format", "pt", "step", Long.toString(state.step())));
        System.out.printf(
            Locale.ROOT,
            "%s: %,d parameters after %,d steps%n",
            folder,
            state.settings().shape().parameters(),
            state.step());
      } catch (IOException e) {
        throw new Failure(e.getMessage(), e);
      }
    }
  }

  @Command(
      name = "corpus",
      description = "Downloads the source jars, checks their licences and writes the two splits.",
      showDefaultValues = true)
  static final class CorpusCommand implements Runnable {
    @Mixin private Help help;
    @Mixin private Work work;
    @Mixin private CorpusOptions options;

    @Override
    public void run() {
      options.build(work);
    }
  }

  @Command(
      name = "sample",
      description = {
        "Writes some of the held-out files of a corpus into a folder.",
        "It is what a model is measured on where the corpus is not at hand (bench quality)."
      },
      showDefaultValues = true)
  static final class SampleCommand implements Runnable {
    @Mixin private Help help;
    @Mixin private Work work;

    @Option(
        names = "--per-mille",
        defaultValue = "10",
        description = "thousandths of all files; at most 40, which are held out")
    private int perMille;

    @Option(
        names = "--out",
        defaultValue = "models/java-tiny/held-out",
        description = "folder to write into")
    private Path out;

    @Override
    public void run() {
      try {
        List<String> libraries =
            work.corpus().manifest().libraries().stream().map(Corpus.Library::coordinates).toList();
        Path jars = work.corpus().folder().resolve("jars");
        HeldOutSample.Size size =
            HeldOutSample.write(
                out,
                libraries,
                perMille,
                library ->
                    jars.resolve(
                        library.split(":")[1] + "-" + library.split(":")[2] + "-sources.jar"));
        System.out.printf(
            Locale.ROOT, "%s: %,d files, %,d characters%n", out, size.files(), size.characters());
      } catch (IOException e) {
        throw new Failure(e.getMessage() + "; build the corpus first: palimpsest train corpus", e);
      }
    }
  }

  @Command(
      name = "tokenizer",
      description = "Learns the byte-pair encoding from the train split and encodes both splits.",
      showDefaultValues = true)
  static final class TokenizerCommand implements Runnable {
    @Mixin private Help help;
    @Mixin private Work work;
    @Mixin private TokenizerOptions options;
    @Mixin private Beginning beginning;

    @Override
    public void run() {
      options.train(work, beginning);
    }
  }

  @Command(
      name = "run",
      description = {
        "Trains, or goes on from the checkpoint that is there.",
        "SIGTERM and Ctrl-C write a checkpoint first."
      },
      showDefaultValues = true)
  static final class RunCommand implements Runnable {
    @Mixin private Help help;
    @Mixin private Work work;
    @Mixin private RunOptions options;
    @Mixin private Beginning beginning;

    @Override
    public void run() {
      options.train(work, beginning);
    }
  }

  @Command(
      name = "export",
      description =
          "Writes the averaged weights of the last checkpoint as a LLaDA folder, or a Llama folder.",
      showDefaultValues = true)
  static final class ExportCommand implements Runnable {
    @Mixin private Help help;
    @Mixin private Work work;
    @Mixin private ExportOptions options;

    @Override
    public void run() {
      options.write(work);
    }
  }
}
