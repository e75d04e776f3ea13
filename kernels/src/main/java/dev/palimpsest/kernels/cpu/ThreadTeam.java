/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Threads that share the tasks of one job at a time. The caller works too, as worker 0. Tasks must
 * not depend on each other; which worker takes which is left to chance, so a task may use its
 * worker's number only to find scratch memory.
 *
 * <p>Workers wait for the next job by spinning for a while (ops follow each other within
 * microseconds) and then sleep. Used by one caller at a time.
 */
final class ThreadTeam implements AutoCloseable {
  /** A job of numbered tasks. */
  interface Job {
    void run(int task, int worker);
  }

  /** Longer than the gaps between the ops of a step, short enough to leave an idle machine idle. */
  private static final long SPIN_NANOS = 150_000;

  private final Worker[] workers;

  /** Generation in the upper half, tasks not yet taken in the lower. */
  private final AtomicLong ticket = new AtomicLong();

  private final AtomicInteger finished = new AtomicInteger();
  private Job job;
  private int generation;
  private volatile boolean closed;
  private Throwable failure;
  private int failedTask;

  ThreadTeam(int threads) {
    workers = new Worker[threads - 1];
    for (int i = 0; i < workers.length; i++) {
      workers[i] = new Worker(i + 1);
      workers[i].start();
    }
  }

  /** Threads in the team, the caller's among them. */
  int size() {
    return workers.length + 1;
  }

  /**
   * Into how many rows to cut a job of {@code rows} rows: one task if all of it is little work,
   * else tasks of equal size, the same number for each thread.
   *
   * @param width work of a row
   * @param most work of a task, about
   * @return rows of every task but perhaps the last; at least 1
   */
  int rowsOfTask(int rows, int width, int most) {
    long tasks = ((long) rows * width + most - 1) / most;
    if (tasks > 1) {
      tasks = (tasks + size() - 1) / size() * size();
    }
    return (int) Math.max(1, (rows + tasks - 1) / Math.max(1, tasks));
  }

  /**
   * Runs tasks {@code 0 .. tasks - 1} and returns when all are done. If tasks throw, the exception
   * of the lowest one is rethrown, after all have ended.
   */
  void run(Job job, int tasks) {
    if (tasks <= 1 || workers.length == 0) {
      for (int i = 0; i < tasks; i++) {
        job.run(i, 0);
      }
      return;
    }
    if (closed) {
      throw new IllegalStateException("the thread team is closed");
    }
    this.job = job;
    finished.set(0);
    ticket.set(((long) ++generation << 32) | tasks);
    for (Worker worker : workers) {
      if (worker.asleep) {
        LockSupport.unpark(worker);
      }
    }
    work(0);
    for (int spins = 0; finished.get() < tasks; spins++) {
      if (spins < 20_000) {
        Thread.onSpinWait();
      } else {
        Thread.yield();
      }
    }
    this.job = null;
    if (failure != null) {
      Throwable t = failure;
      failure = null;
      switch (t) {
        case RuntimeException e -> throw e;
        case Error e -> throw e;
        default -> throw new IllegalStateException("a task failed", t);
      }
    }
  }

  private void work(int worker) {
    for (; ; ) {
      long t = ticket.get();
      int left = (int) t;
      if (left == 0) {
        return;
      }
      // Success proves that this generation still has untaken tasks, so that `job` is its job.
      if (ticket.compareAndSet(t, t - 1)) {
        int task = left - 1;
        try {
          job.run(task, worker);
        } catch (Throwable e) {
          fail(task, e);
        }
        finished.incrementAndGet();
      }
    }
  }

  private synchronized void fail(int task, Throwable e) {
    if (failure == null || task < failedTask) {
      failure = e;
      failedTask = task;
    }
  }

  private final class Worker extends Thread {
    private final int index;
    private volatile boolean asleep;

    Worker(int index) {
      super("palimpsest-cpu-" + index);
      this.index = index;
      setDaemon(true);
    }

    @Override
    public void run() {
      while (!closed) {
        long deadline = System.nanoTime() + SPIN_NANOS;
        while ((int) ticket.get() == 0) {
          for (int i = 0; i < 32 && (int) ticket.get() == 0; i++) {
            Thread.onSpinWait();
          }
          if (System.nanoTime() > deadline) {
            asleep = true;
            while ((int) ticket.get() == 0 && !closed) {
              LockSupport.park(ThreadTeam.this);
            }
            asleep = false;
          }
          if (closed) {
            return;
          }
        }
        work(index);
      }
    }
  }

  /** Ends the workers; idempotent. */
  @Override
  public void close() {
    closed = true;
    boolean interrupted = false;
    for (Worker worker : workers) {
      LockSupport.unpark(worker);
      while (worker.isAlive()) {
        try {
          worker.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
