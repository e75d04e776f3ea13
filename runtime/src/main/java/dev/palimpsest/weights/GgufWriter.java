/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weights;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.core.JsonParser.NumberType;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Writes GGUF files of version 3. */
public final class GgufWriter {
  private static final int VERSION = 3;
  private static final int ALIGNMENT = 32;

  private static final int UINT32 = 4;
  private static final int INT32 = 5;
  private static final int FLOAT32 = 6;
  private static final int BOOL = 7;
  private static final int STRING = 8;
  private static final int ARRAY = 9;
  private static final int UINT64 = 10;
  private static final int INT64 = 11;
  private static final int FLOAT64 = 12;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  private GgufWriter() {}

  /**
   * Begins a file.
   *
   * @param metadata key/value pairs. Types follow the nodes: whole numbers become uint32 (int32
   *     where negative, 64 bits where they must), float nodes float32, double nodes float64; lists
   *     have elements of one kind, whole ones int32. {@code general.alignment} is ignored: 32 it is
   * @param tensors in file order
   * @throws IllegalArgumentException for a tensor name given twice or a value without GGUF type
   */
  public static TensorSink open(Path file, ObjectNode metadata, List<TensorSpec> tensors) {
    GgufWriter w = new GgufWriter();
    w.out.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
    w.int32(VERSION);
    w.int64(tensors.size());
    List<Map.Entry<String, JsonNode>> pairs =
        metadata.properties().stream()
            .filter(p -> !p.getKey().equals("general.alignment"))
            .toList();
    w.int64(pairs.size());
    for (Map.Entry<String, JsonNode> pair : pairs) {
      w.string(pair.getKey());
      w.typed(pair.getKey(), pair.getValue());
    }
    Set<String> names = new HashSet<>();
    long at = 0;
    for (TensorSpec t : tensors) {
      if (!names.add(t.name())) {
        throw new IllegalArgumentException("tensor name " + t.name() + " is taken");
      }
      w.string(t.name());
      w.int32(t.shape().size());
      t.shape().reversed().forEach(w::int64);
      w.int32(GgmlType.of(t.dtype()).id());
      w.int64(at);
      at = Math.addExact(at, t.bytes() + (-t.bytes() & (ALIGNMENT - 1)));
    }
    while (w.out.size() % ALIGNMENT != 0) {
      w.out.write(0);
    }
    return new TensorSink(file, ByteBuffer.wrap(w.out.toByteArray()), tensors, ALIGNMENT);
  }

  private void typed(String key, JsonNode value) {
    int type = type(key, value);
    int32(type);
    if (type == ARRAY) {
      array(key, value);
    } else {
      scalar(type, value);
    }
  }

  private void array(String key, JsonNode list) {
    int type = list.isEmpty() ? STRING : elementType(key, list);
    int32(type);
    int64(list.size());
    for (JsonNode e : list) {
      if (type == ARRAY) {
        array(key, e);
      } else {
        scalar(type, e);
      }
    }
  }

  private static int elementType(String key, JsonNode list) {
    int widest = -1;
    for (JsonNode e : list) {
      int type = type(key, e);
      type = type == UINT32 ? INT32 : type == UINT64 ? INT64 : type;
      if (widest >= 0 && type != widest && !(isInteger(type) && isInteger(widest))) {
        throw new IllegalArgumentException("key " + key + ": a list of mixed kinds");
      }
      widest = Math.max(widest, type);
    }
    return widest;
  }

  private static boolean isInteger(int type) {
    return type == INT32 || type == INT64;
  }

  private static int type(String key, JsonNode value) {
    if (value.isBoolean()) {
      return BOOL;
    }
    if (value.isString()) {
      return STRING;
    }
    if (value.isArray()) {
      return ARRAY;
    }
    if (value.isIntegralNumber() && value.canConvertToLong()) {
      long v = value.longValue();
      return v < 0
          ? (v == (int) v ? INT32 : INT64)
          : value.numberType() == NumberType.INT ? UINT32 : UINT64;
    }
    if (value.isNumber()) {
      return value.numberType() == NumberType.FLOAT ? FLOAT32 : FLOAT64;
    }
    throw new IllegalArgumentException(
        "key " + key + ": GGUF has no type for " + value.getNodeType());
  }

  private void scalar(int type, JsonNode value) {
    switch (type) {
      case UINT32, INT32 -> int32(value.intValue());
      case UINT64, INT64 -> int64(value.longValue());
      case FLOAT32 -> int32(Float.floatToRawIntBits(value.floatValue()));
      case FLOAT64 -> int64(Double.doubleToRawLongBits(value.doubleValue()));
      case BOOL -> out.write(value.booleanValue() ? 1 : 0);
      default -> string(value.stringValue());
    }
  }

  private void string(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int64(bytes.length);
    out.writeBytes(bytes);
  }

  private void int32(int v) {
    out.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(v).array());
  }

  private void int64(long v) {
    out.writeBytes(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(v).array());
  }
}
