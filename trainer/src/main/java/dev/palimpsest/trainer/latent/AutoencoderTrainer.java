/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import dev.palimpsest.trainer.AdamW;
import dev.palimpsest.trainer.Checkpoint;
import dev.palimpsest.trainer.RowSource;
import dev.palimpsest.trainer.Settings;
import dev.palimpsest.trainer.TokenFile;
import dev.palimpsest.trainer.Training;
import dev.palimpsest.trainer.Workers;
import java.io.IOException;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import tools.jackson.databind.json.JsonMapper;

/**
 * Trains a {@link Autoencoder}: first without codes, so that what is encoded settles, then with
 * codes that begin as the clusters of it.
 */
final class AutoencoderTrainer implements Training {
  /**
   * What is left of the learning rate once there are codes: what the decoder begins with is good.
   */
  private static final double GENTLE = 0.3;

  private static final int REVIVE_EVERY = 25;

  /** Tokens of the corpus whose frequencies are counted. */
  private static final long COUNTED = 2_000_000;

  private static final int HELD_OUT_ROWS = 64;
  private static final int CHUNK = 16;

  private final AutoencoderSettings settings;
  private final Autoencoder network;
  private final List<Autoencoder> networks = new ArrayList<>();
  private final Workers threads;
  private final AdamW optimiser;
  private final Codebook codebook;
  private final RowSource source;
  private final TokenFile heldOut;
  private long step;
  private boolean quantized;

  AutoencoderTrainer(
      AutoencoderSettings settings, int workers, RowSource source, TokenFile heldOut) {
    this.settings = settings;
    this.source = source;
    this.heldOut = heldOut;
    network = new Autoencoder(settings.shape(), settings.seed(), settings.bf16(), true);
    networks.add(network);
    for (int w = 1; w < Math.min(workers, settings.batch()); w++) {
      networks.add(network.twin());
    }
    threads = new Workers(networks.size());
    optimiser = new AdamW(network.parameters().flat());
    codebook = new Codebook(settings.shape(), settings.codebookDecay(), network.codebook());
  }

  /** Runs of these settings. */
  static Course course(
      AutoencoderSettings settings, int workers, RowSource source, TokenFile heldOut) {
    return new Course() {
      @Override
      public String title() {
        long size = FlatParameters.size(Autoencoder.layout(settings.shape()));
        return String.format(Locale.ROOT, "a VQ-VAE of %,d parameters", size);
      }

      @Override
      public Training begin() {
        return new AutoencoderTrainer(settings, workers, source, heldOut);
      }

      @Override
      public Resumed resume(Path file) throws IOException {
        Checkpoint from = Checkpoint.read(file);
        AutoencoderSettings other = from.settings(AutoencoderSettings.class);
        if (!other.equals(settings)) {
          throw new IOException(
              "the VQ-VAE in "
                  + file.getParent()
                  + " was started with "
                  + other
                  + " and cannot go on with "
                  + settings
                  + "; give the same options or another --work folder");
        }
        AutoencoderTrainer trainer = new AutoencoderTrainer(settings, workers, source, heldOut);
        trainer.load(from);
        return new Resumed(trainer, from.seconds());
      }
    };
  }

  private void load(Checkpoint from) throws IOException {
    step = from.step();
    quantized = from.require("quantized")[0] == 1;
    network.parameters().load(from.require("weights"));
    optimiser.load(from, "");
    FlatParameters.fill(network.codebook(), from.require("codebook"));
    FlatParameters.fill(codebook.counts(), from.require("counts"));
    FlatParameters.fill(codebook.sums(), from.require("sums"));
  }

  @Override
  public void save(Path file, double seconds, double progress) {
    Map<String, float[]> tensors = new LinkedHashMap<>();
    tensors.put("weights", network.parameters().values());
    tensors.putAll(optimiser.state(""));
    tensors.put("codebook", FlatParameters.copy(network.codebook()));
    tensors.put("counts", FlatParameters.copy(codebook.counts()));
    tensors.put("sums", FlatParameters.copy(codebook.sums()));
    tensors.put("quantized", new float[] {quantized ? 1 : 0});
    new Checkpoint(
            JsonMapper.shared().writeValueAsString(settings), step, seconds, progress, tensors)
        .write(file);
  }

  /**
   * The averaged network of a checkpoint, not trainable.
   *
   * @param bf16 multiply in bfloat16
   */
  static Autoencoder trained(Path file, boolean bf16) throws IOException {
    Checkpoint from = Checkpoint.read(file);
    Autoencoder network =
        new Autoencoder(from.settings(AutoencoderSettings.class).shape(), 0, bf16, false);
    network.parameters().load(from.require("average"));
    FlatParameters.fill(network.codebook(), from.require("codebook"));
    return network;
  }

  @Override
  public long step() {
    return step;
  }

  @Override
  public int tokensPerStep() {
    return settings.batch() * settings.length();
  }

  /** What one part of a batch comes to. */
  private record Part(double tokens, double distance, Codebook.Usage usage, float[] encoded) {}

  @Override
  public Step train(double progress) {
    SplittableRandom random = RowSource.random(settings.seed() + 1, step);
    if (!quantized && progress >= settings.continuous()) {
      quantize(random);
      quantized = true;
    }
    AutoencoderBatch batch = AutoencoderBatch.draw(settings, source, step);
    double sum = 0;
    for (float w : batch.weights()) {
      sum += w;
    }
    double scale = 1 / sum;
    int n = networks.size();
    List<Callable<Part>> parts = new ArrayList<>();
    for (int w = 0; w < n; w++) {
      Autoencoder own = networks.get(w);
      AutoencoderBatch part = batch.part(settings.batch() * w / n, settings.batch() * (w + 1) / n);
      parts.add(() -> backward(own, part, scale));
    }
    List<Part> done = threads.all(parts);
    double tokens = done.stream().mapToDouble(Part::tokens).sum();
    double distance = done.stream().mapToDouble(Part::distance).sum();
    double rate =
        Settings.cosineRate(
                settings.rate(),
                settings.warmup(),
                AutoencoderSettings.FINAL_FRACTION,
                step,
                progress)
            * (quantized ? GENTLE : 1);
    double norm;
    try (NoGradGuard _ = new NoGradGuard();
        PointerScope _ = new PointerScope()) {
      network.parameters().gather(networks.stream().skip(1).map(Autoencoder::parameters).toList());
      norm =
          optimiser.update(
              network.parameters().flat(),
              network.parameters().gradient(),
              network.parameters().matrixSize(),
              step,
              rate,
              AutoencoderSettings.WEIGHT_DECAY,
              AutoencoderSettings.CLIP,
              settings.averageDecay());
    }
    Map<String, Double> log = new LinkedHashMap<>();
    log.put("token_loss", tokens);
    if (quantized) {
      log.put("commitment", distance);
      codebook.update(together(done));
      int moved = 0;
      // The last codes stay, so that the decoder has met them all.
      if (step % REVIVE_EVERY == 0 && progress < 0.8) {
        moved = codebook.revive(done.getFirst().encoded(), random);
      }
      log.put("revived", (double) moved);
    }
    step++;
    return new Step(tokens + settings.commitment() * distance, norm, rate, log);
  }

  private static Codebook.Usage together(List<Part> parts) {
    float[] counts = parts.getFirst().usage().counts().clone();
    float[] sums = parts.getFirst().usage().sums().clone();
    for (Part part : parts.subList(1, parts.size())) {
      for (int i = 0; i < counts.length; i++) {
        counts[i] += part.usage().counts()[i];
      }
      for (int i = 0; i < sums.length; i++) {
        sums[i] += part.usage().sums()[i];
      }
    }
    return new Codebook.Usage(counts, sums);
  }

  /** Gives the tokens codes, from what their embeddings have become, and starts from those. */
  private void quantize(SplittableRandom random) {
    AutoencoderShape shape = settings.shape();
    int tokens = shape.vocabulary();
    double[] frequencies = new double[tokens];
    long counted = Math.min(COUNTED, source.tokens().length());
    for (long i = 0; i < counted; i++) {
      frequencies[source.tokens().at(i)] += 1.0 / counted;
    }
    int[] all = new int[tokens];
    Arrays.setAll(all, i -> i);
    float[] known = new float[tokens];
    Arrays.fill(known, 1);
    float[] embeddings;
    try (NoGradGuard _ = new NoGradGuard();
        PointerScope _ = new PointerScope()) {
      // Every token is a text of its own here.
      embeddings = FlatParameters.copy(network.encode(all, known, tokens).contiguous());
    }
    CodeAssignment assignment = CodeAssignment.of(shape, embeddings, frequencies, random);
    network.begin(assignment, random);
    FlatParameters.fill(optimiser.average(), network.parameters().values());
    FlatParameters.fill(optimiser.moment1(), new float[(int) network.parameters().size()]);
    FlatParameters.fill(optimiser.moment2(), new float[(int) network.parameters().size()]);
    float[] use = new float[shape.groups() * shape.codes()];
    for (int token = 0; token < tokens; token++) {
      for (int g = 0; g < shape.groups(); g++) {
        use[g * shape.codes() + assignment.codes()[token][g]] +=
            (float) (frequencies[token] * tokensPerStep());
      }
    }
    codebook.begin(assignment, use);
  }

  private Part backward(Autoencoder network, AutoencoderBatch batch, double scale) {
    AutoencoderShape shape = settings.shape();
    int rows = batch.ids().length;
    long length = rows / batch.rows();
    long[] positions = new long[rows];
    long[] targets = new long[rows];
    float[] weights = new float[rows];
    int n = 0;
    for (int i = 0; i < rows; i++) {
      if (batch.weights()[i] > 0) {
        positions[n] = i;
        targets[n] = batch.ids()[i];
        weights[n++] = (float) (batch.weights()[i] * scale);
      }
    }
    try (PointerScope _ = new PointerScope()) {
      Tensor chosen = Tensor.create(Arrays.copyOf(positions, n));
      Tensor e =
          network
              .encode(batch.ids(), batch.known(), batch.rows())
              .view(rows, shape.groups(), shape.width());
      Tensor latents = e;
      Tensor distance = torch.zeros(1);
      Tensor entropy = torch.zeros(1);
      Codebook.Usage usage = new Codebook.Usage(new float[0], new float[0]);
      float[] encoded = new float[0];
      if (quantized) {
        Tensor own = e.detach();
        Tensor nearest = network.codes(own);
        Tensor known = Tensor.create(batch.known(), rows);
        usage = codebook.usage(own, nearest, known);
        encoded = FlatParameters.copy(own.contiguous());
        entropy = codebook.entropy(e);
        Tensor codes = network.latents(nearest).view(rows, shape.groups(), shape.width());
        // The gradient passes the codes as if they were what was encoded.
        latents = e.add(codes.sub(own));
        distance =
            e.sub(codes)
                .square()
                .mean(2)
                .mean(1)
                .mul(known)
                .sum()
                .mul(Layers.scalar(1.0 / (settings.batch() * length)));
      }
      Tensor swapped = Tensor.create(batch.wrong(), rows, shape.groups());
      if (quantized) {
        long[] others = Arrays.stream(batch.wrong()).mapToLong(k -> Math.max(0, k)).toArray();
        latents =
            torch.where(
                swapped.ge(Layers.scalar(0)).unsqueeze(2),
                network
                    .latents(Tensor.create(others, rows, shape.groups()))
                    .view(rows, shape.groups(), shape.width()),
                latents);
      }
      latents =
          latents
              .reshape(rows, shape.latent())
              .add(Tensor.create(batch.noise(), rows, shape.latent()))
              .mul(Tensor.create(batch.kept(), rows, 1))
              .view(batch.rows(), length, shape.latent());
      Tensor logits = network.decode(latents, chosen);
      Tensor tokens =
          torch
              .log_softmax(logits, 1)
              .gather(1, Tensor.create(Arrays.copyOf(targets, n)).unsqueeze(1))
              .squeeze(1)
              .mul(Tensor.create(Arrays.copyOf(weights, n)))
              .sum()
              .neg();
      tokens
          .add(distance.sum().mul(Layers.scalar(settings.commitment())))
          .sub(
              entropy
                  .sum()
                  .mul(Layers.scalar(settings.balance() * batch.rows() / settings.batch())))
          .backward();
      return new Part(tokens.item_float(), distance.sum().item_float(), usage, encoded);
    }
  }

  @Override
  public HeldOut evaluate() {
    Map<String, Double> values = new LinkedHashMap<>();
    if (!quantized) {
      return new HeldOut(values, "no codes yet");
    }
    float[] own = network.parameters().values();
    network.parameters().load(FlatParameters.copy(optimiser.average()));
    int[] ids =
        tokens(heldOut, (int) Math.min(heldOut.length(), HELD_OUT_ROWS * settings.length()));
    Gates gates = measure(network, settings.length(), ids, new int[0]);
    network.parameters().load(own);
    values.put("clean", gates.clean());
    values.put("noisy", gates.noisy());
    for (int g = 0; g < gates.perplexity().size(); g++) {
      values.put("perplexity_" + g, gates.perplexity().get(g));
    }
    return new HeldOut(values, gates.text());
  }

  /** The first tokens of a corpus. */
  static int[] tokens(TokenFile file, int count) {
    int[] ids = new int[count];
    for (int i = 0; i < count; i++) {
      ids[i] = file.at(i);
    }
    return ids;
  }

  /**
   * Measures a VQ-VAE against its gates.
   *
   * @param heldOut tokens to send through it
   * @param others tokens whose codes are counted as well when dead codes are looked for
   */
  static Gates measure(Autoencoder network, int length, int[] heldOut, int[] others) {
    AutoencoderShape shape = network.shape();
    long[] counts = new long[shape.groups() * shape.codes()];
    long[] right = new long[2];
    long seen = 0;
    for (int at = 0; at + length <= heldOut.length; at += CHUNK * length) {
      int rows = Math.min(CHUNK, (heldOut.length - at) / length);
      int[] ids = Arrays.copyOfRange(heldOut, at, at + rows * length);
      measureChunk(network, ids, rows, at, counts, right);
      seen += ids.length;
    }
    List<Double> perplexity = new ArrayList<>();
    for (int g = 0; g < shape.groups(); g++) {
      double entropy = 0;
      for (int k = 0; k < shape.codes(); k++) {
        double p = (double) counts[g * shape.codes() + k] / seen;
        entropy -= p == 0 ? 0 : p * Math.log(p);
      }
      perplexity.add(Math.exp(entropy));
    }
    for (int at = 0; at + length <= others.length; at += CHUNK * length) {
      int rows = Math.min(CHUNK, (others.length - at) / length);
      measureChunk(
          network, Arrays.copyOfRange(others, at, at + rows * length), rows, at, counts, null);
    }
    List<Integer> dead = new ArrayList<>();
    for (int g = 0; g < shape.groups(); g++) {
      int unused = 0;
      for (int k = 0; k < shape.codes(); k++) {
        unused += counts[g * shape.codes() + k] == 0 ? 1 : 0;
      }
      dead.add(unused);
    }
    return new Gates(
        seen, (double) right[0] / seen, (double) right[1] / seen, perplexity, dead, shape.codes());
  }

  private static void measureChunk(
      Autoencoder network, int[] ids, int rows, long seed, long[] counts, long[] right) {
    AutoencoderShape shape = network.shape();
    float[] known = new float[ids.length];
    Arrays.fill(known, 1);
    try (NoGradGuard _ = new NoGradGuard();
        PointerScope _ = new PointerScope()) {
      Tensor codes = network.codes(network.encode(ids, known, rows));
      LongBuffer host = codes.contiguous().createBuffer();
      for (int i = 0; i < ids.length * shape.groups(); i++) {
        counts[i % shape.groups() * shape.codes() + (int) host.get(i)]++;
      }
      if (right == null) {
        return;
      }
      Tensor latents = network.latents(codes).view(rows, ids.length / rows, shape.latent());
      float[] noise = new float[ids.length * shape.latent()];
      SplittableRandom random = RowSource.random(0x5eed, seed);
      for (int i = 0; i < noise.length; i++) {
        noise[i] = (float) (Gates.SIGMA * random.nextGaussian());
      }
      Tensor truth = Tensor.create(ids);
      Tensor all = torch.arange(Layers.scalar(ids.length)).to(torch.ScalarType.Long);
      Tensor noisy = latents.add(Tensor.create(noise, rows, ids.length / rows, shape.latent()));
      right[0] += same(network.decode(latents, all), truth);
      right[1] += same(network.decode(noisy, all), truth);
    }
  }

  private static long same(Tensor logits, Tensor truth) {
    return logits.argmax(new LongOptional(1), false).eq(truth).sum().item_long();
  }

  @Override
  public void close() {
    threads.close();
    networks.subList(1, networks.size()).forEach(Autoencoder::close);
    codebook.close();
    optimiser.close();
    network.close();
  }
}
