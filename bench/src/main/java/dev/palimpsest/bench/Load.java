/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.Engine;
import dev.palimpsest.GenerationRequest;
import dev.palimpsest.schedule.QueueFullException;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * Requests as they come to an engine, from clients on virtual threads.
 *
 * @param requests in all
 * @param concurrency most of them at a time: the next one comes when one is done
 * @param rate of independent (Poisson) arrivals, requests per second; 0 has them come as {@code
 *     concurrency} lets them
 */
record Load(int requests, int concurrency, double rate) {
  private static final Executor CLIENTS =
      task -> Thread.ofVirtual().name("palimpsest-client").start(task);

  /**
   * What a load amounted to.
   *
   * @param wallNanos from the first arrival to the last result
   * @param served those that were answered
   * @param rejected those that the engine's queue refused
   */
  record Outcome(long wallNanos, List<Served> served, int rejected) {
    int newTokens() {
      return served.stream().mapToInt(Served::newTokens).sum();
    }

    double tokensPerSecond() {
      return newTokens() / (wallNanos / 1e9);
    }
  }

  /** Puts the load on an engine and waits for its end; {@code seed} is that of the arrivals. */
  Outcome run(Engine engine, DecodeShape shape, long seed) {
    return run(engine, index -> shape.request(engine.config(), index), seed);
  }

  /**
   * As above, with any requests.
   *
   * @param asked request by number
   */
  Outcome run(Engine engine, IntFunction<GenerationRequest> asked, long seed) {
    long start = System.nanoTime();
    List<Optional<Served>> outcomes =
        rate > 0 ? arriving(engine, asked, seed, start) : queueing(engine, asked);
    long wall = System.nanoTime() - start;
    List<Served> served = outcomes.stream().flatMap(Optional::stream).toList();
    return new Outcome(wall, served, requests - served.size());
  }

  private List<Optional<Served>> queueing(Engine engine, IntFunction<GenerationRequest> asked) {
    Semaphore places = new Semaphore(concurrency);
    return await(
        IntStream.range(0, requests)
            .mapToObj(
                i -> {
                  places.acquireUninterruptibly();
                  return client(engine, asked, i, System.nanoTime())
                      .whenComplete((done, failure) -> places.release());
                })
            .toList());
  }

  /** A latency counts from the time a request was to come, however late its client started. */
  private List<Optional<Served>> arriving(
      Engine engine, IntFunction<GenerationRequest> asked, long seed, long start) {
    double[] arrivals = arrivals(seed);
    return await(
        IntStream.range(0, requests)
            .mapToObj(
                i -> {
                  long arrival = start + (long) (arrivals[i] * 1e9);
                  for (long left = arrival - System.nanoTime();
                      left > 0;
                      left = arrival - System.nanoTime()) {
                    LockSupport.parkNanos(left);
                  }
                  return client(engine, asked, i, arrival);
                })
            .toList());
  }

  /** Seconds after the start at which requests come; the first comes at once. */
  double[] arrivals(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    double[] arrivals = new double[requests];
    for (int i = 1; i < requests; i++) {
      arrivals[i] = arrivals[i - 1] - Math.log(1 - random.nextDouble()) / rate;
    }
    return arrivals;
  }

  private static CompletableFuture<Optional<Served>> client(
      Engine engine, IntFunction<GenerationRequest> asked, int index, long arrived) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            return Optional.of(Served.by(engine, asked.apply(index), arrived));
          } catch (QueueFullException refused) {
            return Optional.empty();
          }
        },
        CLIENTS);
  }

  private static <T> List<T> await(List<CompletableFuture<T>> futures) {
    try {
      return futures.stream().map(CompletableFuture::join).toList();
    } catch (CompletionException e) {
      throw e.getCause() instanceof RuntimeException cause ? cause : e;
    }
  }
}
