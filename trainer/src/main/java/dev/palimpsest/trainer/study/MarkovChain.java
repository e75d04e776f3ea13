/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.study;

import dev.palimpsest.Engine;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Rows of a Markov chain, whose joint distribution is known: from each state a few others can
 * follow, with random probabilities. A model's samples are compared with the truth by total
 * variation: of single states, of neighbours, and of states some way apart. What was written at the
 * same time cannot agree with itself, and this is where it shows: in neighbours that cannot be.
 */
public final class MarkovChain implements Task {
  private static final int APART = 4;

  private final Words words;
  private final int states;
  private final int length;
  private final double[][] next;
  private final double[] stationary;
  private final int rows;
  private final int samples;
  private final long seed;

  /**
   * @param states of the chain
   * @param successors states that may follow each
   * @param length states of a row
   * @param rows to learn
   * @param samples rows to draw for a measurement
   */
  public MarkovChain(int states, int successors, int length, int rows, int samples, long seed) {
    if (successors < 1 || successors > states || length < APART + 1) {
      throw new IllegalArgumentException(
          "%d successors of %d states in rows of %d: at most all states, and more than %d in a row"
              .formatted(successors, states, length, APART));
    }
    this.states = states;
    this.length = length;
    this.rows = rows;
    this.samples = samples;
    this.seed = seed;
    SplittableRandom random = new SplittableRandom(seed);
    List<String> all = new ArrayList<>(List.of("^"));
    for (int s = 0; s < states; s++) {
      all.add("s" + s);
    }
    words = new Words(all);
    next = new double[states][states];
    for (int s = 0; s < states; s++) {
      // A ring among the successors keeps every state reachable.
      next[s][(s + 1) % states] = 0.1 + random.nextDouble();
      for (int k = 1; k < successors; k++) {
        int to = random.nextInt(states);
        while (next[s][to] > 0) {
          to = random.nextInt(states);
        }
        next[s][to] = 0.1 + random.nextDouble();
      }
      double sum = Arrays.stream(next[s]).sum();
      for (int t = 0; t < states; t++) {
        next[s][t] /= sum;
      }
    }
    stationary = stationary(next);
  }

  /** By repeated steps, averaged over two so that a periodic chain settles too. */
  private static double[] stationary(double[][] next) {
    double[] p = new double[next.length];
    Arrays.fill(p, 1.0 / p.length);
    for (int i = 0; i < 10_000; i++) {
      double[] q = step(p, next);
      for (int s = 0; s < p.length; s++) {
        p[s] = (p[s] + q[s]) / 2;
      }
    }
    return p;
  }

  private static double[] step(double[] p, double[][] next) {
    double[] q = new double[p.length];
    for (int s = 0; s < p.length; s++) {
      for (int t = 0; t < p.length; t++) {
        q[t] += p[s] * next[s][t];
      }
    }
    return q;
  }

  @Override
  public String describe() {
    return "a chain of %d states, %d of them possible after each, rows of %d; %d rows drawn for each number"
        .formatted(states, Arrays.stream(next[0]).filter(p -> p > 0).count(), length, samples);
  }

  private List<int[]> draw(int count, long stream) {
    SplittableRandom random = new SplittableRandom(seed * 31 + stream);
    List<int[]> out = new ArrayList<>();
    for (int r = 0; r < count; r++) {
      int[] row = new int[length + 1];
      row[0] = words.id("^");
      double[] from = stationary;
      for (int i = 1; i <= length; i++) {
        int state = choose(from, random.nextDouble());
        row[i] = first() + state;
        from = next[state];
      }
      out.add(row);
    }
    return out;
  }

  private static int choose(double[] p, double u) {
    int last = 0;
    for (int s = 0; s < p.length; s++) {
      if (p[s] > 0) {
        last = s;
        u -= p[s];
        if (u < 0) {
          return s;
        }
      }
    }
    return last;
  }

  private int first() {
    return words.id("s0");
  }

  @Override
  public Rows rows() {
    return new Rows(words, length + 1, draw(rows, 1), draw(Math.min(rows, 512), 2));
  }

  @Override
  public List<Score> measure(Engine engine) {
    int[] row = new int[length + 1];
    row[0] = words.id("^");
    List<Question> asked = new ArrayList<>();
    for (int i = 0; i < samples; i++) {
      asked.add(new Question(row, 1, length + 1));
    }
    int[] steps = {1, 2, 4, 8, 16, 32};
    int[] fitting = Arrays.stream(steps).filter(n -> n <= length).toArray();
    List<Score> out = new ArrayList<>();
    for (Decoding decoding : Decoding.sampled(engine, fitting)) {
      out.addAll(scores(decoding.name(), Answers.to(asked, engine, decoding)));
    }
    return out;
  }

  @Override
  public List<Score> truth() {
    return scores("samples of the chain", draw(samples, 3));
  }

  private List<Score> scores(String decoding, List<int[]> drawn) {
    double[][] here = new double[states][states];
    double[][] oneOn = joint(1);
    long pairs = 0;
    long impossible = 0;
    for (int[] row : drawn) {
      for (int i = 1; i < length; i++) {
        int a = row[i] - first();
        int b = row[i + 1] - first();
        pairs++;
        boolean states = inside(a) && inside(b);
        impossible += !states || next[a][b] == 0 ? 1 : 0;
        if (states) {
          here[a][b]++;
        }
      }
    }
    return List.of(
        new Score(decoding, "impossible neighbours, %", 100.0 * impossible / pairs),
        new Score(decoding, "states, TV", distance(single(drawn), stationary)),
        new Score(decoding, "neighbours, TV", distance(scaled(here, pairs), flat(oneOn))),
        new Score(
            decoding, APART + " apart, TV", distance(apart(drawn, APART), flat(joint(APART)))));
  }

  private boolean inside(int state) {
    return state >= 0 && state < states;
  }

  /** Probability of a state and the one so many steps on. */
  private double[][] joint(int distance) {
    double[][] out = new double[states][];
    for (int s = 0; s < states; s++) {
      double[] p = new double[states];
      p[s] = stationary[s];
      for (int d = 0; d < distance; d++) {
        p = step(p, next);
      }
      out[s] = p;
    }
    return out;
  }

  private double[] single(List<int[]> drawn) {
    double[] out = new double[states];
    for (int[] row : drawn) {
      for (int i = 1; i <= length; i++) {
        int s = row[i] - first();
        if (inside(s)) {
          out[s] += 1.0 / ((double) drawn.size() * length);
        }
      }
    }
    return out;
  }

  private double[] apart(List<int[]> drawn, int distance) {
    double[][] out = new double[states][states];
    for (int[] row : drawn) {
      for (int i = 1; i + distance <= length; i++) {
        int a = row[i] - first();
        int b = row[i + distance] - first();
        if (inside(a) && inside(b)) {
          out[a][b]++;
        }
      }
    }
    return scaled(out, (long) drawn.size() * (length - distance));
  }

  private static double[] scaled(double[][] counts, long all) {
    double[] out = flat(counts);
    for (int i = 0; i < out.length; i++) {
      out[i] /= all;
    }
    return out;
  }

  private static double[] flat(double[][] matrix) {
    return Arrays.stream(matrix).flatMapToDouble(Arrays::stream).toArray();
  }

  /**
   * Half the sum of differences; what was drawn outside the states is missing on one side, and
   * counts.
   */
  private static double distance(double[] drawn, double[] truth) {
    double sum = 1 - Arrays.stream(drawn).sum();
    for (int i = 0; i < truth.length; i++) {
      sum += Math.abs(drawn[i] - truth[i]);
    }
    return sum / 2;
  }
}
