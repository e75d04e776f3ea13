/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weights;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.WeightView;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads one GGUF file of version 2 or 3, little-endian (format: ggml-org/ggml, docs/gguf.md): typed
 * key/value pairs, tensor descriptions, then the tensors' bytes at aligned offsets.
 */
final class GgufReader {
  private static final int MAGIC = 0x46554747;
  private static final int DEFAULT_ALIGNMENT = 32;
  private static final int MAX_ALIGNMENT = 1 << 20;
  private static final int MAX_KEYS = 1 << 16;
  private static final int MAX_TENSORS = 1 << 18;
  private static final int MAX_KEY = 65_535;
  private static final int MAX_TENSOR_NAME = 1024;
  private static final int MAX_STRING = 64 << 20;
  private static final int MAX_RANK = 4;
  private static final int MAX_ARRAY_DEPTH = 4;

  /** Of all arrays together: room for several vocabularies of the largest models. */
  private static final long MAX_ELEMENTS = 4L << 20;

  /** Of all strings together. */
  private static final long MAX_STRING_BYTES = 256L << 20;

  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final MappedFile file;
  private final ObjectNode metadata = JsonNodeFactory.instance.objectNode();
  private final Map<String, WeightView> tensors = new LinkedHashMap<>();
  private final Map<String, String> unreadable = new LinkedHashMap<>();
  private long at;
  private long elementsLeft = MAX_ELEMENTS;
  private long stringBytesLeft = MAX_STRING_BYTES;

  private record Description(String name, List<Long> shape, int type, long offset) {}

  private GgufReader(MappedFile file) {
    this.file = file;
  }

  /**
   * Checks the header and slices the file.
   *
   * @throws CheckpointException naming the file and the field that is wrong
   */
  static GgufReader read(MappedFile file) {
    GgufReader reader = new GgufReader(file);
    reader.header();
    return reader;
  }

  /** Whether the file begins like one of this format. */
  static boolean recognises(MappedFile file) {
    return file.size() >= 4 && file.memory().get(INT, 0) == MAGIC;
  }

  ObjectNode metadata() {
    return metadata;
  }

  Map<String, WeightView> tensors() {
    return tensors;
  }

  Map<String, String> unreadable() {
    return unreadable;
  }

  private void header() {
    if (int32("magic") != MAGIC) {
      throw file.bad("magic", "the file does not begin with the letters GGUF");
    }
    int version = int32("version");
    if (version != 2 && version != 3) {
      boolean swapped = Integer.reverseBytes(version) > 0 && Integer.reverseBytes(version) < 16;
      throw file.bad(
          "version",
          Integer.toUnsignedString(version)
              + " is not supported; expected 2 or 3"
              + (swapped ? " (this looks like a big-endian file)" : ""));
    }
    // A description takes at least 24 bytes, a pair 13: counts beyond that are refused unseen.
    int tensorCount = count("tensor_count", MAX_TENSORS, 24);
    int keyCount = count("metadata_kv_count", MAX_KEYS, 13);
    for (int i = 0; i < keyCount; i++) {
      pair(i);
    }
    List<Description> descriptions = new ArrayList<>();
    Map<String, Integer> names = new LinkedHashMap<>();
    for (int i = 0; i < tensorCount; i++) {
      Description d = description(i);
      if (names.put(d.name, i) != null) {
        throw file.bad(field(d.name), "listed twice");
      }
      descriptions.add(d);
    }
    slice(descriptions, alignment());
  }

  private void pair(int index) {
    String key = text("key " + index, MAX_KEY);
    if (key.isEmpty()) {
      throw file.bad("key " + index, "is empty");
    }
    if (metadata.has(key)) {
      throw file.bad("key " + MappedFile.show(key), "listed twice");
    }
    String field = "key " + MappedFile.show(key);
    metadata.set(key, value(field, int32(field + " type"), 0));
  }

  private JsonNode value(String field, int type, int depth) {
    JsonNodeFactory nodes = JsonNodeFactory.instance;
    return switch (type) {
      case 0 -> nodes.numberNode(int8(field) & 0xFF);
      case 1 -> nodes.numberNode((int) int8(field));
      case 2 -> nodes.numberNode(int16(field) & 0xFFFF);
      case 3 -> nodes.numberNode((int) int16(field));
      case 4 -> unsigned(int32(field));
      case 5 -> nodes.numberNode(int32(field));
      case 6 -> nodes.numberNode(Float.intBitsToFloat(int32(field)));
      case 7 -> bool(field);
      case 8 -> nodes.stringNode(string(field, MAX_STRING, false));
      case 9 -> array(field, depth);
      case 10 -> unsigned(field, int64(field));
      case 11 -> nodes.numberNode(int64(field));
      case 12 -> nodes.numberNode(Double.longBitsToDouble(int64(field)));
      default ->
          throw file.bad(
              field, "value type " + Integer.toUnsignedString(type) + " is none of 0 to 12");
    };
  }

  private JsonNode bool(String field) {
    int b = int8(field);
    if (b != 0 && b != 1) {
      throw file.bad(field, "a truth value of " + (b & 0xFF) + " is neither 0 nor 1");
    }
    return JsonNodeFactory.instance.booleanNode(b == 1);
  }

  private static JsonNode unsigned(int bits) {
    return bits >= 0
        ? JsonNodeFactory.instance.numberNode(bits)
        : JsonNodeFactory.instance.numberNode(Integer.toUnsignedLong(bits));
  }

  private JsonNode unsigned(String field, long bits) {
    if (bits < 0) {
      throw file.bad(field, Long.toUnsignedString(bits) + " is beyond 63 bits");
    }
    return JsonNodeFactory.instance.numberNode(bits);
  }

  private ArrayNode array(String field, int depth) {
    if (depth == MAX_ARRAY_DEPTH) {
      throw file.bad(field, "arrays nest deeper than " + MAX_ARRAY_DEPTH);
    }
    int type = int32(field + " element type");
    int smallest =
        switch (type) {
          case 0, 1, 7 -> 1;
          case 2, 3 -> 2;
          case 4, 5, 6 -> 4;
          case 8, 10, 11, 12 -> 8;
          case 9 -> 12;
          default ->
              throw file.bad(
                  field, "element type " + Integer.toUnsignedString(type) + " is none of 0 to 12");
        };
    int count = count(field + " length", elementsLeft, smallest);
    elementsLeft -= count;
    ArrayNode out = JsonNodeFactory.instance.arrayNode();
    for (int i = 0; i < count; i++) {
      out.add(value(field, type, depth + 1));
    }
    return out;
  }

  private Description description(int index) {
    String name = text("tensor " + index + " name", MAX_TENSOR_NAME);
    String field = field(name);
    int rank = int32(field + " n_dimensions");
    if (rank < 0 || rank > MAX_RANK) {
      throw file.bad(
          field,
          "n_dimensions " + Integer.toUnsignedString(rank) + " is not between 0 and " + MAX_RANK);
    }
    List<Long> shape = new ArrayList<>();
    for (int i = 0; i < rank; i++) {
      long d = int64(field + " dimensions");
      if (d < 0) {
        throw file.bad(field, "dimension " + Long.toUnsignedString(d) + " is beyond 63 bits");
      }
      shape.add(d);
    }
    // Files list the innermost dimension first.
    Collections.reverse(shape);
    int type = int32(field + " type");
    long offset = int64(field + " offset");
    return new Description(name, List.copyOf(shape), type, offset);
  }

  private int alignment() {
    JsonNode node = metadata.get("general.alignment");
    if (node == null) {
      return DEFAULT_ALIGNMENT;
    }
    boolean whole = node.isIntegralNumber() && node.canConvertToInt();
    int alignment = whole ? node.intValue() : 0;
    if (alignment <= 0 || alignment > MAX_ALIGNMENT || Integer.bitCount(alignment) != 1) {
      throw file.bad(
          "key general.alignment",
          MappedFile.show(node.toString()) + " is not a power of two up to " + MAX_ALIGNMENT);
    }
    return alignment;
  }

  private void slice(List<Description> descriptions, int alignment) {
    if (descriptions.isEmpty()) {
      return;
    }
    long start = (at + alignment - 1) / alignment * alignment;
    if (start > file.size()) {
      throw file.bad(
          "tensor data", "would start at " + start + "; the file has " + file.size() + " bytes");
    }
    MemorySegment data = file.memory().asSlice(start);
    TensorExtents extents = new TensorExtents(file);
    for (Description d : descriptions) {
      String field = field(d.name);
      if (d.offset < 0 || d.offset % alignment != 0 || d.offset > data.byteSize()) {
        throw file.bad(
            field,
            "offset "
                + Long.toUnsignedString(d.offset)
                + " is not a multiple of the alignment "
                + alignment
                + " within the "
                + data.byteSize()
                + " bytes of data");
      }
      Optional<GgmlType> type = GgmlType.of(d.type);
      if (type.isEmpty()) {
        unreadable.put(d.name, "number " + Integer.toUnsignedString(d.type));
        continue;
      }
      long bytes = bytes(field, d.shape, type.get());
      if (bytes > data.byteSize() - d.offset) {
        throw file.bad(
            field,
            type.get()
                + d.shape.toString()
                + " takes "
                + bytes
                + " bytes at offset "
                + d.offset
                + "; the file holds "
                + (data.byteSize() - d.offset)
                + " there");
      }
      extents.add(d.name, d.offset, d.offset + bytes);
      Optional<DType> dtype = type.get().dtype();
      if (dtype.isEmpty()) {
        unreadable.put(d.name, type.get().name());
      } else {
        tensors.put(
            d.name, new WeightView(d.name, dtype.get(), d.shape, data.asSlice(d.offset, bytes)));
      }
    }
    extents.check(data.byteSize(), false);
  }

  private long bytes(String field, List<Long> shape, GgmlType type) {
    long innermost = shape.isEmpty() ? 1 : shape.getLast();
    if (innermost % type.blockLength() != 0) {
      throw file.bad(
          field,
          "rows of " + innermost + " are not whole " + type + " blocks of " + type.blockLength());
    }
    try {
      long n = 1;
      for (long d : shape) {
        n = Math.multiplyExact(n, d);
      }
      return Math.multiplyExact(n / type.blockLength(), (long) type.blockBytes());
    } catch (ArithmeticException e) {
      throw file.bad(field, "dimensions " + shape + " overflow 63 bits of bytes");
    }
  }

  /** A 64-bit count of things that take at least {@code smallest} bytes each. */
  private int count(String field, long most, int smallest) {
    long n = int64(field);
    long room = (file.size() - at) / smallest;
    if (n < 0 || n > most || n > room) {
      throw file.bad(
          field,
          Long.toUnsignedString(n)
              + " is more than "
              + Math.min(most, room)
              + (room < most ? ", all that fits into the rest of the file" : ", the limit"));
    }
    return (int) n;
  }

  private String text(String field, int most) {
    return string(field, most, true);
  }

  /** Names must be UTF-8; values may hold broken pieces of it, as byte-level vocabularies do. */
  private String string(String field, int most, boolean strict) {
    int length = count(field + " string length", Math.min(most, stringBytesLeft), 1);
    stringBytesLeft -= length;
    byte[] bytes = file.memory().asSlice(at, length).toArray(ValueLayout.JAVA_BYTE);
    at += length;
    if (!strict) {
      return new String(bytes, StandardCharsets.UTF_8);
    }
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw file.bad(field, "is not UTF-8");
    }
  }

  private byte int8(String field) {
    return file.memory().get(ValueLayout.JAVA_BYTE, advance(1, field));
  }

  private short int16(String field) {
    return file.memory().get(SHORT, advance(2, field));
  }

  private int int32(String field) {
    return file.memory().get(INT, advance(4, field));
  }

  private long int64(String field) {
    return file.memory().get(LONG, advance(8, field));
  }

  private long advance(int bytes, String field) {
    if (bytes > file.size() - at) {
      throw file.bad(field, "the file ends at byte " + file.size() + ", within it");
    }
    long was = at;
    at += bytes;
    return was;
  }

  private static String field(String tensor) {
    return "tensor " + MappedFile.show(tensor);
  }
}
