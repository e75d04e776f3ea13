/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weights;

import dev.palimpsest.kernels.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Writes safetensors files. */
public final class SafetensorsWriter {
  private static final int HEADER_ALIGNMENT = 8;

  private SafetensorsWriter() {}

  /**
   * Begins a file.
   *
   * @param tensors in file order; F32, F16, BF16, I32 or I8
   * @param metadata free text pairs for the header; transformers wants {@code format=pt}
   * @throws IllegalArgumentException for a name given twice or a type that the format does not know
   */
  public static TensorSink open(Path file, List<TensorSpec> tensors, Map<String, String> metadata) {
    ObjectNode header = JsonNodeFactory.instance.objectNode();
    if (!metadata.isEmpty()) {
      ObjectNode pairs = header.putObject("__metadata__");
      metadata.forEach(pairs::put);
    }
    Set<String> names = new HashSet<>();
    long at = 0;
    for (TensorSpec t : tensors) {
      if (!names.add(t.name()) || t.name().equals("__metadata__")) {
        throw new IllegalArgumentException("tensor name " + t.name() + " is taken");
      }
      ObjectNode entry = header.putObject(t.name());
      entry.put("dtype", dtype(t));
      ArrayNode shape = entry.putArray("shape");
      t.shape().forEach(d -> shape.add(d.longValue()));
      ArrayNode offsets = entry.putArray("data_offsets");
      offsets.add(at);
      at = Math.addExact(at, t.bytes());
      offsets.add(at);
    }
    byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
    int length = (json.length + HEADER_ALIGNMENT - 1) / HEADER_ALIGNMENT * HEADER_ALIGNMENT;
    ByteBuffer bytes = ByteBuffer.allocate(8 + length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putLong(length).put(json);
    while (bytes.hasRemaining()) {
      bytes.put((byte) ' ');
    }
    return new TensorSink(file, bytes.flip(), tensors, 1);
  }

  private static String dtype(TensorSpec tensor) {
    DType dtype = tensor.dtype();
    if (dtype.blockLength() != 1) {
      throw new IllegalArgumentException(
          "tensor "
              + tensor.name()
              + ": safetensors has no type for "
              + dtype
              + "; write GGUF, or F32, F16 or BF16");
    }
    return dtype.name();
  }
}
