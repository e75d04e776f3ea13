/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import dev.palimpsest.trainer.AdamW;
import dev.palimpsest.trainer.Checkpoint;
import dev.palimpsest.trainer.RowSource;
import dev.palimpsest.trainer.Settings;
import dev.palimpsest.trainer.Training;
import dev.palimpsest.trainer.Workers;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import tools.jackson.databind.json.JsonMapper;

/** Trains a {@link HybridNetwork} on the codes of a frozen {@link Autoencoder}. */
final class LatentTrainer implements Training {
  /** Bins of the log, by their upper ends in {@code ln(alpha / sigma)}; the last has none. */
  static final double[] BIN_ENDS = {-3, -2, -1.5, -1, -0.5, 0, 1};

  private static final double LOG_FORGET = 0.95;

  private final LatentSettings settings;
  private final Autoencoder autoencoder;
  private final HybridNetwork network;
  private final List<HybridNetwork> networks = new ArrayList<>();
  private final List<LatentLoss> losses = new ArrayList<>();
  private final List<Autoencoder> autoencoders = new ArrayList<>();
  private final Workers threads;
  private final AdamW optimiser;
  private final NoiseLevels levels;
  private final Optional<Adversary> adversary;
  private final RowSource source;
  private final RowSource heldOut;
  private final int heldOutRows;
  private final double[][] binSums = new double[4][BIN_ENDS.length + 1];
  private final double[][] binCounts = new double[4][BIN_ENDS.length + 1];
  private long step;

  /**
   * A run at its beginning.
   *
   * @param autoencoder the frozen VQ-VAE; it is not closed with this
   */
  LatentTrainer(
      LatentSettings settings,
      Autoencoder autoencoder,
      int workers,
      RowSource source,
      RowSource heldOut,
      int heldOutRows) {
    this.settings = settings;
    this.autoencoder = autoencoder;
    this.source = source;
    this.heldOut = heldOut;
    this.heldOutRows = heldOutRows;
    network = new HybridNetwork(settings.shape(), settings.seed(), settings.bf16(), true);
    networks.add(network);
    autoencoders.add(autoencoder);
    for (int w = 1; w < Math.min(workers, settings.batch()); w++) {
      networks.add(network.twin());
      autoencoders.add(autoencoder.twin());
    }
    for (int w = 0; w < networks.size(); w++) {
      losses.add(new LatentLoss(settings, networks.get(w), autoencoders.get(w)));
    }
    adversary =
        settings.adversarial() > 0
            ? Optional.of(
                new Adversary(
                    settings.shape(), settings.seed() + 1, settings.bf16(), networks.size()))
            : Optional.empty();
    threads = new Workers(networks.size());
    optimiser = new AdamW(network.parameters().flat());
    levels = NoiseLevels.of(settings);
  }

  /** Runs of these settings that begin with random weights. */
  static Course course(
      LatentSettings settings,
      Autoencoder autoencoder,
      int workers,
      RowSource source,
      RowSource heldOut,
      int heldOutRows) {
    return course(settings, autoencoder, workers, source, heldOut, heldOutRows, Optional.empty());
  }

  /**
   * Runs of these settings.
   *
   * @param initial weights that a new run begins with, in the order of the network's flat tensor;
   *     random ones if empty
   */
  static Course course(
      LatentSettings settings,
      Autoencoder autoencoder,
      int workers,
      RowSource source,
      RowSource heldOut,
      int heldOutRows,
      Optional<float[]> initial) {
    return new Course() {
      @Override
      public String title() {
        long size = FlatParameters.size(HybridNetwork.layout(settings.shape()));
        return String.format(
            Locale.ROOT,
            "a denoiser of %,d parameters, %.1f million multiply-adds a position",
            size,
            settings.shape().multiplyAdds() / 1e6);
      }

      @Override
      public boolean fromScratch() {
        return initial.isEmpty();
      }

      @Override
      public Training begin() {
        LatentTrainer trainer =
            new LatentTrainer(settings, autoencoder, workers, source, heldOut, heldOutRows);
        initial.ifPresent(trainer::beginWith);
        return trainer;
      }

      @Override
      public Resumed resume(Path file) throws IOException {
        Checkpoint from = Checkpoint.read(file);
        LatentSettings other = from.settings(LatentSettings.class);
        if (!other.equals(settings)) {
          throw new IOException(
              "the run in "
                  + file.getParent()
                  + " was started with "
                  + other
                  + " and cannot go on with "
                  + settings
                  + "; give the same options or another --work folder");
        }
        if (!Arrays.equals(from.require("codebook"), FlatParameters.copy(autoencoder.codebook()))) {
          throw new IOException(
              "the run in "
                  + file.getParent()
                  + " was started on another VQ-VAE; put that back or start anew");
        }
        LatentTrainer trainer =
            new LatentTrainer(settings, autoencoder, workers, source, heldOut, heldOutRows);
        trainer.load(from);
        return new Resumed(trainer, from.seconds());
      }
    };
  }

  private void beginWith(float[] weights) {
    network.parameters().load(weights);
    FlatParameters.fill(optimiser.average(), weights);
  }

  private void load(Checkpoint from) throws IOException {
    step = from.step();
    network.parameters().load(from.require("weights"));
    optimiser.load(from, "");
    levels.load(from.require("levels"));
    if (adversary.isPresent()) {
      adversary.get().load(from);
    }
  }

  @Override
  public void save(Path file, double seconds, double progress) {
    Map<String, float[]> tensors = new LinkedHashMap<>();
    tensors.put("weights", network.parameters().values());
    tensors.putAll(optimiser.state(""));
    tensors.put("levels", levels.state());
    tensors.put("codebook", FlatParameters.copy(autoencoder.codebook()));
    adversary.ifPresent(a -> tensors.putAll(a.state()));
    new Checkpoint(
            JsonMapper.shared().writeValueAsString(settings), step, seconds, progress, tensors)
        .write(file);
  }

  @Override
  public long step() {
    return step;
  }

  @Override
  public int tokensPerStep() {
    return settings.batch() * settings.shape().length();
  }

  @Override
  public Step train(double progress) {
    SplittableRandom random = RowSource.random(settings.seed(), step);
    double easier =
        settings.curriculum() > 0 ? Math.max(0, 1 - progress / settings.curriculum()) : 0;
    float[] times = levels.draw(settings.batch(), random.nextDouble(), easier);
    LatentBatch batch = LatentBatch.draw(settings, source, random, times);
    boolean selfConditioned = random.nextDouble() < settings.selfConditioning();
    boolean[] decoded = new boolean[settings.batch()];
    for (int r = 0; r < decoded.length; r++) {
      decoded[r] = settings.tokenLoss() > 0 && random.nextDouble() < settings.tokenShare();
    }
    Optional<Adversary> active = adversary.filter(a -> a.active(progress));
    List<LatentLoss.Part> parts = parts(batch, selfConditioned, decoded, true, active);
    double loss = parts.stream().mapToDouble(LatentLoss.Part::loss).sum();
    double rate =
        Settings.cosineRate(
            settings.rate(), settings.warmup(), settings.finalFraction(), step, progress);
    double norm;
    try (NoGradGuard _ = new NoGradGuard();
        PointerScope _ = new PointerScope()) {
      network
          .parameters()
          .gather(networks.stream().skip(1).map(HybridNetwork::parameters).toList());
      norm =
          optimiser.update(
              network.parameters().flat(),
              network.parameters().gradient(),
              network.parameters().matrixSize(),
              step,
              rate,
              settings.weightDecay(),
              settings.clip(),
              settings.averageDecay());
    }
    active.ifPresent(a -> a.update(diversity(parts)));
    observe(times, parts);
    step++;
    Map<String, Double> log = bins();
    adversary.filter(a -> progress >= Adversary.BEGIN).ifPresent(a -> log.putAll(a.log()));
    return new Step(loss, norm, rate, log);
  }

  private List<LatentLoss.Part> parts(
      LatentBatch batch,
      boolean selfConditioned,
      boolean[] decoded,
      boolean backward,
      Optional<Adversary> active) {
    LatentLoss.Totals totals = LatentLoss.Totals.of(batch, decoded);
    List<Callable<LatentLoss.Part>> work = new ArrayList<>();
    int n = networks.size();
    for (int w = 0; w < n; w++) {
      LatentLoss own = losses.get(w);
      int first = batch.rows() * w / n;
      int end = batch.rows() * (w + 1) / n;
      LatentBatch part = batch.part(first, end);
      boolean[] rows = Arrays.copyOfRange(decoded, first, end);
      int worker = w;
      Optional<LatentLoss.Opponent> opponent =
          active.map(
              a ->
                  new LatentLoss.Opponent(
                      a, worker, RowSource.random(settings.seed() + 2, step * n + worker)));
      work.add(() -> own.of(part, totals, selfConditioned, rows, backward, opponent));
    }
    return threads.all(work);
  }

  /** Entropy of the codes' mean prediction, in nats, a mean over the groups. */
  private double diversity(List<LatentLoss.Part> parts) {
    AutoencoderShape codes = settings.shape().latent();
    double[] sums = new double[codes.groups() * codes.codes()];
    for (LatentLoss.Part part : parts) {
      for (int i = 0; i < part.predicted().length; i++) {
        sums[i] += part.predicted()[i];
      }
    }
    double total = Arrays.stream(sums).sum() / codes.groups();
    double entropy = 0;
    for (double sum : sums) {
      entropy -= sum > 0 ? sum / total * Math.log(sum / total) : 0;
    }
    return entropy / codes.groups();
  }

  /** Tells the noise levels and the log what the rows lost. */
  private void observe(float[] times, List<LatentLoss.Part> parts) {
    for (int k = 0; k < binSums.length; k++) {
      for (int b = 0; b < binSums[k].length; b++) {
        binSums[k][b] *= LOG_FORGET;
        binCounts[k][b] *= LOG_FORGET;
      }
    }
    double[] rowLosses = new double[times.length];
    int row = 0;
    int seen = 0;
    float[] seenTimes = new float[times.length];
    for (LatentLoss.Part part : parts) {
      for (int r = 0; r < part.noise().length; r++, row++) {
        int bin = bin(settings.shape().path(), times[row]);
        for (int k = 0; k < binSums.length; k++) {
          binSums[k][bin] += part.sums()[k][r];
          binCounts[k][bin] += part.counts()[k][r];
        }
        if (part.noise()[r] > 0) {
          rowLosses[seen] =
              part.sums()[LatentLoss.Kind.CODE.ordinal()][r]
                  / part.counts()[LatentLoss.Kind.CODE.ordinal()][r];
          seenTimes[seen++] = times[row];
        }
      }
    }
    levels.observe(Arrays.copyOf(seenTimes, seen), Arrays.copyOf(rowLosses, seen));
  }

  static int bin(LatentPath path, double time) {
    double level = path.logSnr(Math.clamp(time, 1e-6, 1 - 1e-6));
    int bin = 0;
    while (bin < BIN_ENDS.length && level >= BIN_ENDS[bin]) {
      bin++;
    }
    return bin;
  }

  private Map<String, Double> bins() {
    Map<String, Double> log = new LinkedHashMap<>();
    for (LatentLoss.Kind kind : LatentLoss.Kind.values()) {
      for (int b = 0; b <= BIN_ENDS.length; b++) {
        double count = binCounts[kind.ordinal()][b];
        if (count > 0) {
          log.put(
              kind.name().toLowerCase(Locale.ROOT) + "_" + b, binSums[kind.ordinal()][b] / count);
        }
      }
    }
    return log;
  }

  /** The cross-entropy over codes and how many are right, on fixed rows at fixed times. */
  @Override
  public HeldOut evaluate() {
    float[] own = network.parameters().values();
    network.parameters().load(FlatParameters.copy(optimiser.average()));
    double[] sums = new double[BIN_ENDS.length + 1];
    double[] counts = new double[sums.length];
    double[] right = new double[sums.length];
    double[] noise = new double[sums.length];
    NoiseLevels fixed =
        new NoiseLevels(settings.shape().path(), settings.shape().latent().latent(), false);
    int chunk = Math.min(settings.batch(), heldOutRows);
    for (int c = 0; c < heldOutRows / chunk; c++) {
      SplittableRandom random = RowSource.random(0x5eed, c);
      float[] times = fixed.draw(chunk, random.nextDouble(), 0);
      LatentBatch batch = LatentBatch.draw(settings, heldOut, random, times);
      int row = 0;
      for (LatentLoss.Part part : parts(batch, true, new boolean[chunk], false, Optional.empty())) {
        for (int r = 0; r < part.noise().length; r++, row++) {
          int b = bin(settings.shape().path(), times[row]);
          sums[b] += part.sums()[LatentLoss.Kind.CODE.ordinal()][r];
          counts[b] += part.counts()[LatentLoss.Kind.CODE.ordinal()][r];
          right[b] += part.right()[r];
          noise[b] += part.noise()[r];
        }
      }
    }
    network.parameters().load(own);
    Map<String, Double> values = new LinkedHashMap<>();
    double loss = Arrays.stream(sums).sum() / Arrays.stream(counts).sum();
    double accuracy = Arrays.stream(right).sum() / Arrays.stream(noise).sum();
    values.put("held_out_codes", loss);
    values.put("held_out_accuracy", accuracy);
    StringBuilder text = new StringBuilder();
    for (int b = 0; b < sums.length; b++) {
      if (counts[b] > 0) {
        values.put("held_out_code_" + b, sums[b] / counts[b]);
        text.append(String.format(Locale.ROOT, " %.2f", sums[b] / counts[b]));
      }
    }
    return new HeldOut(
        values,
        String.format(
            Locale.ROOT,
            "%.4f nats/code, %.2f%% of positions right; by noise%s",
            loss,
            100 * accuracy,
            text));
  }

  HybridNetwork network() {
    return network;
  }

  @Override
  public void close() {
    threads.close();
    networks.subList(1, networks.size()).forEach(HybridNetwork::close);
    autoencoders.subList(1, autoencoders.size()).forEach(Autoencoder::close);
    adversary.ifPresent(Adversary::close);
    optimiser.close();
    network.close();
  }
}
