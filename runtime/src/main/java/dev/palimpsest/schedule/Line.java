/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * Requests in the order in which they are due; among equals who came to the line first is first.
 * Used by one thread.
 */
final class Line {
  static final Comparator<ScheduledRequest> ORDER =
      (a, b) ->
          a.due() != b.due() ? Long.compare(a.due(), b.due()) : Long.compare(a.place(), b.place());

  private final PriorityQueue<ScheduledRequest> requests = new PriorityQueue<>(ORDER);
  private final List<ScheduledRequest> leaving = new ArrayList<>();
  private long places;

  int size() {
    return requests.size();
  }

  boolean isEmpty() {
    return requests.isEmpty();
  }

  /** Puts a request where {@code due} says, behind those that are due at the same time. */
  void add(ScheduledRequest request, long due) {
    request.place(due, places++);
    requests.add(request);
  }

  /** Puts a request back where it was. */
  void putBack(ScheduledRequest request) {
    requests.add(request);
  }

  /** The first in line, who stays. */
  Optional<ScheduledRequest> first() {
    return Optional.ofNullable(requests.peek());
  }

  /** Takes the first out of a line that is not empty. */
  ScheduledRequest take() {
    return requests.remove();
  }

  /** Takes out all that {@code leaves} is true of, whatever their place, and hands them on. */
  void dismiss(Predicate<ScheduledRequest> leaves, Consumer<ScheduledRequest> to) {
    for (ScheduledRequest request : requests) {
      if (leaves.test(request)) {
        leaving.add(request);
      }
    }
    if (!leaving.isEmpty()) {
      requests.removeAll(leaving);
      leaving.forEach(to);
      leaving.clear();
    }
  }
}
