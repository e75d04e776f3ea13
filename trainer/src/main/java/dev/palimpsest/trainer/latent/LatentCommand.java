/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.trainer.Beginning;
import dev.palimpsest.trainer.Checkpoint;
import dev.palimpsest.trainer.Clock;
import dev.palimpsest.trainer.Pace;
import dev.palimpsest.trainer.Precision;
import dev.palimpsest.trainer.TrainCommand;
import dev.palimpsest.trainer.TrainingLoop;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.global.torch;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code palimpsest train latent}: from nothing to a latent diffusion model of Java. */
@Command(
    name = "latent",
    description = {
      "Trains a latent diffusion model of Java: a VQ-VAE, and a denoiser on its codes.",
      "Without a subcommand: corpus, tokenizer, vq, run and export, each skipped or resumed where"
          + " its result is already there."
    },
    subcommands = {
      LatentCommand.AutoencoderCommand.class,
      LatentCommand.RunCommand.class,
      LatentCommand.ExportCommand.class,
      DistillCommand.class,
      SampleCommand.class,
      LatentEvaluateCommand.class,
      AblateCommand.class,
      FixtureCommand.class
    },
    showDefaultValues = true)
public final class LatentCommand implements Runnable {
  @Mixin private TrainCommand.Help help;
  @Mixin private TrainCommand.Work work;
  @Mixin private TrainCommand.CorpusOptions corpus;
  @Mixin private TrainCommand.TokenizerOptions tokenizer;
  @Mixin private Beginning beginning;
  @Mixin private AutoencoderOptions autoencoder;
  @Mixin private DenoiserOptions denoiser;
  @Mixin private Precision precision;
  @Mixin private Clock clock;
  @Mixin private ExportOptions export;

  @Override
  public void run() {
    torch.set_num_threads(clock.pace().threads());
    TrainCommand.prepare(work, corpus, tokenizer, beginning);
    boolean bf16 = precision.bf16();
    Optional<HybridFolder.Read> model = begun(work, beginning, bf16);
    if (autoencoder.train(work, clock.pace(), bf16) && denoiser.train(work, clock, bf16, model)) {
      export.write(work);
    } else {
      System.out.println("not finished; run the same command again to go on");
    }
  }

  /** The model that a run begins with; its VQ-VAE becomes the work folder's. */
  private static Optional<HybridFolder.Read> begun(
      TrainCommand.Work work, Beginning beginning, boolean bf16) {
    if (beginning.model().isEmpty()) {
      return Optional.empty();
    }
    try {
      Path folder = beginning.model().get();
      work.tokenizerJson(folder);
      HybridFolder.Read model = HybridFolder.read(folder, bf16);
      AutoencoderOptions.adopt(work, model, bf16);
      return Optional.of(model);
    } catch (IOException e) {
      throw new TrainCommand.Failure(e.getMessage(), e);
    }
  }

  /** What a written model looks like. */
  static final class ExportOptions {
    @Option(
        names = "--out",
        showDefaultValue = CommandLine.Help.Visibility.NEVER,
        description =
            "folder for config.json, tokenizer.json and model.safetensors (default: latent/model in"
                + " the work folder)")
    Optional<Path> out = Optional.empty();

    @Option(names = "--dtype", defaultValue = "BF16", description = "of the weights: F32 or BF16")
    DType dtype;

    @Option(
        names = "--positions",
        defaultValue = "512",
        description = "longest canvas a loader should allow (trained on --length)")
    int positions;

    @Option(
        names = "--sampling-steps",
        showDefaultValue = CommandLine.Help.Visibility.NEVER,
        description = "network calls the model recommends (default: 8; a student's own number)")
    Optional<Integer> steps = Optional.empty();

    @Option(
        names = "--distilled",
        defaultValue = "0",
        description = "export the student of that many calls; 0: the denoiser itself")
    int distilled;

    @Mixin PlanOptions plan;

    void write(TrainCommand.Work work) {
      Path folder = out.orElse(LatentWork.model(work));
      try (Autoencoder codes =
          AutoencoderTrainer.trained(TrainingLoop.checkpointFile(LatentWork.vq(work)), false)) {
        Checkpoint state = Checkpoint.read(TrainingLoop.checkpointFile(LatentWork.run(work)));
        LatentSettings settings = state.settings(LatentSettings.class);
        HybridFolder.write(
            folder,
            codes,
            settings.shape(),
            weights(work, state),
            dtype,
            positions,
            HybridFolder.sampling(
                plan.plan(steps.orElse(distilled == 0 ? 8 : distilled), distilled > 0),
                NoiseLevels.of(state)),
            Map.of("format", "pt", "step", Long.toString(state.step())));
        Files.copy(
            work.tokenizerJson(),
            folder.resolve("tokenizer.json"),
            StandardCopyOption.REPLACE_EXISTING);
        Path curve = LatentWork.run(work).resolve("loss.svg");
        if (Files.isRegularFile(curve)) {
          Files.copy(curve, folder.resolve("loss.svg"), StandardCopyOption.REPLACE_EXISTING);
        }
        System.out.printf(
            Locale.ROOT,
            "%s: %,d parameters after %,d steps%n",
            folder,
            codes.parameters().size() + codes.codebook().numel() + state.require("average").length,
            state.step());
      } catch (IOException e) {
        throw new TrainCommand.Failure(e.getMessage(), e);
      }
    }

    private float[] weights(TrainCommand.Work work, Checkpoint state) throws IOException {
      return distilled == 0
          ? state.require("average")
          : Checkpoint.read(TrainingLoop.checkpointFile(DistillCommand.folder(work, distilled)))
              .require("average");
    }
  }

  @Command(
      name = "vq",
      description = "Trains the VQ-VAE, or goes on, and measures it against its gates.",
      showDefaultValues = true)
  static final class AutoencoderCommand implements Runnable {
    @Mixin private TrainCommand.Help help;
    @Mixin private TrainCommand.Work work;
    @Mixin private AutoencoderOptions options;
    @Mixin private Precision precision;
    @Mixin private Pace pace;

    @Override
    public void run() {
      torch.set_num_threads(pace.threads());
      options.train(work, pace, precision.bf16());
    }
  }

  @Command(
      name = "run",
      description = {
        "Trains the denoiser on the VQ-VAE's codes, or goes on from the checkpoint that is there.",
        "SIGTERM and Ctrl-C write a checkpoint first."
      },
      showDefaultValues = true)
  static final class RunCommand implements Runnable {
    @Mixin private TrainCommand.Help help;
    @Mixin private TrainCommand.Work work;
    @Mixin private DenoiserOptions options;
    @Mixin private Beginning beginning;
    @Mixin private Precision precision;
    @Mixin private Clock clock;

    @Override
    public void run() {
      torch.set_num_threads(clock.pace().threads());
      boolean bf16 = precision.bf16();
      options.train(work, clock, bf16, begun(work, beginning, bf16));
    }
  }

  @Command(
      name = "export",
      description = "Writes VQ-VAE and averaged denoiser of the last checkpoint.",
      showDefaultValues = true)
  static final class ExportCommand implements Runnable {
    @Mixin private TrainCommand.Help help;
    @Mixin private TrainCommand.Work work;
    @Mixin private ExportOptions options;

    @Override
    public void run() {
      options.write(work);
    }
  }
}
