/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import com.sun.management.OperatingSystemMXBean;
import dev.palimpsest.bench.llamacpp.LlamaCpp;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/**
 * Two engines in turn on one machine. Each turn begins after a pause in which the other's threads
 * fall asleep, and what the other nevertheless takes of the processor is measured.
 */
final class Turns {
  /** Longer than either engine's threads wait for more work before they sleep. */
  private static final long PAUSE_NANOS = 100_000_000;

  private static final OperatingSystemMXBean SYSTEM =
      ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

  private final List<LlamaCpp> peers;
  private double ourWall;
  private double theirsMeanwhile;
  private double peerWall;
  private double oursMeanwhile;

  Turns(LlamaCpp... peers) {
    this.peers = List.of(peers);
  }

  /** Our turn. */
  <T> T ours(Supplier<T> work) {
    pause();
    long theirs = theirProcessorTime();
    long start = System.nanoTime();
    T result = work.get();
    ourWall += System.nanoTime() - start;
    theirsMeanwhile += theirProcessorTime() - theirs;
    return result;
  }

  /** A peer's turn. */
  <T> T theirs(Supplier<T> work) {
    pause();
    long ours = SYSTEM.getProcessCpuTime();
    long start = System.nanoTime();
    T result = work.get();
    peerWall += System.nanoTime() - start;
    oursMeanwhile += SYSTEM.getProcessCpuTime() - ours;
    return result;
  }

  /**
   * How much of one processor the sleeping engine took.
   *
   * @param peerInOurTurns the peer's processor time in our turns, over their length
   * @param oursInPeerTurns ours in the peer's turns, over their length
   */
  record Disturbance(double peerInOurTurns, double oursInPeerTurns) {
    /** For people. */
    String description() {
      return String.format(
          Locale.ROOT,
          "waiting for its turn the peer took %.1f %% of a processor, we %.1f %%",
          100 * peerInOurTurns,
          100 * oursInPeerTurns);
    }
  }

  Disturbance disturbance() {
    return new Disturbance(
        ourWall == 0 ? 0 : theirsMeanwhile / ourWall, peerWall == 0 ? 0 : oursMeanwhile / peerWall);
  }

  private static void pause() {
    long end = System.nanoTime() + PAUSE_NANOS;
    for (long left = PAUSE_NANOS; left > 0; left = end - System.nanoTime()) {
      LockSupport.parkNanos(left);
    }
  }

  private long theirProcessorTime() {
    return peers.stream().mapToLong(peer -> peer.processorTime().toNanos()).sum();
  }
}
