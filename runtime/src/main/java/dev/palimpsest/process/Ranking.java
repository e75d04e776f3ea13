/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.NoSuchElementException;

/**
 * Candidates from the highest score down, equal scores by position, as far as they are asked for: a
 * heap, so that finding the first k of n takes n + k·log n and not a sort.
 */
final class Ranking {
  private final Candidates candidates;
  private int[] heap = new int[64];
  private int size;

  Ranking(Candidates candidates) {
    this.candidates = candidates;
  }

  /** Ranks all candidates but those predicted as MASK, by their scores as they are now. */
  void begin() {
    if (heap.length < candidates.size()) {
      heap = new int[Math.max(candidates.size(), heap.length * 2)];
    }
    size = 0;
    for (int i = 0; i < candidates.size(); i++) {
      if (!candidates.predictsMask(i)) {
        heap[size++] = i;
      }
    }
    for (int i = size / 2 - 1; i >= 0; i--) {
      sink(i);
    }
  }

  boolean isEmpty() {
    return size == 0;
  }

  /** The first one left. */
  int best() {
    if (size == 0) {
      throw new NoSuchElementException("no candidate is left");
    }
    return heap[0];
  }

  /** Takes the first one left. */
  int pop() {
    int best = best();
    heap[0] = heap[--size];
    sink(0);
    return best;
  }

  private void sink(int at) {
    int moved = heap[at];
    int hole = at;
    while (2 * hole + 1 < size) {
      int child = 2 * hole + 1;
      if (child + 1 < size && before(heap[child + 1], heap[child])) {
        child++;
      }
      if (!before(heap[child], moved)) {
        break;
      }
      heap[hole] = heap[child];
      hole = child;
    }
    heap[hole] = moved;
  }

  private boolean before(int a, int b) {
    double one = candidates.score(a);
    double other = candidates.score(b);
    return one > other || (one == other && a < b);
  }
}
