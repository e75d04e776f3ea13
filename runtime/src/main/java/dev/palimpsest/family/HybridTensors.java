/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.network.HybridConfig;
import dev.palimpsest.network.HybridConfig.Level;
import dev.palimpsest.network.HybridWeights;
import dev.palimpsest.network.TransformerWeights;
import dev.palimpsest.weights.Checkpoint;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What a hybrid checkpoint calls its tensors, and their shapes. */
public final class HybridTensors {
  /** Answers the tensor of a name and a shape. */
  private interface Source {
    WeightView tensor(String name, long... shape);
  }

  private final Source source;
  private final HybridConfig config;

  private HybridTensors(Source source, HybridConfig config) {
    this.source = source;
    this.config = config;
  }

  /** Takes all tensors of a checkpoint. */
  static HybridWeights take(Checkpoint checkpoint, HybridConfig config) {
    TensorLookup lookup = new TensorLookup(checkpoint);
    HybridWeights weights = new HybridTensors(lookup::take, config).weights();
    lookup.refuseOthers();
    return weights;
  }

  /** The shapes of all tensors by name, in the order in which they are written. */
  public static Map<String, List<Long>> shapes(HybridConfig config) {
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    // Only the names and shapes that are asked for matter, not what is answered.
    WeightView nothing = new WeightView("", DType.F32, List.of(0L), MemorySegment.NULL);
    new HybridTensors(
            (name, shape) -> {
              shapes.put(name, Arrays.stream(shape).boxed().toList());
              return nothing;
            },
            config)
        .weights();
    return shapes;
  }

  private HybridWeights weights() {
    return new HybridWeights(autoencoder(), denoiser());
  }

  private HybridWeights.Autoencoder autoencoder() {
    Level level = config.autoencoder();
    long h = level.hidden();
    WeightView embedding = source.tensor("vq.encoder.embedding", config.vocabulary(), h);
    List<WeightView> convolutions = new ArrayList<>();
    for (int i = 0; i < config.encoderLayers(); i++) {
      convolutions.add(source.tensor("vq.encoder.layers." + i + ".conv", h, 3 * h));
    }
    WeightView out = source.tensor("vq.encoder.out", config.width(), h);
    WeightView codebook =
        source.tensor("vq.codebook", (long) config.groups() * config.codes(), config.groupWidth());
    WeightView in = source.tensor("vq.decoder.in", h, config.width());
    List<TransformerWeights.Layer> decoder = new ArrayList<>();
    for (int i = 0; i < config.decoderLayers(); i++) {
      decoder.add(decoderLayer("vq.decoder.layers." + i + ".", level));
    }
    return new HybridWeights.Autoencoder(
        embedding,
        convolutions,
        out,
        codebook,
        in,
        decoder,
        source.tensor("vq.decoder.norm", h),
        source.tensor("vq.decoder.head", config.vocabulary(), h));
  }

  private TransformerWeights.Layer decoderLayer(String prefix, Level level) {
    long h = level.hidden();
    return new TransformerWeights.Layer(
        source.tensor(prefix + "attention_norm", h),
        source.tensor(prefix + "q", h, h),
        source.tensor(prefix + "k", h, h),
        source.tensor(prefix + "v", h, h),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        source.tensor(prefix + "o", h, h),
        Optional.empty(),
        source.tensor(prefix + "ffn_norm", h),
        source.tensor(prefix + "gate", level.ffn(), h),
        source.tensor(prefix + "up", level.ffn(), h),
        source.tensor(prefix + "down", h, level.ffn()));
  }

  private HybridWeights.Denoiser denoiser() {
    long full = config.full().hidden();
    long half = config.half().hidden();
    WeightView in = source.tensor("denoiser.in", full, 2L * config.width());
    WeightView state = source.tensor("denoiser.state", 4, full);
    WeightView gate =
        source.tensor("denoiser.time.gate", config.timeHidden(), config.timeFeatures());
    WeightView up = source.tensor("denoiser.time.up", config.timeHidden(), config.timeFeatures());
    WeightView modulation =
        source.tensor("denoiser.modulation.weight", config.modulationWidth(), config.timeHidden());
    WeightView bias = source.tensor("denoiser.modulation.bias", config.modulationWidth());
    List<HybridWeights.Block> before = blocks("before", config.blocksBefore(), config.full());
    List<HybridWeights.Block> middle = blocks("half", config.blocksHalf(), config.half());
    List<HybridWeights.Block> after = blocks("after", config.blocksAfter(), config.full());
    Optional<HybridWeights.Resampling> resampling =
        config.blocksHalf() == 0
            ? Optional.empty()
            : Optional.of(
                new HybridWeights.Resampling(
                    source.tensor("denoiser.pool.taps", 4, full),
                    source.tensor("denoiser.pool.out", half, full),
                    source.tensor("denoiser.unpool.norm", half),
                    source.tensor("denoiser.unpool.in", full, half),
                    source.tensor("denoiser.unpool.gate", full)));
    return new HybridWeights.Denoiser(
        in,
        state,
        gate,
        up,
        modulation,
        bias,
        before,
        middle,
        after,
        resampling,
        source.tensor("denoiser.out", config.logits(), full));
  }

  private List<HybridWeights.Block> blocks(String part, int count, Level level) {
    long h = level.hidden();
    long headDim = h / level.heads();
    List<HybridWeights.Block> blocks = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      String prefix = "denoiser." + part + "." + i + ".";
      blocks.add(
          new HybridWeights.Block(
              source.tensor(prefix + "conv", h, 3 * h),
              source.tensor(prefix + "q", h, h),
              source.tensor(prefix + "k", h, h),
              source.tensor(prefix + "v", h, h),
              source.tensor(prefix + "q_norm", headDim),
              source.tensor(prefix + "k_norm", headDim),
              source.tensor(prefix + "o", h, h),
              source.tensor(prefix + "gate", level.ffn(), h),
              source.tensor(prefix + "up", level.ffn(), h),
              source.tensor(prefix + "down", h, level.ffn())));
    }
    return blocks;
  }
}
