/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.Device;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.kernels.SolverStep;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.network.HybridConfig;
import dev.palimpsest.network.HybridModel;
import dev.palimpsest.network.LatentBatch;
import dev.palimpsest.process.latent.LatentDefaults;
import java.util.List;

/**
 * The calls that a generation by a hybrid latent model is made of, each by itself: {@code denoise},
 * of which it takes one a step, {@code encode}, which makes latents of the given text before the
 * first one, and {@code decode}, which makes tokens of the latents after the last one. The last
 * positions of each sequence are written, those before them are given; sampling is as the
 * checkpoint recommends, guidance included.
 */
final class LatentWork {
  private final HybridModel model;
  private final Tensor state;
  private final int sequences;
  private final int length;
  private final int given;

  /**
   * Prepares latents: those of given text, and noise.
   *
   * @param device that of the model; holds the latents until it is closed
   * @param length positions of each sequence
   * @param written how many of them, the last ones, are written; at least one
   */
  LatentWork(HybridModel model, Device device, int sequences, int length, int written) {
    this.model = model;
    this.sequences = sequences;
    this.length = length;
    given = length - written;
    state =
        device.allocate(
            DType.F32, Math.multiplyExact(sequences, length), 2 * model.config().width());
    LatentBatch first = encoded(length);
    for (int s = 0; s < sequences; s++) {
      for (int i = given; i < length; i++) {
        first.renoised().add(s * length + i, 0, 1, s, 0, i);
      }
    }
    model.forward(first);
  }

  /** All three, the denoiser's first. Where nothing is given, the whole length is encoded. */
  List<NetworkCall> calls() {
    int encoded = given == 0 ? length : given;
    return List.of(
        call("denoise", length, denoised()),
        call("encode", encoded, encoded(encoded)),
        call("decode", length, decoded()));
  }

  private NetworkCall call(String name, int tokens, LatentBatch batch) {
    return new NetworkCall(name, sequences * tokens, () -> model.forward(batch));
  }

  private LatentBatch encoded(int count) {
    LatentBatch batch = new LatentBatch();
    batch.use(state);
    for (int s = 0; s < sequences; s++) {
      int row = batch.addKnown(count);
      for (int i = 0; i < count; i++) {
        batch.knownTokens()[row + i] =
            ForwardWork.token(s * length + i, model.config().vocabulary());
        batch.knownSlots()[row + i] = s * length + i;
      }
    }
    return batch;
  }

  private LatentBatch denoised() {
    HybridConfig config = model.config();
    LatentDefaults sampling = config.sampling();
    float time = 0.5f;
    SolverStep step = sampling.solver().step(config.path(), 0.375, time, 0.625, sampling.churn());
    LatentBatch batch = new LatentBatch();
    batch.use(state);
    for (int s = 0; s < sequences; s++) {
      int row = sequence(batch, s, time, false);
      int unconditional = sampling.guidance() == 0 ? -1 : sequence(batch, s, time, true);
      for (int i = given; i < length; i++) {
        batch
            .wanted()
            .add(
                row + i,
                unconditional < 0 ? -1 : unconditional + i,
                sampling.guidance(),
                sampling.temperature(),
                s * length + i,
                step,
                s,
                1,
                i);
      }
    }
    return batch;
  }

  private int sequence(LatentBatch batch, int s, float time, boolean hidden) {
    int row = batch.addSequence(length);
    for (int i = 0; i < length; i++) {
      int slot = s * length + i;
      if (i >= given) {
        batch.see(row + i, slot, LatentBatch.NOISE, time);
      } else if (hidden) {
        batch.see(row + i, -1, LatentBatch.HIDDEN, time);
      } else {
        batch.see(row + i, slot, LatentBatch.GIVEN, 1);
      }
    }
    return row;
  }

  private LatentBatch decoded() {
    LatentBatch batch = new LatentBatch();
    batch.use(state);
    for (int s = 0; s < sequences; s++) {
      int row = batch.addDecoded(length);
      for (int i = 0; i < length; i++) {
        batch.decode(row + i, s * length + i, false);
        if (i >= given) {
          batch.wantedTokens().add(row + i, Sampling.GREEDY, s, 2, i);
        }
      }
    }
    return batch;
  }
}
