/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.study;

import dev.palimpsest.Engine;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * Small problems in words from a grammar: somebody has some things, gets or loses some, how many
 * are there? Some ways to say it are held out whole; some pairs of numbers are held out of the
 * others.
 */
public final class WordProblems implements Task {
  private static final int QUESTIONS = 300;
  private static final int MOST = 30;

  /** {@code P} a person, {@code T} a thing, {@code A} and {@code B} numbers. */
  private static final List<String> MORE =
      List.of(
          "P has A T . P buys B T . how many T does P have ?",
          "P finds A T and then B T . how many T does P have ?",
          "there are A T . P brings B T . how many T are there ?",
          "P had A T and got B T . how many T now ?",
          "a box holds A T . P adds B T to it . how many T are in it ?",
          "P buys B T . P had A T . how many T does P have now ?",
          "P counts A T here and B T there . how many T in all ?",
          "first A T , then B T more . how many T ?");

  private static final List<String> LESS =
      List.of(
          "P has A T . P loses B T . how many T does P have ?",
          "P had A T and gave B T away . how many T now ?",
          "there are A T . P takes B T . how many T are there ?",
          "a box holds A T . B T fall out . how many T are in it ?",
          "P eats B T . P had A T . how many T does P have now ?",
          "P finds A T and then loses B T . how many T does P have ?",
          "of A T here B T are taken . how many T in all ?",
          "first A T , then B T less . how many T ?");

  /** The last ones of either list. */
  private static final int HELD_OUT = 2;

  private final Words words;
  private final int length;
  private final List<int[]> train = new ArrayList<>();
  private final List<Question> newNumbers = new ArrayList<>();
  private final List<Question> newTemplates = new ArrayList<>();

  /**
   * @param rows to learn
   */
  public WordProblems(int rows, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    Set<String> all = new LinkedHashSet<>();
    for (String template : concat(MORE, LESS)) {
      all.addAll(List.of(template.split(" ")));
    }
    all.removeAll(List.of("P", "T", "A", "B"));
    Set<String> taken = new HashSet<>(all);
    List<String> people = Syllables.words(20, taken, random);
    List<String> things = Syllables.words(20, taken, random);
    all.addAll(people);
    all.addAll(things);
    for (int n = 0; n <= 2 * MOST; n++) {
      all.add(Integer.toString(n));
    }
    words = new Words(new ArrayList<>(all));
    int longest = 0;
    while (train.size() < rows
        || newNumbers.size() < QUESTIONS
        || newTemplates.size() < QUESTIONS) {
      boolean more = random.nextBoolean();
      List<String> templates = more ? MORE : LESS;
      int which = random.nextInt(templates.size());
      int a = 1 + random.nextInt(MOST);
      int b = 1 + random.nextInt(more ? MOST : a);
      String text =
          templates
              .get(which)
              .replace("P", people.get(random.nextInt(people.size())))
              .replace("T", things.get(random.nextInt(things.size())))
              .replace("A", Integer.toString(a))
              .replace("B", Integer.toString(b));
      int[] row = words.ids(text + " " + (more ? a + b : a - b));
      longest = Math.max(longest, row.length);
      Question question = new Question(row, row.length - 1, row.length);
      // A tenth of the pairs, whatever is said of them.
      boolean heldOutPair = (a * 31 + b * 17 + (more ? 0 : 5)) % 10 == 0;
      if (which >= templates.size() - HELD_OUT) {
        add(newTemplates, question, !heldOutPair);
      } else if (heldOutPair) {
        add(newNumbers, question, true);
      } else if (train.size() < rows) {
        train.add(row);
      }
    }
    length = longest;
    newNumbers.replaceAll(question -> question.filledUp(length));
    newTemplates.replaceAll(question -> question.filledUp(length));
  }

  private static void add(List<Question> to, Question question, boolean wanted) {
    if (wanted && to.size() < QUESTIONS) {
      to.add(question);
    }
  }

  private static List<String> concat(List<String> a, List<String> b) {
    List<String> out = new ArrayList<>(a);
    out.addAll(b);
    return out;
  }

  @Override
  public String describe() {
    return "sums and differences up to %d in words, %d templates and %d rows learned, %d templates held out"
        .formatted(2 * MOST, MORE.size() + LESS.size() - 2 * HELD_OUT, train.size(), 2 * HELD_OUT);
  }

  @Override
  public Rows rows() {
    return new Rows(words, length, train, newTemplates.stream().map(Question::row).toList());
  }

  @Override
  public List<Score> measure(Engine engine) {
    List<Score> out = new ArrayList<>();
    for (Decoding decoding : Decoding.greedy(engine, 1)) {
      out.add(score(decoding, "templates learned, numbers held out", newNumbers, engine));
      out.add(score(decoding, "templates held out, numbers learned", newTemplates, engine));
    }
    return out;
  }

  private static Score score(Decoding decoding, String name, List<Question> asked, Engine engine) {
    double exact = Answers.exact(asked, Answers.to(asked, engine, decoding));
    return new Score(decoding.name(), name + ", exact %", exact);
  }
}
