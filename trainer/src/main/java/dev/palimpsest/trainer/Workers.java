/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;

/**
 * The threads that share a batch. Each takes a part of it through the network alone, with one
 * thread of libtorch: that needs one meeting a step where threads inside each operation would meet
 * thousands of times.
 *
 * <p>From the first step on, the JVM does not end before they are closed: its end destroys
 * libtorch's global objects, and a backward pass that is still at work then reads them and crashes.
 */
public final class Workers implements AutoCloseable {
  /** How long an ending JVM waits for the step it is at, and for what its owner does then. */
  private static final long LAST_STEP_SECONDS = 60;

  private final ExecutorService threads;
  private final CountDownLatch closed = new CountDownLatch(1);
  private final Thread untilClosed = new Thread(this::awaitClose);
  private boolean keepsJvm;

  /**
   * @param count threads
   */
  public Workers(int count) {
    // OpenBLAS would wait with threads of its own, spinning, after every small product.
    openblas_nolapack.blas_set_num_threads(1);
    // libtorch's thread count belongs to the thread that sets it. A second one here would be waited
    // for in every operation of the optimiser, however busy the machine is.
    torch.set_num_threads(1);
    threads =
        Executors.newFixedThreadPool(
            count,
            work ->
                Thread.ofPlatform()
                    .daemon()
                    .name("trainer")
                    .unstarted(
                        () -> {
                          torch.set_num_threads(1);
                          work.run();
                        }));
  }

  /**
   * Runs all parts at once and waits for all of them; the results in the order of the parts.
   *
   * @throws IllegalStateException when a part failed, or when the JVM is ending
   */
  public <T> List<T> all(List<Callable<T>> parts) {
    if (!keepsJvm) {
      Runtime.getRuntime().addShutdownHook(untilClosed);
      keepsJvm = true;
    }
    List<T> results = new ArrayList<>();
    try {
      for (Future<T> part : threads.invokeAll(parts)) {
        results.add(part.get());
      }
      return results;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted in the middle of a step", e);
    } catch (ExecutionException e) {
      throw new IllegalStateException("a step failed: " + e.getCause().getMessage(), e.getCause());
    }
  }

  private void awaitClose() {
    try {
      closed.await(LAST_STEP_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Waits for what still runs: nothing it works on may be freed before. */
  @Override
  public void close() {
    threads.close();
    closed.countDown();
    try {
      Runtime.getRuntime().removeShutdownHook(untilClosed);
    } catch (IllegalStateException e) {
      // The JVM is ending, and no longer waits for these threads.
    }
  }
}
