/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;

/**
 * The threads that share a batch. Each takes a part of it through the network alone, with one
 * thread of libtorch: that needs one meeting a step where threads inside each operation would meet
 * thousands of times.
 */
public final class Workers implements AutoCloseable {
  private final ExecutorService threads;

  /**
   * @param count threads
   */
  public Workers(int count) {
    // OpenBLAS would wait with threads of its own, spinning, after every small product.
    openblas_nolapack.blas_set_num_threads(1);
    // libtorch's thread count belongs to the thread that sets it.
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

  /** Runs all parts at once; the results in the order of the parts. */
  public <T> List<T> all(List<Callable<T>> parts) {
    List<Future<T>> futures = new ArrayList<>();
    for (Callable<T> part : parts) {
      futures.add(threads.submit(part));
    }
    List<T> results = new ArrayList<>();
    for (Future<T> future : futures) {
      results.add(join(future));
    }
    return results;
  }

  private static <T> T join(Future<T> future) {
    try {
      return future.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted in the middle of a step", e);
    } catch (ExecutionException e) {
      throw new IllegalStateException("a step failed: " + e.getCause().getMessage(), e.getCause());
    }
  }

  @Override
  public void close() {
    threads.shutdown();
  }
}
