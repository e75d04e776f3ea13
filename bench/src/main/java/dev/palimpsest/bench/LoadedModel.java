/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.EngineOptions.ComputeType;
import dev.palimpsest.family.Families;
import dev.palimpsest.family.HybridDescription;
import dev.palimpsest.family.HybridFamily;
import dev.palimpsest.family.HybridTensors;
import dev.palimpsest.family.ModelDescription;
import dev.palimpsest.kernels.Device;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.network.HybridConfig;
import dev.palimpsest.network.HybridModel;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.network.Transformer;
import dev.palimpsest.network.TransformerWeights;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.Checkpoints;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/** A checkpoint's network on a device of its own, without scheduler or tokenizer around it. */
final class LoadedModel implements AutoCloseable {
  /** What is timed. */
  private sealed interface Network {}

  private record Single(Transformer transformer) implements Network {}

  private record Hybrid(HybridModel model) implements Network {}

  private final Checkpoint checkpoint;
  private final Device device;
  private final Network network;
  private final ComputeType dtype;
  private final long parameters;

  private LoadedModel(
      Checkpoint checkpoint, Device device, Network network, ComputeType dtype, long parameters) {
    this.checkpoint = checkpoint;
    this.device = device;
    this.network = network;
    this.dtype = dtype;
    this.parameters = parameters;
  }

  static LoadedModel open(ModelOptions options, Progress progress) {
    return open(options, progress, device -> device);
  }

  /**
   * Loads the model that {@code options} name.
   *
   * @param around what the network is to run on instead of the plain device, e.g. a device that
   *     times
   */
  static LoadedModel open(ModelOptions options, Progress progress, UnaryOperator<Device> around) {
    Checkpoint checkpoint = Checkpoints.open(options.model());
    Device device = null;
    try {
      device = around.apply(Devices.cpu(options.dtype(), options.threads()));
      Network network;
      long parameters;
      if (HybridFamily.is(checkpoint)) {
        HybridDescription description = HybridFamily.describe(checkpoint);
        progress.show("packing model", 1, 1);
        network = new Hybrid(new HybridModel(device, description.config(), description.weights()));
        parameters = parameters(description.config());
      } else {
        ModelDescription description = Families.describe(checkpoint);
        int layers = description.config().layers();
        network =
            new Single(
                new Transformer(
                    device,
                    description.config(),
                    description.weights(),
                    done -> progress.show("packing layer", done, layers)));
        parameters = parameters(description);
      }
      ComputeType dtype =
          options.dtype() == ComputeType.AUTO
              ? ComputeType.valueOf(device.computeType().name())
              : options.dtype();
      return new LoadedModel(checkpoint, device, network, dtype, parameters);
    } catch (RuntimeException | Error failure) {
      if (device != null) {
        device.close();
      }
      checkpoint.close();
      throw failure;
    }
  }

  private static long parameters(HybridConfig config) {
    return HybridTensors.shapes(config).values().stream()
        .mapToLong(shape -> shape.stream().mapToLong(Long::longValue).reduce(1, (a, b) -> a * b))
        .sum();
  }

  private static long parameters(ModelDescription description) {
    TransformerWeights weights = description.weights();
    Stream<WeightView> ends =
        description.config().tiedHead()
            ? Stream.of(weights.embedding(), weights.outputNorm())
            : Stream.of(weights.embedding(), weights.outputNorm(), weights.head());
    return Stream.concat(ends, weights.layers().stream().flatMap(LoadedModel::views))
        .mapToLong(WeightView::elements)
        .sum();
  }

  private static Stream<WeightView> views(TransformerWeights.Layer layer) {
    Stream<WeightView> always =
        Stream.of(
            layer.attentionNorm(),
            layer.query(),
            layer.key(),
            layer.value(),
            layer.output(),
            layer.ffnNorm(),
            layer.gate(),
            layer.up(),
            layer.down());
    Stream<WeightView> sometimes =
        Stream.of(
                layer.queryBias(),
                layer.keyBias(),
                layer.valueBias(),
                layer.queryNorm(),
                layer.keyNorm(),
                layer.outputBias())
            .flatMap(Optional::stream);
    return Stream.concat(always, sometimes);
  }

  Device device() {
    return device;
  }

  /**
   * The network that answers tokens with logits.
   *
   * @throws IllegalArgumentException if the model is another kind
   */
  Transformer transformer() {
    return switch (network) {
      case Single single -> single.transformer();
      case Hybrid _ ->
          throw new IllegalArgumentException(
              "a hybrid latent model is no single transformer: take one, or bench forward");
    };
  }

  ModelConfig config() {
    return transformer().config();
  }

  /** Of the checkpoint. */
  String family() {
    return switch (network) {
      case Single single -> single.transformer().config().family();
      case Hybrid _ -> HybridFamily.MODEL_TYPE;
    };
  }

  /**
   * The calls that its text takes, what counts first.
   *
   * @param sequences of {@code runs.length()} tokens in each
   * @param arena owner of the logits' buffer
   * @throws IllegalArgumentException naming the option that asks for what the model cannot do
   */
  List<NetworkCall> calls(RunOptions runs, int sequences, Arena arena) {
    int length = runs.length();
    int tokens = Math.multiplyExact(sequences, length);
    return switch (network) {
      case Single single ->
          List.of(
              new NetworkCall(
                  "forward",
                  tokens,
                  new ForwardWork(single.transformer(), sequences, length, runs.logits(), arena)));
      case Hybrid hybrid -> {
        int sees = hybrid.model().config().trainedLength();
        if (length > sees) {
          throw new IllegalArgumentException(
              "--length %d: the model sees %d positions at a time; more texts are --sequences"
                  .formatted(length, sees));
        }
        int written = runs.logits().count(length);
        if (written == 0) {
          throw new IllegalArgumentException(
              "--logits none: a latent model denoises what it writes: take all, or how many of the last positions");
        }
        yield new LatentWork(hybrid.model(), device, sequences, length, written).calls();
      }
    };
  }

  /** Weights of the model; a tied head is counted once. */
  long parameters() {
    return parameters;
  }

  /** Precision of matrix products, as on the command line. */
  String dtype() {
    return dtype.name().toLowerCase(Locale.ROOT);
  }

  @Override
  public void close() {
    device.close();
    checkpoint.close();
  }
}
