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
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import tools.jackson.databind.json.JsonMapper;

/**
 * One round of progressive distillation (Salimans and Ho 2022, arXiv 2202.00512): a student learns
 * to go in one call where its teacher goes in two.
 *
 * <p>Two deterministic steps of a network that predicts codes come to one step with a mixture of
 * both predictions, whose shares follow from the two steps alone. So what the student learns is a
 * distribution over codes again, by cross-entropy.
 */
final class DistillTrainer implements Training {
  private static final int WARMUP = 20;
  private static final double FINAL_FRACTION = 0.05;

  private final DistillSettings settings;
  private final Autoencoder autoencoder;
  private final List<Autoencoder> autoencoders = new ArrayList<>();
  private final HybridNetwork student;
  private final List<HybridNetwork> students = new ArrayList<>();
  private final List<HybridNetwork> teachers = new ArrayList<>();
  private final Workers threads;
  private final AdamW optimiser;
  private final RowSource source;
  private final RowSource heldOut;
  private final int heldOutRows;
  private long step;

  /**
   * A round at its beginning; the student starts as its teacher.
   *
   * @param teacher all parameters of the denoiser
   */
  DistillTrainer(
      DistillSettings settings,
      Autoencoder autoencoder,
      float[] teacher,
      int workers,
      RowSource source,
      RowSource heldOut,
      int heldOutRows) {
    this.settings = settings;
    this.autoencoder = autoencoder;
    this.source = source;
    this.heldOut = heldOut;
    this.heldOutRows = heldOutRows;
    LatentSettings base = settings.base();
    student = new HybridNetwork(base.shape(), 0, base.bf16(), true);
    student.parameters().load(teacher);
    HybridNetwork fixed = new HybridNetwork(base.shape(), 0, base.bf16(), false);
    fixed.parameters().load(teacher);
    for (int w = 0; w < Math.clamp(workers, 1, base.batch()); w++) {
      students.add(w == 0 ? student : student.twin());
      teachers.add(w == 0 ? fixed : fixed.twin());
      autoencoders.add(w == 0 ? autoencoder : autoencoder.twin());
    }
    threads = new Workers(students.size());
    optimiser = new AdamW(student.parameters().flat());
  }

  /** Rounds of these settings. */
  static Course course(
      DistillSettings settings,
      Autoencoder autoencoder,
      float[] teacher,
      int workers,
      RowSource source,
      RowSource heldOut,
      int heldOutRows) {
    return new Course() {
      @Override
      public String title() {
        return String.format(
            Locale.ROOT,
            "a student of %d calls on a teacher of %d, not",
            settings.grid().size() / 2,
            settings.grid().size());
      }

      @Override
      public Training begin() {
        return new DistillTrainer(
            settings, autoencoder, teacher, workers, source, heldOut, heldOutRows);
      }

      @Override
      public Resumed resume(Path file) throws IOException {
        Checkpoint from = Checkpoint.read(file);
        if (!from.settings(DistillSettings.class).equals(settings)) {
          throw new IOException(
              "the round in "
                  + file.getParent()
                  + " was started with other settings or another teacher; remove that folder to"
                  + " start it anew");
        }
        DistillTrainer trainer =
            new DistillTrainer(
                settings, autoencoder, teacher, workers, source, heldOut, heldOutRows);
        trainer.step = from.step();
        trainer.student.parameters().load(from.require("weights"));
        trainer.optimiser.load(from, "");
        return new Resumed(trainer, from.seconds());
      }
    };
  }

  @Override
  public void save(Path file, double seconds, double progress) {
    Map<String, float[]> tensors = new LinkedHashMap<>();
    tensors.put("weights", student.parameters().values());
    tensors.putAll(optimiser.state(""));
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
    return settings.base().batch() * settings.base().shape().length();
  }

  /** The shares of the first and the second prediction in what two steps come to. */
  static double[] shares(LatentPath path, double first, double second, double end) {
    double keep1 = path.sigma(second) / path.sigma(first);
    double toward1 = path.alpha(second) - keep1 * path.alpha(first);
    double keep2 = path.sigma(end) / path.sigma(second);
    double toward2 = path.alpha(end) - keep2 * path.alpha(second);
    double whole = keep2 * toward1 + toward2;
    return new double[] {keep2 * toward1 / whole, toward2 / whole};
  }

  @Override
  public Step train(double progress) {
    SplittableRandom random = RowSource.random(settings.base().seed() + 7, step);
    int calls = settings.grid().size() / 2;
    int[] call = new int[settings.base().batch()];
    double shift = random.nextDouble();
    for (int r = 0; r < call.length; r++) {
      call[r] = (int) ((r + shift) / call.length * calls) % calls;
    }
    boolean selfConditioned = random.nextDouble() < settings.base().selfConditioning();
    LatentBatch batch =
        LatentBatch.draw(settings.base(), source, random, times(settings.grid(), call));
    double loss = all(batch, call, selfConditioned, true);
    double rate = Settings.cosineRate(settings.rate(), WARMUP, FINAL_FRACTION, step, progress);
    double norm;
    try (NoGradGuard _ = new NoGradGuard();
        PointerScope _ = new PointerScope()) {
      student
          .parameters()
          .gather(students.stream().skip(1).map(HybridNetwork::parameters).toList());
      norm =
          optimiser.update(
              student.parameters().flat(),
              student.parameters().gradient(),
              student.parameters().matrixSize(),
              step,
              rate,
              0,
              settings.base().clip(),
              settings.averageDecay());
    }
    step++;
    return new Step(loss, norm, rate, Map.of());
  }

  private static float[] times(List<Double> grid, int[] call) {
    float[] times = new float[call.length];
    for (int r = 0; r < call.length; r++) {
      times[r] = grid.get(2 * call[r]).floatValue();
    }
    return times;
  }

  private double all(LatentBatch batch, int[] call, boolean selfConditioned, boolean backward) {
    int supervised = Math.max(1, batch.supervised());
    List<Callable<Double>> work = new ArrayList<>();
    int n = students.size();
    for (int w = 0; w < n; w++) {
      int first = batch.rows() * w / n;
      int end = batch.rows() * (w + 1) / n;
      LatentBatch part = batch.part(first, end);
      int[] own = Arrays.copyOfRange(call, first, end);
      int worker = w;
      work.add(() -> loss(worker, part, own, selfConditioned, backward, 1.0 / supervised));
    }
    return threads.all(work).stream().mapToDouble(Double::doubleValue).sum();
  }

  private double loss(
      int worker,
      LatentBatch batch,
      int[] call,
      boolean selfConditioned,
      boolean backward,
      double scale) {
    AutoencoderShape codes = settings.base().shape().latent();
    HybridNetwork teacher = teachers.get(worker);
    int rows = batch.rows();
    int length = batch.ids().length / rows;
    long[] positions = new long[batch.supervised()];
    for (int i = 0, n = 0; i < batch.ids().length; i++) {
      if (batch.isSupervised(i)) {
        positions[n++] = i;
      }
    }
    if (positions.length == 0) {
      return 0;
    }
    // Gradients are on or off for a thread; a caller's guard says nothing here.
    try (AutoGradMode _ = new AutoGradMode(backward);
        PointerScope _ = new PointerScope()) {
      LatentInputs inputs =
          LatentInputs.of(batch, autoencoders.get(worker), settings.base().shape().path());
      Tensor chosen = Tensor.create(positions);
      Tensor known;
      Tensor goal;
      try (NoGradGuard _ = new NoGradGuard()) {
        known = inputs.own();
        if (selfConditioned) {
          Tensor before = logits(teacher, batch, inputs.z(), known, inputs.times(), chosen);
          known = known.add(atNoise(batch, positions, chosen, codes, before));
        }
        goal = goal(teacher, batch, call, inputs, known, positions, chosen);
      }
      Tensor logits =
          students
              .get(worker)
              .logits(
                  inputs.z(),
                  known.view(rows, length, codes.latent()),
                  batch.states(),
                  inputs.times(),
                  chosen);
      Tensor loss =
          torch
              .log_softmax(HybridNetwork.codeLogits(codes, logits), 2)
              .mul(goal)
              .sum()
              .mul(Layers.scalar(-scale / codes.groups()));
      Tensor quality = HybridNetwork.quality(codes, logits);
      Tensor right = right(batch, inputs, positions, chosen, logits);
      loss =
          loss.add(
              torch
                  .log_sigmoid(quality.mul(right.mul(Layers.scalar(2)).sub(Layers.scalar(1))))
                  .sum()
                  .mul(Layers.scalar(-scale * settings.base().qualityLoss())));
      if (backward) {
        loss.backward();
      }
      return loss.item_float();
    }
  }

  private static Tensor logits(
      HybridNetwork network,
      LatentBatch batch,
      Tensor z,
      Tensor known,
      Times times,
      Tensor chosen) {
    int latent = network.shape().latent().latent();
    return network.logits(z, known.view(batch.rows(), -1, latent), batch.states(), times, chosen);
  }

  /** The expected latents of logits at noise positions, [rows · length, latent]. */
  private Tensor atNoise(
      LatentBatch batch, long[] positions, Tensor chosen, AutoencoderShape codes, Tensor logits) {
    Tensor expected =
        HybridNetwork.expected(codes, logits, autoencoder.codebook(), settings.temperature());
    return torch
        .zeros(batch.ids().length, codes.latent())
        .index_copy(0, chosen, expected.mul(isNoise(batch, positions)));
  }

  private static Tensor isNoise(LatentBatch batch, long[] positions) {
    float[] noise = new float[positions.length];
    for (int i = 0; i < noise.length; i++) {
      noise[i] = batch.state((int) positions[i]) == NoiseState.NOISE ? 1 : 0;
    }
    return Tensor.create(noise, noise.length, 1);
  }

  /**
   * What the student is to predict [positions, groups, codes]: the mixture of the teacher's two
   * predictions at noise, the right codes at what is written.
   */
  private Tensor goal(
      HybridNetwork teacher,
      LatentBatch batch,
      int[] call,
      LatentInputs inputs,
      Tensor known,
      long[] positions,
      Tensor chosen) {
    AutoencoderShape codes = settings.base().shape().latent();
    LatentPath path = settings.base().shape().path();
    List<Double> grid = settings.grid();
    int n = batch.ids().length;
    int length = n / batch.rows();
    float[] keep = new float[n];
    float[] toward = new float[n];
    float[] times = new float[n];
    float[] share = new float[positions.length];
    for (int i = 0; i < n; i++) {
      int at = 2 * call[i / length];
      double now = grid.get(at);
      double next = grid.get(at + 1);
      boolean noise = batch.state(i) == NoiseState.NOISE;
      double ratio = path.sigma(next) / path.sigma(now);
      keep[i] = noise ? (float) ratio : 1;
      toward[i] = noise ? (float) (path.alpha(next) - ratio * path.alpha(now)) : 0;
      boolean shown = batch.state(i) == NoiseState.GIVEN || batch.state(i) == NoiseState.WRITTEN;
      times[i] = shown ? 1 : (float) next;
    }
    for (int i = 0; i < positions.length; i++) {
      int at = 2 * call[(int) positions[i] / length];
      double end = at + 2 < grid.size() ? grid.get(at + 2) : 1;
      share[i] = (float) shares(path, grid.get(at), grid.get(at + 1), end)[0];
    }
    Tensor first = logits(teacher, batch, inputs.z(), known, inputs.times(), chosen);
    Tensor expected = atNoise(batch, positions, chosen, codes, first);
    Tensor z =
        inputs
            .z()
            .view(n, codes.latent())
            .mul(Tensor.create(keep, n, 1))
            .add(expected.mul(Tensor.create(toward, n, 1)))
            .view(batch.rows(), length, codes.latent());
    Tensor second =
        logits(
            teacher, batch, z, inputs.own().add(expected), Times.of(times, batch.rows()), chosen);
    Tensor shares = Tensor.create(share, positions.length, 1, 1);
    Scalar sharper = Layers.scalar(1 / settings.temperature());
    Tensor p1 = torch.softmax(HybridNetwork.codeLogits(codes, first).mul(sharper), 2);
    Tensor p2 = torch.softmax(HybridNetwork.codeLogits(codes, second).mul(sharper), 2);
    Tensor mixed = p2.add(p1.sub(p2).mul(shares));
    Tensor truth =
        Layers.f32(torch.one_hot(inputs.targets().index_select(0, chosen), codes.codes()));
    Tensor noise = isNoise(batch, positions).unsqueeze(2);
    return truth.add(mixed.sub(truth).mul(noise));
  }

  private Tensor right(
      LatentBatch batch, LatentInputs inputs, long[] positions, Tensor chosen, Tensor logits) {
    AutoencoderShape codes = settings.base().shape().latent();
    return Layers.f32(
        LatentLoss.right(
            batch,
            inputs,
            positions,
            chosen,
            HybridNetwork.codeLogits(codes, logits),
            inputs.targets().index_select(0, chosen)));
  }

  /** The student's loss on fixed held-out rows, averaged weights. */
  @Override
  public HeldOut evaluate() {
    float[] own = student.parameters().values();
    student.parameters().load(FlatParameters.copy(optimiser.average()));
    double loss = 0;
    int chunk = Math.min(settings.base().batch(), heldOutRows);
    int calls = settings.grid().size() / 2;
    for (int c = 0; c < heldOutRows / chunk; c++) {
      int[] call = new int[chunk];
      for (int r = 0; r < chunk; r++) {
        call[r] = r * calls / chunk;
      }
      LatentBatch batch =
          LatentBatch.draw(
              settings.base(), heldOut, RowSource.random(0x5eed, c), times(settings.grid(), call));
      loss += all(batch, call, true, false) / (heldOutRows / chunk);
    }
    student.parameters().load(own);
    Map<String, Double> values = new LinkedHashMap<>();
    values.put("held_out_codes", loss);
    return new HeldOut(values, String.format(Locale.ROOT, "%.4f nats/code of the teacher's", loss));
  }

  HybridNetwork student() {
    return student;
  }

  @Override
  public void close() {
    threads.close();
    students.subList(1, students.size()).forEach(HybridNetwork::close);
    teachers.reversed().forEach(HybridNetwork::close);
    autoencoders.subList(1, autoencoders.size()).forEach(Autoencoder::close);
    optimiser.close();
    student.close();
  }
}
