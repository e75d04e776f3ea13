/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.process;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * Decoding in blocks of the written positions, wherever they lie, written down plainly: everything
 * is a list, and lists are sorted.
 *
 * @param start tokens to begin with
 * @param written positions that may change, ascending
 * @param mask id of MASK
 * @param length written positions to a block
 * @param edit tokens give way to others predicted with more than this, if it is there
 */
record ReferenceBlocks(
    int[] start, List<Integer> written, int mask, int length, OptionalDouble edit) {

  /** A masked position and what is predicted for it. */
  record Place(int position, Predictor.Guess guess) {}

  /** What an adaptive rule accepts by itself. */
  interface Acceptance {
    /**
     * The positions accepted.
     *
     * @param ranked places where a token is predicted, the surest first
     * @param masked all masked positions, those where MASK is predicted too
     */
    Set<Integer> accept(List<Place> ranked, List<Integer> masked);
  }

  /** How sure a place is, and which are sure enough. */
  record Rule(Function<Predictor.Guess, Double> sureness, Acceptance acceptance) {}

  static Rule threshold(double threshold) {
    return new Rule(
        Predictor.Guess::confidence,
        (ranked, masked) -> positions(ranked, place -> place.guess.confidence() >= threshold));
  }

  static Rule marginThreshold(double threshold) {
    return new Rule(
        Predictor.Guess::margin,
        (ranked, masked) -> positions(ranked, place -> place.guess.margin() >= threshold));
  }

  static Rule factor(double factor) {
    return new Rule(
        Predictor.Guess::confidence,
        (ranked, masked) -> {
          int n = 1;
          while (n < ranked.size()
              && ranked.get(n).guess.confidence() >= 1 - factor / (n + 1 + 1)) {
            n++;
          }
          return positions(ranked.subList(0, Math.min(n, ranked.size())), place -> true);
        });
  }

  static Rule entropyBounded(double bound) {
    return new Rule(
        Predictor.Guess::negativeEntropy,
        (ranked, masked) -> {
          for (int n = ranked.size(); n > 1; n--) {
            List<Place> first = ranked.subList(0, n);
            if (first.stream().mapToDouble(p -> -p.guess.negativeEntropy()).sum() <= bound) {
              return positions(first, place -> true);
            }
          }
          return positions(ranked.subList(0, Math.min(1, ranked.size())), place -> true);
        });
  }

  static Rule hierarchical(double threshold, double low) {
    return new Rule(
        Predictor.Guess::confidence,
        (ranked, masked) -> {
          Set<Integer> chosen = positions(ranked, place -> place.guess.confidence() >= threshold);
          for (int from : masked) {
            if (masked.contains(from - 1)) {
              continue;
            }
            int to = from;
            while (masked.contains(to)) {
              to++;
            }
            int end = to;
            // Ranked: the first one found in the run is its surest.
            ranked.stream()
                .filter(place -> place.position >= from && place.position < end)
                .findFirst()
                .filter(place -> place.guess.confidence() >= low)
                .ifPresent(place -> chosen.add(place.position));
          }
          return chosen;
        });
  }

  private static Set<Integer> positions(
      List<Place> places, java.util.function.Predicate<Place> which) {
    Set<Integer> positions = new TreeSet<>();
    places.stream().filter(which).forEach(place -> positions.add(place.position));
    return positions;
  }

  /**
   * The row after every step, with as many steps as {@code rule} needs, or {@code most} a block.
   */
  List<int[]> asNeeded(Rule rule, int most, Predictor model) {
    List<int[]> rows = new ArrayList<>();
    int[] x = start.clone();
    for (int first = 0; first < written.size(); first += length) {
      List<Integer> block = written.subList(first, Math.min(written.size(), first + length));
      List<Integer> eligible = written.subList(0, first + block.size());
      int withoutMasks = 0;
      for (int taken = 0; taken < most; taken++) {
        if (masked(x, block).isEmpty() && taken == 0 && edit.isEmpty()) {
          break;
        }
        int[] seen = x.clone();
        int step = rows.size();
        List<Integer> masked = masked(seen, eligible);
        List<Place> ranked = ranked(seen, step, masked, rule.sureness, model);
        Set<Integer> chosen = rule.acceptance.accept(ranked, masked);
        int required = (int) Math.ceil(masked.size() / (double) (most - taken));
        for (Place place : ranked) {
          if (chosen.size() < required) {
            chosen.add(place.position);
          }
        }
        chosen.forEach(p -> x[p] = model.guess(seen, p, step).token());
        boolean edited = edit(x, seen, block, step, model);
        rows.add(x.clone());
        if (!masked(x, block).isEmpty() && !chosen.isEmpty()) {
          continue;
        }
        withoutMasks += chosen.isEmpty() ? 1 : 0;
        if (edit.isEmpty() || (chosen.isEmpty() && !edited) || withoutMasks == 16) {
          break;
        }
      }
    }
    return rows;
  }

  /** The row after every step of exactly {@code n} places. */
  List<int[]> fixed(
      int n, Function<Place, Double> sureness, long seed, boolean random, Predictor model) {
    List<int[]> rows = new ArrayList<>();
    int[] x = start.clone();
    for (int first = 0; first < written.size(); first += length) {
      List<Integer> block = written.subList(first, Math.min(written.size(), first + length));
      List<Integer> eligible = written.subList(0, first + block.size());
      int places = masked(x, block).size();
      int withoutMasks = 0;
      while (true) {
        if (places == 0 && edit.isEmpty()) {
          break;
        }
        int[] seen = x.clone();
        int step = rows.size();
        int now = Math.min(n, places);
        masked(seen, eligible).stream()
            .map(p -> new Place(p, model.guess(seen, p, step)))
            .sorted(
                Comparator.comparingDouble(
                        (Place place) ->
                            random
                                ? -PositionNoise.uniform(seed, step, place.position)
                                : -sureness.apply(place))
                    .thenComparing(Place::position))
            .limit(now)
            .forEach(place -> x[place.position] = place.guess.token());
        places -= now;
        boolean edited = edit(x, seen, block, step, model);
        rows.add(x.clone());
        if (places > 0) {
          continue;
        }
        withoutMasks += now == 0 ? 1 : 0;
        if (edit.isEmpty() || (now == 0 && !edited) || withoutMasks == 16) {
          break;
        }
      }
    }
    return rows;
  }

  private List<Integer> masked(int[] x, List<Integer> positions) {
    return positions.stream().filter(p -> x[p] == mask).toList();
  }

  private List<Place> ranked(
      int[] seen,
      int step,
      List<Integer> masked,
      Function<Predictor.Guess, Double> sureness,
      Predictor model) {
    return masked.stream()
        .map(p -> new Place(p, model.guess(seen, p, step)))
        .filter(place -> place.guess.token() != mask)
        .sorted(
            Comparator.comparingDouble((Place place) -> -sureness.apply(place.guess))
                .thenComparing(Place::position))
        .toList();
  }

  private boolean edit(int[] x, int[] seen, List<Integer> block, int step, Predictor model) {
    if (edit.isEmpty()) {
      return false;
    }
    List<Integer> wrong =
        IntStream.range(0, block.size())
            .mapToObj(block::get)
            .filter(p -> seen[p] != mask)
            .filter(
                p -> {
                  Predictor.Guess guess = model.guess(seen, p, step);
                  return guess.token() != seen[p]
                      && guess.token() != mask
                      && guess.confidence() > edit.getAsDouble();
                })
            .toList();
    wrong.forEach(p -> x[p] = model.guess(seen, p, step).token());
    return !wrong.isEmpty();
  }
}
