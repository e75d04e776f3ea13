/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** What long texts are like, by position. */
final class Coherence {
  /** Tokens that a method may have to close; one that begins too late for that is not counted. */
  static final int ROOM = 256;

  /**
   * A window of positions over all texts; each value but the first two is empty where nothing of
   * the kind is there.
   *
   * @param window counted from the first token written
   * @param nats of a token under the judge
   * @param distinct share of the pairs of neighbours in {@link PositionWindow#STRETCH} tokens that
   *     differ from all before them there
   * @param ends end-of-text tokens, of a thousand
   * @param names that are not in view
   * @param ownNames share of them that the text had further back
   * @param otherNames share of them that another text has there
   * @param methods begun in the window early enough to close
   * @param closed share of them whose braces close within {@link #ROOM} tokens
   * @param accepted share of them that close and that the JDK's parser takes
   */
  record Row(
      PositionWindow window,
      Optional<Estimate> nats,
      Optional<Estimate> distinct,
      Optional<Estimate> ends,
      int names,
      Optional<Estimate> ownNames,
      Optional<Estimate> otherNames,
      int methods,
      Optional<Estimate> closed,
      Optional<Estimate> accepted) {}

  private enum Sum {
    NATS,
    TOKENS,
    DISTINCT,
    STRETCHES,
    ENDS,
    THOUSANDS,
    OWN,
    OTHER,
    NAMES,
    METHODS,
    CLOSED,
    ACCEPTED
  }

  private final NGramModel judge;
  private final TokenText.Decoder decoder;
  private final int end;
  private final JavaMethods parser = new JavaMethods();

  /**
   * @param end the end-of-text token
   */
  Coherence(NGramModel judge, TokenText.Decoder decoder, int end) {
    this.judge = judge;
    this.decoder = decoder;
    this.end = end;
  }

  /**
   * Measures texts.
   *
   * @param texts at least two of one length, beginnings included
   * @param begin tokens of the beginnings, which are not measured
   */
  List<Row> of(List<int[]> texts, int begin) {
    List<PositionWindow> windows = PositionWindow.upTo(texts.getFirst().length - begin);
    double[][][] sums = new double[windows.size()][Sum.values().length][texts.size()];
    List<TokenText> decoded = texts.stream().map(decoder::of).toList();
    for (int t = 0; t < texts.size(); t++) {
      // Neighbours may be files of one library.
      TokenText another = decoded.get((t + (texts.size() + 1) / 2) % texts.size());
      tokens(texts.get(t), begin, windows, sums, t);
      for (OldNames.Use use : OldNames.in(decoded.get(t), another, begin)) {
        double[][] window = sums[index(windows, use.position())];
        window[Sum.NAMES.ordinal()][t]++;
        window[Sum.OWN.ordinal()][t] += use.own() ? 1 : 0;
        window[Sum.OTHER.ordinal()][t] += use.other() ? 1 : 0;
      }
      methods(decoded.get(t), begin, windows, sums, t);
    }
    List<Row> rows = new ArrayList<>();
    for (int w = 0; w < windows.size(); w++) {
      double[][] s = sums[w];
      rows.add(
          new Row(
              windows.get(w),
              share(s, Sum.NATS, Sum.TOKENS),
              share(s, Sum.DISTINCT, Sum.STRETCHES),
              share(s, Sum.ENDS, Sum.THOUSANDS),
              (int) Arrays.stream(s[Sum.NAMES.ordinal()]).sum(),
              share(s, Sum.OWN, Sum.NAMES),
              share(s, Sum.OTHER, Sum.NAMES),
              (int) Arrays.stream(s[Sum.METHODS.ordinal()]).sum(),
              share(s, Sum.CLOSED, Sum.METHODS),
              share(s, Sum.ACCEPTED, Sum.METHODS)));
    }
    return rows;
  }

  private static Optional<Estimate> share(double[][] sums, Sum of, Sum among) {
    return Estimate.of(sums[of.ordinal()], sums[among.ordinal()]);
  }

  private static int index(List<PositionWindow> windows, int position) {
    for (int w = 0; w < windows.size(); w++) {
      if (windows.get(w).has(position)) {
        return w;
      }
    }
    throw new IllegalArgumentException("no window has position " + position);
  }

  private void tokens(
      int[] text, int begin, List<PositionWindow> windows, double[][][] sums, int t) {
    for (int w = 0; w < windows.size(); w++) {
      double[][] window = sums[w];
      int to = begin + windows.get(w).to();
      for (int i = begin + windows.get(w).from(); i < to; i++) {
        window[Sum.NATS.ordinal()][t] -= Math.log(judge.next(text, i)[text[i]]);
        window[Sum.TOKENS.ordinal()][t]++;
        window[Sum.ENDS.ordinal()][t] += text[i] == end ? 1 : 0;
        window[Sum.THOUSANDS.ordinal()][t] += 1e-3;
      }
      for (int i = begin + windows.get(w).from(); i < to; i += PositionWindow.STRETCH) {
        int[] stretch = Arrays.copyOfRange(text, i, Math.min(to, i + PositionWindow.STRETCH));
        window[Sum.DISTINCT.ordinal()][t] += Diversity.of(List.of(stretch)).distinct();
        window[Sum.STRETCHES.ordinal()][t]++;
      }
    }
  }

  private void methods(
      TokenText text, int begin, List<PositionWindow> windows, double[][][] sums, int t) {
    for (int start : BegunMethods.in(text.text())) {
      int token = text.token(start);
      if (token < begin || token + ROOM > text.starts().length) {
        continue;
      }
      double[][] window = sums[index(windows, token - begin)];
      int over = text.text().indexOf(TokenText.END, start);
      int room = text.character(token + ROOM);
      Optional<String> closed =
          JavaMethods.closed(text.text().substring(start, over < 0 ? room : Math.min(over, room)));
      window[Sum.METHODS.ordinal()][t]++;
      window[Sum.CLOSED.ordinal()][t] += closed.isPresent() ? 1 : 0;
      window[Sum.ACCEPTED.ordinal()][t] += closed.filter(parser::accepts).isPresent() ? 1 : 0;
    }
  }
}
