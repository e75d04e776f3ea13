/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * A corpus as token ids: unsigned 16-bit little-endian numbers, memory-mapped. Every document is
 * followed by the end-of-text token.
 */
public final class TokenFile implements AutoCloseable {
  private static final ValueLayout.OfShort ID =
      ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Arena arena;
  private final MemorySegment ids;

  private TokenFile(Arena arena, MemorySegment ids) {
    this.arena = arena;
    this.ids = ids;
  }

  /** Maps the file; it must stay unchanged until {@link #close}. */
  public static TokenFile open(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new IOException(
          "no tokens at " + file + "; make them first with `palimpsest train tokenizer`");
    }
    Arena arena = Arena.ofShared();
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      return new TokenFile(
          arena, channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena));
    } catch (IOException e) {
      arena.close();
      throw e;
    }
  }

  /** Encodes the documents and writes them; returns the number of tokens. */
  static long write(Path file, List<String> documents, Path tokenizerJson, int endOfText)
      throws IOException {
    long written = 0;
    Path part = file.resolveSibling(file.getFileName() + ".part");
    try (HuggingFaceTokenizer tokenizer = tokenizer(tokenizerJson);
        OutputStream out = new BufferedOutputStream(Files.newOutputStream(part), 1 << 16)) {
      for (String document : documents) {
        for (long id : tokenizer.encode(document, false, false).getIds()) {
          out.write((int) id);
          out.write((int) (id >> 8));
          written++;
        }
        out.write(endOfText);
        out.write(endOfText >> 8);
        written++;
      }
    }
    Files.move(part, file, StandardCopyOption.REPLACE_EXISTING);
    return written;
  }

  /** The tokenizer of a {@code tokenizer.json}, with no limit on the length of a text. */
  public static HuggingFaceTokenizer tokenizer(Path tokenizerJson) throws IOException {
    return HuggingFaceTokenizer.builder()
        .optTokenizerPath(tokenizerJson)
        .optTruncation(false)
        .optPadding(false)
        .build();
  }

  /** Number of tokens. */
  public long length() {
    return ids.byteSize() / 2;
  }

  /** The token at an index. */
  public int at(long index) {
    return ids.getAtIndex(ID, index) & 0xffff;
  }

  @Override
  public void close() {
    arena.close();
  }
}
