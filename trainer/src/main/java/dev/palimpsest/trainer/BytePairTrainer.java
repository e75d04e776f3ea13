/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * Learns a byte-level byte-pair encoding (Sennrich et al. 2016; the byte alphabet of GPT-2) and
 * writes it in the {@code tokenizer.json} format of Hugging Face tokenizers.
 *
 * <p>The text is cut into pieces first, and no token crosses a cut. The pieces suit code: a line
 * break and the indentation after it are one piece, so each usual indentation becomes one token; a
 * word takes the space before it along; operators and brackets form runs.
 */
public final class BytePairTrainer {
  /** The end of a document; also what pads. */
  static final String END_OF_TEXT = "<|endoftext|>";

  /** The absorbing state of masked diffusion. */
  static final String MASK = "<|mask|>";

  /** Id of {@link #END_OF_TEXT}. */
  public static final int END_ID = 0;

  /** Id of {@link #MASK}. */
  public static final int MASK_ID = 1;

  /** Cuts text into pieces; understood alike by java.util.regex and Oniguruma. */
  static final String PIECES = "\\n+ *| ?[\\p{L}_$]+| ?\\p{N}| ?[^\\s\\p{L}\\p{N}_$]+| +|\\s";

  private static final Pattern PIECE = Pattern.compile(PIECES);
  private static final char[] BYTE_TO_CHAR = byteAlphabet();

  private record Pair(int left, int right) {}

  private record Candidate(long count, Pair pair) implements Comparable<Candidate> {
    @Override
    public int compareTo(Candidate other) {
      int order = Long.compare(other.count, count);
      if (order == 0) {
        order = Integer.compare(pair.left, other.pair.left);
      }
      return order != 0 ? order : Integer.compare(pair.right, other.pair.right);
    }
  }

  private BytePairTrainer() {}

  /**
   * Learns the merges from the documents.
   *
   * @param entries size of the vocabulary with the two special tokens and the 256 bytes
   * @return the text of a {@code tokenizer.json}
   */
  static String train(Iterable<String> documents, int entries) {
    if (entries < 258) {
      throw new IllegalArgumentException(
          "a vocabulary of " + entries + " has no room for 2 special tokens and 256 bytes");
    }
    Map<String, Integer> counted = new HashMap<>();
    for (String document : documents) {
      Matcher m = PIECE.matcher(document);
      while (m.find()) {
        counted.merge(m.group(), 1, Integer::sum);
      }
    }
    // Sorted, so that the result does not hang on the order of a hash table.
    TreeMap<String, Integer> pieces = new TreeMap<>(counted);
    List<String> tokens = new ArrayList<>(List.of(END_OF_TEXT, MASK));
    int[] byteIds = new int[256];
    for (int b = 0; b < 256; b++) {
      byteIds[b] = tokens.size();
      tokens.add(String.valueOf(BYTE_TO_CHAR[b]));
    }
    int[][] words = new int[pieces.size()][];
    long[] weights = new long[pieces.size()];
    int w = 0;
    for (var entry : pieces.entrySet()) {
      byte[] bytes = entry.getKey().getBytes(StandardCharsets.UTF_8);
      int[] ids = new int[bytes.length];
      for (int i = 0; i < bytes.length; i++) {
        ids[i] = byteIds[bytes[i] & 0xff];
      }
      words[w] = ids;
      weights[w++] = entry.getValue();
    }
    return json(tokens, merge(words, weights, tokens, entries));
  }

  private static List<String> merge(
      int[][] words, long[] weights, List<String> tokens, int entries) {
    Map<Pair, Long> counts = new HashMap<>();
    Map<Pair, List<Integer>> where = new HashMap<>();
    for (int i = 0; i < words.length; i++) {
      for (int j = 0; j + 1 < words[i].length; j++) {
        Pair pair = new Pair(words[i][j], words[i][j + 1]);
        counts.merge(pair, weights[i], Long::sum);
        where.computeIfAbsent(pair, _ -> new ArrayList<>()).add(i);
      }
    }
    PriorityQueue<Candidate> queue = new PriorityQueue<>();
    counts.forEach((pair, count) -> queue.add(new Candidate(count, pair)));
    List<String> merges = new ArrayList<>();
    while (tokens.size() < entries && !queue.isEmpty()) {
      Candidate best = queue.poll();
      Pair pair = best.pair();
      long now = counts.getOrDefault(pair, 0L);
      if (now != best.count()) {
        if (now > 1) {
          queue.add(new Candidate(now, pair));
        }
        continue;
      }
      if (now < 2) {
        break;
      }
      int id = tokens.size();
      tokens.add(tokens.get(pair.left()) + tokens.get(pair.right()));
      merges.add(tokens.get(pair.left()) + " " + tokens.get(pair.right()));
      Map<Pair, Long> grown = new LinkedHashMap<>();
      int last = -1;
      for (int word : where.remove(pair)) {
        if (word == last) {
          continue;
        }
        last = word;
        int[] old = words[word];
        int[] merged = merged(old, pair, id);
        if (merged.length == old.length) {
          continue;
        }
        words[word] = merged;
        for (int j = 0; j + 1 < old.length; j++) {
          counts.merge(new Pair(old[j], old[j + 1]), -weights[word], Long::sum);
        }
        for (int j = 0; j + 1 < merged.length; j++) {
          Pair next = new Pair(merged[j], merged[j + 1]);
          counts.merge(next, weights[word], Long::sum);
          if (next.left() == id || next.right() == id) {
            where.computeIfAbsent(next, _ -> new ArrayList<>()).add(word);
            grown.put(next, 0L);
          }
        }
      }
      counts.remove(pair);
      for (Pair next : grown.keySet()) {
        queue.add(new Candidate(counts.get(next), next));
      }
    }
    return merges;
  }

  private static int[] merged(int[] word, Pair pair, int id) {
    int[] out = new int[word.length];
    int n = 0;
    for (int j = 0; j < word.length; j++) {
      if (j + 1 < word.length && word[j] == pair.left() && word[j + 1] == pair.right()) {
        out[n++] = id;
        j++;
      } else {
        out[n++] = word[j];
      }
    }
    return n == word.length ? word : Arrays.copyOf(out, n);
  }

  private static String json(List<String> tokens, List<String> merges) {
    Map<String, Integer> vocabulary = new LinkedHashMap<>();
    for (int i = 0; i < tokens.size(); i++) {
      vocabulary.put(tokens.get(i), i);
    }
    List<Map<String, Object>> added = new ArrayList<>();
    for (String special : List.of(END_OF_TEXT, MASK)) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("id", vocabulary.get(special));
      entry.put("content", special);
      entry.put("single_word", false);
      entry.put("lstrip", false);
      entry.put("rstrip", false);
      entry.put("normalized", false);
      entry.put("special", true);
      added.add(entry);
    }
    Map<String, Object> byteLevel = new LinkedHashMap<>();
    byteLevel.put("type", "ByteLevel");
    byteLevel.put("add_prefix_space", false);
    byteLevel.put("trim_offsets", false);
    byteLevel.put("use_regex", false);
    Map<String, Object> split = new LinkedHashMap<>();
    split.put("type", "Split");
    split.put("pattern", Map.of("Regex", PIECES));
    split.put("behavior", "Isolated");
    split.put("invert", false);
    Map<String, Object> preTokenizer = new LinkedHashMap<>();
    preTokenizer.put("type", "Sequence");
    preTokenizer.put("pretokenizers", List.of(split, byteLevel));
    Map<String, Object> model = new LinkedHashMap<>();
    model.put("type", "BPE");
    model.put("dropout", null);
    model.put("unk_token", null);
    model.put("continuing_subword_prefix", null);
    model.put("end_of_word_suffix", null);
    model.put("fuse_unk", false);
    model.put("byte_fallback", false);
    model.put("ignore_merges", false);
    model.put("vocab", vocabulary);
    model.put("merges", merges);
    Map<String, Object> root = new LinkedHashMap<>();
    root.put("version", "1.0");
    root.put("truncation", null);
    root.put("padding", null);
    root.put("added_tokens", added);
    root.put("normalizer", null);
    root.put("pre_tokenizer", preTokenizer);
    root.put("post_processor", null);
    root.put("decoder", byteLevel);
    root.put("model", model);
    return JsonMapper.builder()
        .enable(SerializationFeature.INDENT_OUTPUT)
        .build()
        .writeValueAsString(root);
  }

  /** GPT-2's printable stand-in for every byte. */
  private static char[] byteAlphabet() {
    char[] alphabet = new char[256];
    int next = 256;
    for (int b = 0; b < 256; b++) {
      boolean printable = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
      alphabet[b] = (char) (printable ? b : next++);
    }
    return alphabet;
  }
}
