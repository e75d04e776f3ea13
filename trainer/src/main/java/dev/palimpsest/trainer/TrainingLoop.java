/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.LocalDateTime;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Runs a {@link Training} to its end: when to stop, the learning-rate clock, checkpoints, held-out
 * loss, the log and the progress line.
 *
 * <p>A folder holds a run: {@code checkpoint.safetensors} and {@code log.jsonl}. The process may be
 * ended by SIGTERM or Ctrl-C at any time; it finishes its step, writes a checkpoint and leaves, and
 * the next start goes on from there.
 */
public final class TrainingLoop {
  private static final JsonMapper JSON = JsonMapper.shared();

  /**
   * When a run ends. The first one given rules: a number of steps, a clock time, or minutes of
   * training. The learning rate reaches its end then, wherever the run was stopped in between.
   *
   * @param steps total steps, or 0
   * @param minutes total minutes of training time, over all resumes, or 0
   * @param until a moment, or null
   */
  public record Limit(long steps, double minutes, LocalDateTime until) {
    double progress(long step, double seconds) {
      if (steps > 0) {
        return (double) step / steps;
      }
      if (until != null) {
        double left = Math.max(0, Duration.between(LocalDateTime.now(), until).toMillis() / 1e3);
        return left == 0 ? 1 : seconds / (seconds + left);
      }
      return seconds / (minutes * 60);
    }
  }

  /** How often things happen, in steps. */
  public record Rhythm(int log, int evaluate, int checkpoint) {}

  private final Path folder;
  private final Training.Course course;
  private final Limit limit;
  private final Rhythm rhythm;
  private final PrintStream out;
  private final boolean terminal;
  private volatile boolean stop;

  /**
   * @param folder of the checkpoint and the log
   * @param out where progress is shown
   * @param terminal whether the progress line may be overwritten
   */
  public TrainingLoop(
      Path folder,
      Training.Course course,
      Limit limit,
      Rhythm rhythm,
      PrintStream out,
      boolean terminal) {
    this.folder = folder;
    this.course = course;
    this.limit = limit;
    this.rhythm = rhythm;
    this.out = out;
    this.terminal = terminal;
  }

  /** Where a run keeps its checkpoint. */
  public static Path checkpointFile(Path folder) {
    return folder.resolve("checkpoint.safetensors");
  }

  /** Where a run keeps its log: one JSON object a line. */
  public static Path logFile(Path folder) {
    return folder.resolve("log.jsonl");
  }

  /** Asks the run to stop after the step it is at. */
  public void stop() {
    stop = true;
  }

  /**
   * Trains until the limit or {@link #stop}.
   *
   * @return whether the limit was reached
   * @throws IOException when a checkpoint of other settings lies in the folder
   */
  public boolean run() throws IOException {
    Files.createDirectories(folder);
    CountDownLatch finished = new CountDownLatch(1);
    Thread hook =
        new Thread(
            () -> {
              stop();
              try {
                finished.await(60, TimeUnit.SECONDS);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    Runtime.getRuntime().addShutdownHook(hook);
    try {
      return resumeAndLoop();
    } finally {
      finished.countDown();
      try {
        Runtime.getRuntime().removeShutdownHook(hook);
      } catch (IllegalStateException e) {
        out.println("stopped by a signal; the checkpoint is written");
      }
    }
  }

  private boolean resumeAndLoop() throws IOException {
    if (!Files.isRegularFile(checkpointFile(folder))) {
      trimLog(0);
      out.printf(
          Locale.ROOT,
          "training %s from %s%n",
          course.title(),
          course.fromScratch() ? "scratch" : "the weights of a model");
      try (Training training = course.begin()) {
        return loop(training, 0);
      }
    }
    Training.Resumed from = course.resume(checkpointFile(folder));
    try (Training training = from.training()) {
      trimLog(training.step());
      out.printf(
          Locale.ROOT,
          "resuming at step %d after %.1f min%n",
          training.step(),
          from.seconds() / 60);
      return loop(training, from.seconds());
    }
  }

  private boolean loop(Training trainer, double seconds) throws IOException {
    ArrayDeque<Double> recent = new ArrayDeque<>();
    double loss = 0;
    double since = 0;
    int averaged = 0;
    int tokens = trainer.tokensPerStep();
    Map<String, Double> parts = new LinkedHashMap<>();
    double progress = limit.progress(trainer.step(), seconds);
    long saved = trainer.step();
    while (!stop && progress < 1) {
      long start = System.nanoTime();
      Training.Step done = trainer.train(progress);
      double took = (System.nanoTime() - start) / 1e9;
      // A process that was suspended in mid-step has not trained meanwhile.
      double counted = recent.size() < 8 ? took : Math.min(took, 5 * median(recent));
      recent.addLast(took);
      if (recent.size() > 31) {
        recent.removeFirst();
      }
      if (!Double.isFinite(done.loss())) {
        throw new IOException(
            "the loss became "
                + done.loss()
                + " at step "
                + trainer.step()
                + "; start anew with a lower --rate");
      }
      seconds += counted;
      since += counted;
      loss += done.loss();
      averaged++;
      done.parts().forEach((name, value) -> parts.merge(name, value, Double::sum));
      progress = limit.progress(trainer.step(), seconds);
      long step = trainer.step();
      boolean last = stop || progress >= 1;
      if (step % rhythm.log() == 0 || last) {
        double speed = averaged * tokens / since;
        int steps = averaged;
        parts.replaceAll((_, sum) -> sum / steps);
        append(
            "{\"step\":%d,\"tokens\":%d,\"loss\":%.5f,\"rate\":%.4g,\"norm\":%.4f%s,\"tokens_per_second\":%.0f,\"seconds\":%.1f}",
            step,
            step * tokens,
            loss / averaged,
            done.rate(),
            done.gradientNorm(),
            fields(parts),
            speed,
            seconds);
        parts.clear();
        show(step, progress, loss / averaged, done.rate(), speed, seconds);
        loss = 0;
        since = 0;
        averaged = 0;
      }
      if (step % rhythm.evaluate() == 0 || last) {
        long evaluation = System.nanoTime();
        Training.HeldOut held = trainer.evaluate();
        seconds += Math.min((System.nanoTime() - evaluation) / 1e9, 60);
        append(
            "{\"step\":%d,\"tokens\":%d%s,\"seconds\":%.1f}",
            step, step * tokens, fields(held.values()), seconds);
        out.printf(Locale.ROOT, "%sheld-out: %s%n", terminal ? "\n" : "", held.text());
      }
      if (step % rhythm.checkpoint() == 0 || last) {
        trainer.save(checkpointFile(folder), seconds, progress);
        saved = step;
      }
    }
    // Somebody asked for the end after the step had been found not to be the last.
    if (trainer.step() != saved) {
      trainer.save(checkpointFile(folder), seconds, progress);
    }
    return progress >= 1;
  }

  private static String fields(Map<String, Double> values) {
    StringBuilder json = new StringBuilder();
    values.forEach((name, v) -> json.append(String.format(Locale.ROOT, ",\"%s\":%.5f", name, v)));
    return json.toString();
  }

  private static double median(ArrayDeque<Double> values) {
    return values.stream()
        .mapToDouble(Double::doubleValue)
        .sorted()
        .skip(values.size() / 2)
        .findFirst()
        .orElse(0);
  }

  private void show(
      long step, double progress, double loss, double rate, double speed, double seconds) {
    int width = 24;
    int full = (int) Math.round(Math.min(1, progress) * width);
    double left = progress <= 0 ? 0 : seconds * (1 - progress) / progress;
    String line =
        String.format(
            Locale.ROOT,
            "[%s%s] %5.1f%% step %d loss %.4f rate %.2e %,.0f tok/s %s left",
            "#".repeat(full),
            ".".repeat(width - full),
            100 * Math.min(1, progress),
            step,
            loss,
            rate,
            speed,
            clock(left));
    out.print(terminal ? "\r" + line : line + "\n");
    out.flush();
  }

  private static String clock(double seconds) {
    long s = Math.max(0, Math.round(seconds));
    return String.format(Locale.ROOT, "%d:%02d:%02d", s / 3600, s / 60 % 60, s % 60);
  }

  private void append(String format, Object... values) throws IOException {
    Files.writeString(
        logFile(folder),
        String.format(Locale.ROOT, format, values) + "\n",
        StandardOpenOption.CREATE,
        StandardOpenOption.APPEND);
  }

  /** Drops what was logged after the checkpoint, so that no step is told twice. */
  private void trimLog(long step) throws IOException {
    Path log = logFile(folder);
    if (!Files.isRegularFile(log)) {
      return;
    }
    List<String> kept = new ArrayList<>();
    for (String line : Files.readAllLines(log)) {
      JsonNode node = JSON.readTree(line);
      if (node.get("step").asLong() <= step) {
        kept.add(line);
      }
    }
    Path part = log.resolveSibling("log.jsonl.part");
    Files.write(part, kept);
    Files.move(part, log, StandardCopyOption.REPLACE_EXISTING);
  }
}
