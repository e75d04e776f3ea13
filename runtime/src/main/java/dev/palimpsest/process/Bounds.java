/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.EnumMap;
import java.util.Map;

/**
 * The {@link Bound}s that a request names; the others have their usual values.
 *
 * @param named value by bound
 */
public record Bounds(Map<Bound, Double> named) {
  /** All as usual. */
  public static final Bounds USUAL = new Bounds(Map.of());

  public Bounds {
    named.forEach(Bound::check);
    named = Map.copyOf(named);
  }

  /**
   * These, and {@code bound} as given.
   *
   * @throws IllegalArgumentException if the value is out of its range
   */
  public Bounds with(Bound bound, double value) {
    Map<Bound, Double> more = new EnumMap<>(Bound.class);
    more.putAll(named);
    more.put(bound, value);
    return new Bounds(more);
  }

  /** Whether the request names {@code bound}. */
  public boolean names(Bound bound) {
    return named.containsKey(bound);
  }

  /** The value of {@code bound}. */
  public double of(Bound bound) {
    return named.getOrDefault(bound, bound.usual());
  }
}
