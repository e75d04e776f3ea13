/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.study;

import dev.palimpsest.Engine;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * Facts that are learned in one direction and asked in both (Berglund et al., The Reversal Curse,
 * 2023). A fact joins a name of two words and a thing of two words, drawn at random. All facts are
 * taught as {@code name -> thing}; half of them also as {@code thing <- name}, so that the second
 * form is well known. The others are asked in it, which nothing has ever taught. A model that sees
 * both sides of a gap can also be asked for the name in the very sentence it was taught.
 */
public final class Reversal implements Task {
  private static final int POOL = 40;
  private static final int LENGTH = 6;

  private final Words words;
  private final List<int[]> taught = new ArrayList<>();
  private final List<Question> forward = new ArrayList<>();
  private final List<Question> backwardTaught = new ArrayList<>();
  private final List<Question> backwardNew = new ArrayList<>();
  private final List<Question> blank = new ArrayList<>();

  /**
   * @param facts how many there are; even, at most half of the pairs that the words allow
   */
  public Reversal(int facts, long seed) {
    if (facts < 2 || facts % 2 != 0 || facts > POOL * POOL / 2) {
      throw new IllegalArgumentException(
          "facts must be even, from 2 to %d; found %d".formatted(POOL * POOL / 2, facts));
    }
    SplittableRandom random = new SplittableRandom(seed);
    Set<String> taken = new HashSet<>();
    List<String> all = new ArrayList<>(List.of("->", "<-"));
    all.addAll(Syllables.words(4 * POOL, taken, random));
    words = new Words(all);
    Set<Integer> names = new HashSet<>();
    Set<Integer> things = new HashSet<>();
    for (int f = 0; f < facts; f++) {
      int[] name = pair(names, 0, random);
      int[] thing = pair(things, 2 * POOL, random);
      int[] there = {name[0], name[1], words.id("->"), thing[0], thing[1]};
      int[] back = {thing[0], thing[1], words.id("<-"), name[0], name[1]};
      taught.add(there);
      forward.add(new Question(there, 3, 5).filledUp(LENGTH));
      if (f % 2 == 0) {
        taught.add(back);
        backwardTaught.add(new Question(back, 3, 5).filledUp(LENGTH));
      } else {
        backwardNew.add(new Question(back, 3, 5).filledUp(LENGTH));
        blank.add(new Question(there, 0, 2).filledUp(LENGTH));
      }
    }
  }

  private int[] pair(Set<Integer> used, int pool, SplittableRandom random) {
    int first = random.nextInt(POOL);
    int second = random.nextInt(POOL);
    while (!used.add(first * POOL + second)) {
      first = random.nextInt(POOL);
      second = random.nextInt(POOL);
    }
    int words = Words.MASK + 3 + pool;
    return new int[] {words + first, words + POOL + second};
  }

  @Override
  public String describe() {
    return "%d facts \"name -> thing\", %d of them also taught as \"thing <- name\"; the other %d are asked for the name"
        .formatted(forward.size(), backwardTaught.size(), backwardNew.size());
  }

  @Override
  public Rows rows() {
    return new Rows(words, LENGTH, taught, backwardNew.stream().map(Question::row).toList());
  }

  @Override
  public List<Score> measure(Engine engine) {
    boolean causal = engine.config().causal();
    List<Score> out = new ArrayList<>();
    for (Decoding decoding : Decoding.greedy(engine, 1, 2)) {
      out.add(score(decoding, "as taught", forward, engine));
      out.add(score(decoding, "in reverse, taught so too", backwardTaught, engine));
      out.add(score(decoding, "in reverse, never taught so", backwardNew, engine));
      if (!causal) {
        out.add(score(decoding, "blank in the taught sentence", blank, engine));
      }
    }
    return out;
  }

  private static Score score(Decoding decoding, String name, List<Question> asked, Engine engine) {
    double exact = Answers.exact(asked, Answers.to(asked, engine, decoding));
    return new Score(decoding.name(), name + ", exact %", exact);
  }
}
