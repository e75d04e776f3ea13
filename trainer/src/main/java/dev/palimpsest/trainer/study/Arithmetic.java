/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.study;

import dev.palimpsest.Engine;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.LongBinaryOperator;

/**
 * Sums or products of numbers of several digits, a token a digit, the highest first: a carry comes
 * from the right, where a writer from left to right has not been yet. Pairs of numbers are held
 * out.
 */
public final class Arithmetic implements Task {
  private static final int QUESTIONS = 400;

  private final Words words = new Words(List.of("0 1 2 3 4 5 6 7 8 9 + * =".split(" ")));
  private final String sign;
  private final int digits;
  private final int width;
  private final LongBinaryOperator operation;
  private final List<int[]> train = new ArrayList<>();
  private final List<Question> asked = new ArrayList<>();

  /**
   * @param product multiply instead of adding
   * @param digits of each number, 1 to 4
   * @param rows pairs to learn; with 400 more there must be fewer than there are pairs
   */
  public Arithmetic(boolean product, int digits, int rows, long seed) {
    long numbers = Math.round(Math.pow(10, digits));
    if (digits < 1 || digits > 4 || rows < 1 || rows + QUESTIONS > numbers * numbers) {
      throw new IllegalArgumentException(
          "%d pairs of numbers of %d digits: digits must be 1 to 4, and there must be %d pairs more"
              .formatted(rows, digits, QUESTIONS));
    }
    this.digits = digits;
    sign = product ? "*" : "+";
    width = product ? 2 * digits : digits + 1;
    operation = product ? (a, b) -> a * b : Long::sum;
    SplittableRandom random = new SplittableRandom(seed);
    Set<Long> pairs = new LinkedHashSet<>();
    while (pairs.size() < rows + QUESTIONS) {
      pairs.add(random.nextLong(numbers * numbers));
    }
    List<Long> drawn = new ArrayList<>(pairs);
    Collections.shuffle(drawn, new Random(seed));
    for (long pair : drawn) {
      int[] row = row(pair / numbers, pair % numbers);
      if (asked.size() < QUESTIONS) {
        asked.add(new Question(row, row.length - width, row.length));
      } else {
        train.add(row);
      }
    }
  }

  private int[] row(long a, long b) {
    String text =
        spaced(a, digits)
            + " "
            + sign
            + " "
            + spaced(b, digits)
            + " = "
            + spaced(operation.applyAsLong(a, b), width);
    return words.ids(text);
  }

  private static String spaced(long number, int width) {
    return String.join(" ", ("%0" + width + "d").formatted(number).split(""));
  }

  @Override
  public String describe() {
    return "\"a %s b = c\" with numbers of %d digits, %d pairs learned, %d others asked"
        .formatted(sign, digits, train.size(), asked.size());
  }

  @Override
  public Rows rows() {
    return new Rows(
        words, 2 * digits + 2 + width, train, asked.stream().map(Question::row).toList());
  }

  @Override
  public List<Score> measure(Engine engine) {
    List<Score> out = new ArrayList<>();
    for (Decoding decoding : Decoding.greedy(engine, 1, 2, width)) {
      List<int[]> answers = Answers.to(asked, engine, decoding);
      out.add(new Score(decoding.name(), "exact %", Answers.exact(asked, answers)));
      out.add(new Score(decoding.name(), "digits right %", Answers.tokensRight(asked, answers)));
    }
    return out;
  }
}
