/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import dev.palimpsest.cache.KvPool;
import dev.palimpsest.cache.RequestCache;
import dev.palimpsest.family.Families;
import dev.palimpsest.family.ModelDescription;
import dev.palimpsest.kernels.Device;
import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.cpu.CpuDevice;
import dev.palimpsest.kernels.cpu.CpuOptions;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.network.Transformer;
import dev.palimpsest.process.DiffusionProcess;
import dev.palimpsest.process.Revision;
import dev.palimpsest.schedule.RequestObserver;
import dev.palimpsest.schedule.Scheduler;
import dev.palimpsest.schedule.Terms;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.Checkpoints;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeoutException;
import java.util.stream.IntStream;

/** An engine's parts without the engine: any configuration, and rows are counted op by op. */
final class DirectDecoding implements AutoCloseable {
  private final CpuDevice device = CpuDevice.open(CpuOptions.DEFAULT.withThreads(2));
  private final Checkpoint checkpoint;
  private final ModelConfig config;
  private final Transformer network;
  private final KvPool pool;

  /** Rows of each network call. */
  final List<Integer> fedRows = new ArrayList<>();

  /** Rows of each network call that went through the vocabulary head. */
  final List<Integer> headRows = new ArrayList<>();

  /** Predictions that asked for an entropy. */
  int entropies;

  DirectDecoding(Path model, boolean shifted) {
    checkpoint = Checkpoints.open(model);
    ModelDescription description = Families.describe(checkpoint);
    config = shifted(description.config(), shifted);
    network = new Transformer(counting(), config, description.weights(), layer -> {});
    pool = new KvPool(device, config.layers(), config.heads(), 64L << 20);
  }

  private Device counting() {
    return (Device)
        Proxy.newProxyInstance(
            Device.class.getClassLoader(),
            new Class<?>[] {Device.class},
            (proxy, method, arguments) -> {
              switch (method.getName()) {
                case "embed" -> fedRows.add((int) arguments[2]);
                case "predict" -> {
                  headRows.add((int) arguments[1]);
                  PredictionRows wanted = (PredictionRows) arguments[3];
                  entropies +=
                      (int) IntStream.range(0, wanted.size()).filter(wanted::entropy).count();
                }
                default -> {}
              }
              try {
                return method.invoke(device, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  ModelConfig config() {
    return config;
  }

  KvPool pool() {
    return pool;
  }

  /** Decodes alone. */
  List<Revision> decode(DiffusionProcess process, RequestCache cache) {
    fedRows.clear();
    headRows.clear();
    entropies = 0;
    List<Revision> revisions = new ArrayList<>();
    CompletableFuture<Void> done = new CompletableFuture<>();
    try (Scheduler scheduler =
        new Scheduler(network::forward, config.shiftedLogits(), 10_000, 10)) {
      scheduler.submit(
          process,
          cache,
          Terms.DEFAULT,
          new RequestObserver() {
            @Override
            public void revised(Revision revision) {
              revisions.add(revision);
            }

            @Override
            public void finished() {
              done.complete(null);
            }

            @Override
            public void expired() {
              done.completeExceptionally(new TimeoutException());
            }

            @Override
            public void failed(Throwable cause) {
              done.completeExceptionally(cause);
            }

            @Override
            public boolean cancelled() {
              return false;
            }
          });
      done.join();
    }
    return revisions;
  }

  private static ModelConfig shifted(ModelConfig c, boolean shifted) {
    return new ModelConfig(
        c.family(),
        c.layers(),
        c.hidden(),
        c.ffn(),
        c.vocabulary(),
        c.heads(),
        c.rope(),
        c.mask(),
        c.normEpsilon(),
        c.qkNorm(),
        c.queryKeyValueBias(),
        c.outputBias(),
        c.tiedHead(),
        shifted,
        c.maxPositions(),
        c.maskToken(),
        c.endToken(),
        c.padToken());
  }

  @Override
  public void close() {
    pool.close();
    device.close();
    checkpoint.close();
  }
}
