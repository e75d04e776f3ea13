/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.EngineOptions.ComputeType;
import dev.palimpsest.family.Families;
import dev.palimpsest.family.ModelDescription;
import dev.palimpsest.kernels.Device;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.network.Transformer;
import dev.palimpsest.network.TransformerWeights;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.Checkpoints;
import java.util.Locale;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/** A checkpoint's network on a device of its own, without scheduler or tokenizer around it. */
final class LoadedModel implements AutoCloseable {
  private final Checkpoint checkpoint;
  private final Device device;
  private final Transformer transformer;
  private final ComputeType dtype;
  private final long parameters;

  private LoadedModel(
      Checkpoint checkpoint,
      Device device,
      Transformer transformer,
      ComputeType dtype,
      long parameters) {
    this.checkpoint = checkpoint;
    this.device = device;
    this.transformer = transformer;
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
      ModelDescription description = Families.describe(checkpoint);
      device = around.apply(Devices.cpu(options.dtype(), options.threads()));
      int layers = description.config().layers();
      Transformer transformer =
          new Transformer(
              device,
              description.config(),
              description.weights(),
              done -> progress.show("packing layer", done, layers));
      ComputeType dtype =
          options.dtype() == ComputeType.AUTO
              ? ComputeType.valueOf(device.computeType().name())
              : options.dtype();
      return new LoadedModel(checkpoint, device, transformer, dtype, parameters(description));
    } catch (RuntimeException | Error failure) {
      if (device != null) {
        device.close();
      }
      checkpoint.close();
      throw failure;
    }
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

  Transformer transformer() {
    return transformer;
  }

  ModelConfig config() {
    return transformer.config();
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
