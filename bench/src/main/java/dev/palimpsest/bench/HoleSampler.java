/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import dev.palimpsest.text.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/**
 * Draws holes from held-out files: a file after another in a random order, again and again, a
 * random place in each. The same seed draws the same holes for everything that is to be compared.
 */
final class HoleSampler {
  /** Least context on each side where both are in view. */
  private static final int MARGIN = 32;

  private static final int COMPLETION = 64;
  private static final int TRIES = 40;

  private record Document(String text, int[] tokens, List<JavaSyntax.Body> bodies) {}

  private final Tokenizer tokenizer;
  private final int length;
  private final List<Document> documents = new ArrayList<>();

  /**
   * @param length tokens of a canvas
   * @throws IllegalArgumentException if no file has that many
   */
  HoleSampler(List<String> files, Tokenizer tokenizer, JavaSyntax syntax, int length) {
    this.tokenizer = tokenizer;
    this.length = length;
    for (String file : files) {
      int[] tokens = tokenizer.encode(file);
      if (tokens.length >= length) {
        documents.add(new Document(file, tokens, syntax.bodies(file)));
      }
    }
    if (documents.isEmpty()) {
      throw new IllegalArgumentException(
          "no file has the " + length + " tokens of a canvas: lower --length or take other files");
    }
  }

  int files() {
    return documents.size();
  }

  /** {@code n} stretches of {@code length} tokens. */
  List<int[]> rows(int n, long seed) {
    Random random = new Random(seed);
    List<Document> order = shuffled(random);
    List<int[]> rows = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      int[] tokens = order.get(i % order.size()).tokens;
      int from = random.nextInt(tokens.length - length + 1);
      rows.add(Arrays.copyOfRange(tokens, from, from + length));
    }
    return rows;
  }

  /** At most {@code n} holes; fewer if the files have no more places for them. */
  List<HoleItem> holes(HoleTask task, int n, long seed) {
    Random random = new Random(seed * HoleTask.values().length + task.ordinal());
    List<Document> order = shuffled(random);
    List<HoleItem> items = new ArrayList<>();
    for (int i = 0; items.size() < n && i < TRIES * n; i++) {
      Document document = order.get(i % order.size());
      hole(task, document, random).ifPresent(items::add);
    }
    return items;
  }

  private List<Document> shuffled(Random random) {
    List<Document> order = new ArrayList<>(documents);
    Collections.shuffle(order, random);
    return order;
  }

  private Optional<HoleItem> hole(HoleTask task, Document document, Random random) {
    return switch (task) {
      case TOKEN -> tokens(document, 1, random);
      case EIGHT -> tokens(document, 8, random);
      case LINE -> line(document.text, random);
      case BODY -> body(document, random);
      case METHOD -> method(document, random);
    };
  }

  private Optional<HoleItem> tokens(Document document, int n, Random random) {
    int[] all = document.tokens;
    int from = random.nextInt(all.length - length + 1);
    int hole = from + MARGIN + random.nextInt(length - 2 * MARGIN - n + 1);
    String head = tokenizer.decode(Arrays.copyOf(all, hole), false);
    String tail = tokenizer.decode(Arrays.copyOfRange(all, hole + n, all.length), false);
    int[] truth = Arrays.copyOfRange(all, hole, hole + n);
    // A character may be parted between tokens.
    return document.text.equals(head + tokenizer.decode(truth, false) + tail)
        ? Optional.of(
            new HoleItem(
                Arrays.copyOfRange(all, from, hole),
                truth,
                n,
                Arrays.copyOfRange(all, hole + n, from + length),
                head,
                tail))
        : Optional.empty();
  }

  private Optional<HoleItem> line(String text, Random random) {
    int at = random.nextInt(text.length());
    int start = text.lastIndexOf('\n', at) + 1;
    int end = text.indexOf('\n', start);
    if (end < 0) {
      return Optional.empty();
    }
    while (start < end && text.charAt(start) == ' ') {
      start++;
    }
    return between(text, start, end, 3, 24);
  }

  private Optional<HoleItem> body(Document document, Random random) {
    if (document.bodies.isEmpty()) {
      return Optional.empty();
    }
    JavaSyntax.Body body = document.bodies.get(random.nextInt(document.bodies.size()));
    return between(document.text, body.open() + 1, body.close(), 12, 48);
  }

  private Optional<HoleItem> between(String text, int start, int end, int least, int most) {
    // Tokens are at most a few characters: do not encode what cannot fit.
    if (end - start > 40 * most) {
      return Optional.empty();
    }
    int[] truth = tokenizer.encode(text.substring(start, end));
    if (truth.length < least || truth.length > most) {
      return Optional.empty();
    }
    int[] before = tokenizer.encode(text.substring(0, start));
    int[] after = tokenizer.encode(text.substring(end));
    // Half on each side, and what one side lacks on the other.
    int context = length - truth.length;
    int left = Math.min(before.length, context - Math.min(after.length, context / 2));
    int right = Math.min(after.length, context - left);
    if (left < MARGIN || right < MARGIN) {
      return Optional.empty();
    }
    return Optional.of(
        new HoleItem(
            last(before, left),
            truth,
            truth.length,
            Arrays.copyOf(after, right),
            text.substring(0, start),
            text.substring(end)));
  }

  private Optional<HoleItem> method(Document document, Random random) {
    if (document.bodies.isEmpty()) {
      return Optional.empty();
    }
    JavaSyntax.Body body = document.bodies.get(random.nextInt(document.bodies.size()));
    String text = document.text;
    int size = tokenizer.encode(text.substring(body.open() + 1, body.close())).length;
    int[] before = tokenizer.encode(text.substring(0, body.open() + 1));
    int hole = Math.min(COMPLETION, length / 2);
    if (size < 12 || size >= hole || before.length < length - hole) {
      return Optional.empty();
    }
    return Optional.of(
        new HoleItem(
            last(before, length - hole),
            new int[0],
            hole,
            new int[0],
            text.substring(0, body.open() + 1),
            text.substring(body.close())));
  }

  private static int[] last(int[] tokens, int n) {
    return Arrays.copyOfRange(tokens, tokens.length - n, tokens.length);
  }
}
