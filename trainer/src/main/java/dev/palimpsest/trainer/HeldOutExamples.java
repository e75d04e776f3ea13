/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/** Examples from held-out files, the same for every model that has the tokenizer and the length. */
public final class HeldOutExamples {
  /**
   * A canvas with one hole.
   *
   * @param truth its tokens
   * @param from where the hole begins
   * @param size its tokens
   */
  public record Hole(int[] truth, int from, int size) {}

  /**
   * A method to complete.
   *
   * @param prompt what is shown of the file, up to the method's first brace
   * @param head the method up to there
   * @param method the whole of it
   */
  public record Method(int[] prompt, String head, String method) {}

  /**
   * What infills are worth.
   *
   * @param exact share that is what was there, as text
   * @param similarity to it, in characters
   */
  public record Match(double exact, double similarity) {}

  /**
   * What completions are worth.
   *
   * @param closed share whose braces close within the canvas
   * @param accepted share that closes and that the JDK's parser takes
   * @param similarity to the original method, in characters
   */
  public record Verdict(double closed, double accepted, double similarity) {}

  private final HuggingFaceTokenizer tokenizer;
  private final boolean[] startsLine;
  private final List<String> files;
  private final int length;
  private final int end;
  private final List<int[]> documents = new ArrayList<>();

  /**
   * @param startsLine whether a token begins with a line break, by token
   * @param files held-out texts
   * @param length tokens of a canvas
   * @param end the end-of-text token
   */
  public HeldOutExamples(
      HuggingFaceTokenizer tokenizer,
      boolean[] startsLine,
      List<String> files,
      int length,
      int end) {
    this.tokenizer = tokenizer;
    this.startsLine = startsLine;
    this.files = files;
    this.length = length;
    this.end = end;
    for (String file : files) {
      int[] ids = encode(file);
      if (ids.length >= length) {
        documents.add(ids);
      }
    }
    if (documents.isEmpty()) {
      throw new IllegalArgumentException(
          "no held-out file has " + length + " tokens; take more libraries into the corpus");
    }
  }

  /** The tokens of a text. */
  public int[] encode(String text) {
    return Arrays.stream(tokenizer.encode(text, false, false).getIds())
        .mapToInt(i -> (int) i)
        .toArray();
  }

  /** The text of tokens, special ones left out. */
  public String decode(int[] ids) {
    return tokenizer.decode(Arrays.stream(ids).asLongStream().toArray(), true);
  }

  /** A canvas from anywhere. */
  public int[] crop(Random random) {
    int[] document = documents.get(random.nextInt(documents.size()));
    int from = random.nextInt(document.length - length + 1);
    return Arrays.copyOfRange(document, from, from + length);
  }

  /**
   * Canvases with a hole each, at least 32 tokens on either side.
   *
   * @param tokens of a hole; 0 for one line
   */
  public List<Hole> holes(int examples, int tokens, long seed) {
    Random random = new Random(seed);
    List<Hole> holes = new ArrayList<>();
    for (int tries = 0; holes.size() < examples && tries < 100 * examples; tries++) {
      int[] truth = crop(random);
      if (tokens > 0) {
        holes.add(new Hole(truth, 32 + random.nextInt(length - 64 - tokens), tokens));
      } else {
        line(truth, random).ifPresent(holes::add);
      }
    }
    return holes;
  }

  /** A line of 3 to 24 tokens with at least 32 on either side, its indentation left in place. */
  private Optional<Hole> line(int[] truth, Random random) {
    List<Hole> lines = new ArrayList<>();
    int last = -1;
    for (int i = 0; i < truth.length; i++) {
      if (startsLine[truth[i]]) {
        int size = i - last - 1;
        if (last >= 31 && i < truth.length - 32 && size >= 3 && size <= 24) {
          lines.add(new Hole(truth, last + 1, size));
        }
        last = i;
      }
    }
    return lines.isEmpty()
        ? Optional.empty()
        : Optional.of(lines.get(random.nextInt(lines.size())));
  }

  /** The text of a hole in a canvas. */
  public String slice(int[] canvas, Hole hole) {
    return decode(Arrays.copyOfRange(canvas, hole.from(), hole.from() + hole.size()));
  }

  /**
   * Judges what was written into holes.
   *
   * @param rows canvases, at least up to the end of their hole
   */
  public Match match(List<Hole> holes, List<int[]> rows) {
    double exact = 0;
    double similarity = 0;
    for (int i = 0; i < holes.size(); i++) {
      String truth = slice(holes.get(i).truth(), holes.get(i));
      String written = slice(rows.get(i), holes.get(i));
      exact += written.equals(truth) ? 1 : 0;
      similarity += EditSimilarity.of(written, truth);
    }
    return new Match(exact / holes.size(), similarity / holes.size());
  }

  /**
   * Held-out methods to complete in the rest of a canvas.
   *
   * @param tokens that are left for the completion
   */
  public List<Method> methods(int examples, int tokens) {
    JavaMethods parser = new JavaMethods();
    List<Method> tasks = new ArrayList<>();
    for (String file : files) {
      for (JavaMethods.Method m : parser.methods(file)) {
        String method = file.substring(m.start(), m.end());
        String head = file.substring(m.start(), m.body() + 1);
        int size = encode(method.substring(head.length())).length;
        if (size < 12 || size > tokens || encode(head).length > 48) {
          continue;
        }
        int[] shown = encode(file.substring(0, m.body() + 1));
        int keep = length - tokens;
        if (shown.length < keep) {
          continue;
        }
        tasks.add(
            new Method(Arrays.copyOfRange(shown, shown.length - keep, shown.length), head, method));
      }
    }
    Collections.shuffle(tasks, new Random(7));
    return tasks.subList(0, Math.min(examples, tasks.size()));
  }

  /** What there is to be written after the prompts. */
  public List<int[]> originals(List<Method> tasks) {
    return tasks.stream()
        .map(task -> encode(task.method().substring(task.head().length())))
        .toList();
  }

  /** Judges what was written after the prompts. */
  public Verdict judge(List<Method> tasks, List<int[]> written) {
    JavaMethods parser = new JavaMethods();
    int closed = 0;
    int accepted = 0;
    double similarity = 0;
    for (int i = 0; i < tasks.size(); i++) {
      Method task = tasks.get(i);
      String text = task.head() + untilEnd(written.get(i));
      Optional<String> whole = JavaMethods.closed(text);
      closed += whole.isPresent() ? 1 : 0;
      accepted += whole.filter(parser::accepts).isPresent() ? 1 : 0;
      similarity +=
          EditSimilarity.of(
              whole.orElse(text).substring(task.head().length()),
              task.method().substring(task.head().length()));
    }
    double n = tasks.size();
    return new Verdict(closed / n, accepted / n, similarity / n);
  }

  private String untilEnd(int[] ids) {
    int n = 0;
    while (n < ids.length && ids[n] != end) {
      n++;
    }
    return decode(Arrays.copyOf(ids, n));
  }
}
