/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** Counts what is under way, so that one can wait for the last of it. */
final class Outstanding {
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition none = lock.newCondition();
  private long count;

  void add() {
    lock.lock();
    try {
      count++;
    } finally {
      lock.unlock();
    }
  }

  void remove() {
    lock.lock();
    try {
      count--;
      if (count == 0) {
        none.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  void awaitNone() {
    lock.lock();
    try {
      while (count > 0) {
        none.awaitUninterruptibly();
      }
    } finally {
      lock.unlock();
    }
  }
}
