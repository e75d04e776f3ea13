/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.text;

import ai.djl.huggingface.tokenizers.Encoding;
import dev.palimpsest.weights.CheckpointException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * A {@code tokenizer.json} run by the Hugging Face tokenizers library through DJL. Truncation and
 * padding that the file asks for are switched off, and its template of special tokens is not
 * applied.
 */
public final class HuggingFaceTokenizer implements Tokenizer {
  /** Larger files are refused; the largest published ones have some 40 MB. */
  private static final long MOST_BYTES = 512L << 20;

  private static final Map<String, String> OPTIONS =
      Map.of("addSpecialTokens", "false", "truncation", "false", "padding", "false");

  private final ai.djl.huggingface.tokenizers.HuggingFaceTokenizer tokenizer;
  private final TokenizerJson json;
  private final String origin;
  // Knows no special tokens; loaded when a text first has one written out.
  private Optional<ai.djl.huggingface.tokenizers.HuggingFaceTokenizer> plain = Optional.empty();
  // The native side is freed by close; nobody may be inside it then.
  private final ReadWriteLock use = new ReentrantReadWriteLock();
  private boolean closed;

  private HuggingFaceTokenizer(
      ai.djl.huggingface.tokenizers.HuggingFaceTokenizer tokenizer,
      TokenizerJson json,
      String origin) {
    this.tokenizer = tokenizer;
    this.json = json;
    this.origin = origin;
  }

  /**
   * Loads a {@code tokenizer.json}.
   *
   * @throws CheckpointException if it is missing, damaged, or asks for something the library does
   *     not know; the message names the file
   */
  public static HuggingFaceTokenizer open(Path file) {
    String text;
    try {
      long bytes = Files.size(file);
      if (bytes > MOST_BYTES) {
        throw new CheckpointException(
            "%s: %d bytes are more than a tokenizer has (at most %d)"
                .formatted(file, bytes, MOST_BYTES));
      }
      text =
          StandardCharsets.UTF_8
              .newDecoder()
              .decode(ByteBuffer.wrap(Files.readAllBytes(file)))
              .toString();
    } catch (CharacterCodingException e) {
      throw new CheckpointException(file + ": not UTF-8", e);
    } catch (IOException e) {
      throw new CheckpointException(file + ": cannot be read: " + e, e);
    }
    return parse(text, file.toString());
  }

  /**
   * As {@link #open}, from the file's text.
   *
   * @param origin where the text is from, for messages
   */
  public static HuggingFaceTokenizer parse(String text, String origin) {
    TokenizerJson json = TokenizerJson.parse(text, origin);
    HuggingFaceTokenizer tokenizer = load(json, origin);
    try {
      tokenizer.checkAddedTokens(origin);
      return tokenizer;
    } catch (RuntimeException e) {
      tokenizer.close();
      throw e;
    }
  }

  private static HuggingFaceTokenizer load(TokenizerJson json, String origin) {
    return new HuggingFaceTokenizer(loadNative(json.text(), origin), json, origin);
  }

  private static ai.djl.huggingface.tokenizers.HuggingFaceTokenizer loadNative(
      String json, String origin) {
    byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
    try {
      return NativeTokenizers.call(
          () ->
              ai.djl.huggingface.tokenizers.HuggingFaceTokenizer.newInstance(
                  new ByteArrayInputStream(bytes), OPTIONS));
    } catch (LinkageError e) {
      throw new CheckpointException(
          origin
              + ": the tokenizers library does not run on this machine ("
              + System.getProperty("os.name")
              + ", "
              + System.getProperty("os.arch")
              + "): "
              + e.getMessage(),
          e);
    } catch (Exception e) {
      throw new CheckpointException(
          origin + ": the tokenizers library refuses it: " + e.getMessage(), e);
    }
  }

  /** The library gives an added token an id of its own where the file leaves a gap before it. */
  private void checkAddedTokens(String origin) {
    json.added()
        .forEach(
            (content, id) -> {
              int[] found = ids(tokenizer, content);
              if (found.length == 1 && found[0] != id) {
                throw new CheckpointException(
                    "%s: added_tokens: \"%s\" has id %d in the file, but the ids before it leave room only for %d"
                        .formatted(origin, content, id, found[0]));
              }
            });
  }

  @Override
  public int[] encode(String text) {
    String valid = withoutLoneSurrogates(text);
    use.readLock().lock();
    try {
      refuseIfClosed();
      int[] ids = ids(tokenizer, valid);
      // Without a special token in it a text is the same to both, and the other is rarely needed.
      return Arrays.stream(ids).anyMatch(json.special()::contains) ? ids(plain(), valid) : ids;
    } finally {
      use.readLock().unlock();
    }
  }

  private synchronized ai.djl.huggingface.tokenizers.HuggingFaceTokenizer plain() {
    if (plain.isEmpty()) {
      plain = Optional.of(loadNative(json.withoutSpecialTokens(), origin));
    }
    return plain.get();
  }

  /** Ids by one of the native tokenizers; the caller sees to it that it stays open. */
  private static int[] ids(
      ai.djl.huggingface.tokenizers.HuggingFaceTokenizer tokenizer, String valid) {
    Encoding encoding = tokenizer.encode(valid, false, false);
    long[] ids = encoding.getIds();
    int[] result = new int[ids.length];
    for (int i = 0; i < ids.length; i++) {
      result[i] = Math.toIntExact(ids[i]);
    }
    return result;
  }

  @Override
  public String decode(int[] ids, boolean keepSpecial) {
    long[] wide = new long[ids.length];
    for (int i = 0; i < ids.length; i++) {
      if (ids[i] < 0) {
        throw new IllegalArgumentException("token id " + ids[i] + " at " + i + " is negative");
      }
      wide[i] = ids[i];
    }
    use.readLock().lock();
    try {
      refuseIfClosed();
      return tokenizer.decode(wide, !keepSpecial);
    } finally {
      use.readLock().unlock();
    }
  }

  @Override
  public OptionalInt id(String token) {
    Integer id = json.ids().get(token);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  @Override
  public int size() {
    return json.size();
  }

  @Override
  public void close() {
    use.writeLock().lock();
    try {
      if (!closed) {
        closed = true;
        tokenizer.close();
        plain.ifPresent(ai.djl.huggingface.tokenizers.HuggingFaceTokenizer::close);
      }
    } finally {
      use.writeLock().unlock();
    }
  }

  private void refuseIfClosed() {
    if (closed) {
      throw new IllegalStateException("the tokenizer is closed");
    }
  }

  /** Half a surrogate pair has no UTF-8; it becomes U+FFFD. */
  private static String withoutLoneSurrogates(String text) {
    if (text.chars().noneMatch(c -> Character.isSurrogate((char) c))) {
      return text;
    }
    return text.codePoints()
        .map(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE ? 0xFFFD : c)
        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
        .toString();
  }
}
