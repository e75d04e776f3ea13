/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weights;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.WeightView;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;

/**
 * Reads one safetensors file (format: github.com/huggingface/safetensors): eight bytes of header
 * length, a JSON header, the tensors' bytes without holes.
 */
final class SafetensorsReader {
  /** The reference implementation's bound on the header. */
  private static final long MAX_HEADER = 100_000_000;

  private static final int MAX_TENSORS = 1 << 18;
  private static final int MAX_RANK = 8;
  private static final ValueLayout.OfLong LENGTH =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final Map<String, DType> READABLE =
      Map.of(
          "F32", DType.F32, "F16", DType.F16, "BF16", DType.BF16, "I32", DType.I32, "I8", DType.I8);

  /** Element sizes of types that the format knows and no backend reads. */
  private static final Map<String, Integer> OTHER_SIZES =
      Map.ofEntries(
          Map.entry("BOOL", 1),
          Map.entry("U8", 1),
          Map.entry("F8_E4M3", 1),
          Map.entry("F8_E5M2", 1),
          Map.entry("F8_E8M0", 1),
          Map.entry("U16", 2),
          Map.entry("I16", 2),
          Map.entry("U32", 4),
          Map.entry("U64", 8),
          Map.entry("I64", 8),
          Map.entry("F64", 8),
          Map.entry("C64", 8));

  private final MappedFile file;
  private final Map<String, WeightView> tensors = new LinkedHashMap<>();
  private final Map<String, String> unreadable = new LinkedHashMap<>();

  private SafetensorsReader(MappedFile file) {
    this.file = file;
  }

  /**
   * Checks the header and slices the file.
   *
   * @throws CheckpointException naming the file and the field that is wrong
   */
  static SafetensorsReader read(MappedFile file) {
    SafetensorsReader reader = new SafetensorsReader(file);
    reader.header();
    return reader;
  }

  Map<String, WeightView> tensors() {
    return tensors;
  }

  Map<String, String> unreadable() {
    return unreadable;
  }

  private void header() {
    if (file.size() < 8) {
      throw file.bad("header length", "the file has " + file.size() + " bytes; it takes 8");
    }
    long length = file.memory().get(LENGTH, 0);
    if (length < 2 || length > MAX_HEADER || length > file.size() - 8) {
      throw file.bad(
          "header length",
          Long.toUnsignedString(length)
              + " is not between 2 and "
              + Math.min(MAX_HEADER, file.size() - 8)
              + " (the file has "
              + file.size()
              + " bytes)");
    }
    byte[] json = file.memory().asSlice(8, length).toArray(ValueLayout.JAVA_BYTE);
    MemorySegment data = file.memory().asSlice(8 + length);
    TensorExtents extents = new TensorExtents(file);
    try (JsonParser parser = Json.FACTORY.createParser(ObjectReadContext.empty(), json)) {
      expect(parser.nextToken(), JsonToken.START_OBJECT, "header");
      Set<String> seen = new HashSet<>();
      while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
        String name = parser.currentName();
        parser.nextToken();
        if (name.equals("__metadata__")) {
          expect(parser.currentToken(), JsonToken.START_OBJECT, "__metadata__");
          parser.skipChildren();
          continue;
        }
        if (!seen.add(name)) {
          throw file.bad(field(name), "listed twice in the header");
        }
        if (seen.size() > MAX_TENSORS) {
          throw file.bad("header", "lists more than " + MAX_TENSORS + " tensors");
        }
        tensor(name, parser, data, extents);
      }
      expect(parser.currentToken(), JsonToken.END_OBJECT, "header");
      if (parser.nextToken() != null) {
        throw file.bad("header", "something follows the JSON object: " + parser.currentToken());
      }
    } catch (JacksonException e) {
      throw new CheckpointException(file.path() + ": header: not valid JSON: " + Json.where(e), e);
    }
    extents.check(data.byteSize(), true);
  }

  private void tensor(String name, JsonParser parser, MemorySegment data, TensorExtents extents) {
    expect(parser.currentToken(), JsonToken.START_OBJECT, field(name));
    Optional<String> dtype = Optional.empty();
    Optional<List<Long>> shape = Optional.empty();
    Optional<List<Long>> offsets = Optional.empty();
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      String key = parser.currentName();
      JsonToken value = parser.nextToken();
      switch (key) {
        case "dtype" -> {
          expect(value, JsonToken.VALUE_STRING, field(name) + " dtype");
          dtype = Optional.of(parser.getString());
        }
        case "shape" -> shape = Optional.of(numbers(parser, field(name) + " shape", MAX_RANK));
        case "data_offsets" ->
            offsets = Optional.of(numbers(parser, field(name) + " data_offsets", 2));
        default ->
            throw file.bad(
                field(name),
                "has a field "
                    + MappedFile.show(key)
                    + "; known are dtype, shape and data_offsets");
      }
    }
    expect(parser.currentToken(), JsonToken.END_OBJECT, field(name));
    String type = dtype.orElseThrow(() -> file.bad(field(name), "dtype is missing"));
    List<Long> dims = shape.orElseThrow(() -> file.bad(field(name), "shape is missing"));
    List<Long> range = offsets.orElseThrow(() -> file.bad(field(name), "data_offsets is missing"));
    if (range.size() != 2 || range.get(0) > range.get(1) || range.get(1) > data.byteSize()) {
      throw file.bad(
          field(name),
          "data_offsets "
              + range
              + " is not a range within the "
              + data.byteSize()
              + " bytes of data");
    }
    long begin = range.get(0);
    long end = range.get(1);
    DType readable = READABLE.get(type);
    Integer size =
        readable != null ? Integer.valueOf(readable.blockBytes()) : OTHER_SIZES.get(type);
    if (size != null) {
      long bytes = bytes(name, dims, size);
      if (bytes != end - begin) {
        throw file.bad(
            field(name),
            "dtype "
                + type
                + " and shape "
                + dims
                + " take "
                + bytes
                + " bytes; data_offsets "
                + range
                + " hold "
                + (end - begin));
      }
    }
    extents.add(name, begin, end);
    if (readable == null) {
      unreadable.put(name, MappedFile.show(type));
    } else {
      tensors.put(name, new WeightView(name, readable, dims, data.asSlice(begin, end - begin)));
    }
  }

  private long bytes(String name, List<Long> shape, int size) {
    try {
      long n = size;
      for (long d : shape) {
        n = Math.multiplyExact(n, d);
      }
      return n;
    } catch (ArithmeticException e) {
      throw file.bad(field(name), "shape " + shape + " overflows 63 bits of bytes");
    }
  }

  private List<Long> numbers(JsonParser parser, String field, int most) {
    expect(parser.currentToken(), JsonToken.START_ARRAY, field);
    List<Long> out = new ArrayList<>();
    while (parser.nextToken() == JsonToken.VALUE_NUMBER_INT) {
      if (out.size() == most) {
        throw file.bad(field, "has more than " + most + " entries");
      }
      boolean fits =
          parser.getNumberType() == JsonParser.NumberType.INT
              || parser.getNumberType() == JsonParser.NumberType.LONG;
      if (!fits || parser.getLongValue() < 0) {
        throw file.bad(
            field, MappedFile.show(parser.getString()) + " is negative or beyond 63 bits");
      }
      out.add(parser.getLongValue());
    }
    if (parser.currentToken() != JsonToken.END_ARRAY) {
      throw file.bad(field, "expected an integer; found " + shown(parser.currentToken()));
    }
    return List.copyOf(out);
  }

  private void expect(JsonToken found, JsonToken expected, String field) {
    if (found != expected) {
      throw file.bad(field, "expected " + shown(expected) + "; found " + shown(found));
    }
  }

  private static String shown(JsonToken token) {
    return token == null
        ? "the end"
        : switch (token) {
          case START_OBJECT -> "an object";
          case END_OBJECT -> "the end of an object";
          case START_ARRAY -> "a list";
          case END_ARRAY -> "the end of a list";
          case VALUE_STRING -> "a string";
          case VALUE_NUMBER_INT -> "an integer";
          case VALUE_NUMBER_FLOAT -> "a fraction";
          default -> token.name();
        };
  }

  private static String field(String tensor) {
    return "tensor " + MappedFile.show(tensor);
  }
}
