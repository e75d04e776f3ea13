/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;

/**
 * The engine's network calls over a stretch of time, as its own flight-recorder events tell them:
 * nothing is added to its path.
 */
final class StepTimes {
  private static final String STEP = "dev.palimpsest.Step";

  /**
   * A network call.
   *
   * @param start when it began
   * @param nanos it took
   * @param sequences it fed
   * @param rows of tokens it fed
   * @param refreshes sequences among them that were fed whole, to refresh their cache
   */
  record Step(Instant start, long nanos, int sequences, int rows, int refreshes) {}

  private final List<Step> steps;

  private StepTimes(List<Step> steps) {
    this.steps = steps;
  }

  /** Records the network calls during {@code work}. */
  static StepTimes during(Runnable work) {
    try (Recording recording = new Recording()) {
      recording.enable(STEP).withoutThreshold().withoutStackTrace();
      recording.start();
      work.run();
      recording.stop();
      Path file = Files.createTempFile("palimpsest-steps", ".jfr");
      try {
        recording.dump(file);
        return new StepTimes(
            RecordingFile.readAllEvents(file).stream()
                .filter(event -> event.getEventType().getName().equals(STEP))
                .map(StepTimes::step)
                .sorted(Comparator.comparing(Step::start))
                .toList());
      } finally {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("the flight recording cannot be read: " + e, e);
    }
  }

  private static Step step(RecordedEvent event) {
    return new Step(
        event.getStartTime(),
        event.getDuration().toNanos(),
        event.getInt("sequences"),
        event.getInt("rows"),
        event.getInt("refreshes"));
  }

  int count() {
    return steps.size();
  }

  /** Calls that refreshed no cache; all of them without one. */
  Optional<Timings> blockSteps() {
    return timings(step -> step.refreshes() == 0);
  }

  /** Calls that refreshed the cache of at least one sequence. */
  Optional<Timings> refreshes() {
    return timings(step -> step.refreshes() > 0);
  }

  /** From the end of a call to the start of the next: what the scheduler adds to it. */
  Optional<Timings> between() {
    return timings(
        IntStream.range(1, steps.size())
            .mapToLong(
                i -> {
                  Step before = steps.get(i - 1);
                  Instant end = before.start().plusNanos(before.nanos());
                  return Duration.between(end, steps.get(i).start()).toNanos();
                }));
  }

  private Optional<Timings> timings(Predicate<Step> which) {
    return timings(steps.stream().filter(which).mapToLong(Step::nanos));
  }

  private static Optional<Timings> timings(LongStream nanos) {
    long[] times = nanos.toArray();
    return times.length == 0 ? Optional.empty() : Optional.of(new Timings(times));
  }
}
