/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import dev.palimpsest.trainer.TrainCommand;
import java.nio.file.Path;

/** Where the stages of a latent model's training leave their results. */
final class LatentWork {
  private LatentWork() {}

  static Path vq(TrainCommand.Work work) {
    return work.folder().resolve("latent/vq");
  }

  static Path gates(TrainCommand.Work work) {
    return vq(work).resolve("gates.json");
  }

  static Path run(TrainCommand.Work work) {
    return work.folder().resolve("latent/run");
  }

  /** Where the runs of an ablation lie. */
  static Path ablation(TrainCommand.Work work) {
    return work.folder().resolve("latent/ablation");
  }

  /** Where a trained model is written unless another folder is named. */
  static Path model(TrainCommand.Work work) {
    return work.folder().resolve("latent/model");
  }
}
