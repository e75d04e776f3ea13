/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import dev.palimpsest.Engine;
import dev.palimpsest.Generation;
import dev.palimpsest.GenerationRequest;
import dev.palimpsest.trainer.study.Answers;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;
import java.util.function.UnaryOperator;

/**
 * Continues beginnings for as long as is asked, end-of-text or not.
 *
 * @param request adds to a request how it is to be written
 */
record LongTexts(Engine engine, UnaryOperator<GenerationRequest.Builder> request) {
  /** Every text in one canvas, text i with seed i. */
  List<int[]> inOneCanvas(List<int[]> beginnings, int tokens) {
    return write(beginnings, 0, tokens, 0);
  }

  /**
   * From left to right by requests whose canvases have no more than {@code window} tokens: each
   * writes half of it after the last tokens that there are.
   *
   * @param progress is told how many tokens each text has
   */
  List<int[]> inWindows(List<int[]> beginnings, int tokens, int window, IntConsumer progress) {
    int each = window / 2;
    List<int[]> texts = beginnings;
    int done = 0;
    for (int call = 0; done < tokens; call++) {
      int now = Math.min(each, tokens - done);
      int from = Math.max(0, texts.getFirst().length - (window - each));
      texts = write(texts, from, now, call);
      done += now;
      progress.accept(done);
    }
    return texts;
  }

  /**
   * The texts with so many tokens more.
   *
   * @param from first token that is shown
   * @param call keeps noise apart
   */
  private List<int[]> write(List<int[]> texts, int from, int tokens, int call) {
    List<Generation> running = new ArrayList<>();
    for (int[] text : texts) {
      GenerationRequest.Builder asked =
          GenerationRequest.builder()
              .tokens(Arrays.copyOfRange(text, from, text.length))
              .hole(tokens)
              .plainTextOnly(true)
              .seed((long) call << 32 | running.size());
      running.add(Answers.submit(engine, request.apply(asked).build()));
    }
    List<int[]> longer = new ArrayList<>();
    for (int t = 0; t < texts.size(); t++) {
      List<Integer> canvas = running.get(t).result().join().tokens();
      int[] text = Arrays.copyOf(texts.get(t), texts.get(t).length + tokens);
      for (int i = text.length - tokens; i < text.length; i++) {
        text[i] = canvas.get(i - from);
      }
      longer.add(text);
    }
    return longer;
  }
}
