/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import dev.palimpsest.trainer.Checkpoint;
import dev.palimpsest.trainer.TokenFile;
import dev.palimpsest.trainer.TrainCommand;
import dev.palimpsest.trainer.TrainingLoop;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.global.torch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code palimpsest train latent sample}: what a checkpoint writes. */
@Command(
    name = "sample",
    description = "Continues a text with the averaged weights of the last checkpoint.",
    showDefaultValues = true)
final class SampleCommand implements Runnable {
  @Mixin private TrainCommand.Help help;
  @Mixin private TrainCommand.Work work;

  @Option(
      names = "--prompt",
      defaultValue = "public static int max(int[] values) {\n        ",
      description = "text to go on from")
  private String prompt;

  @Option(names = "--tokens", defaultValue = "48", description = "tokens to write")
  private int tokens;

  @Option(names = "--calls", defaultValue = "8", description = "network calls")
  private int calls;

  @Option(names = "--count", defaultValue = "3", description = "texts to write")
  private int count;

  @Mixin private PlanOptions plan;

  @Option(names = "--threads", defaultValue = "2", description = "threads of libtorch")
  private int threads;

  @Override
  public void run() {
    torch.set_num_threads(threads);
    try (Autoencoder codes =
            AutoencoderTrainer.trained(TrainingLoop.checkpointFile(LatentWork.vq(work)), false);
        HuggingFaceTokenizer tokenizer = TokenFile.tokenizer(work.tokenizerJson())) {
      Checkpoint state = Checkpoint.read(TrainingLoop.checkpointFile(LatentWork.run(work)));
      LatentSettings settings = state.settings(LatentSettings.class);
      try (HybridNetwork network = new HybridNetwork(settings.shape(), 0, false, false)) {
        network.parameters().load(state.require("average"));
        int[] given =
            Arrays.stream(tokenizer.encode(prompt, false, false).getIds())
                .mapToInt(i -> (int) i)
                .toArray();
        List<int[]> rows = new ArrayList<>();
        List<boolean[]> holes = new ArrayList<>();
        for (int i = 0; i < count; i++) {
          rows.add(Arrays.copyOf(given, given.length + tokens));
          holes.add(LatentSampler.from(given.length + tokens, given.length));
        }
        new LatentSampler(network, codes, NoiseLevels.of(state).quantiles(64))
            .fill(rows, holes, plan.plan(calls, false), 1, 16);
        for (int[] row : rows) {
          System.out.println(tokenizer.decode(Arrays.stream(row).asLongStream().toArray(), false));
          System.out.println("----");
        }
      }
    } catch (IOException e) {
      throw new TrainCommand.Failure(e.getMessage(), e);
    }
  }
}
