/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weights;

import dev.palimpsest.kernels.DType;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Element types of GGUF tensors (ggml.h, {@code enum ggml_type}): their number in files and the
 * size of their blocks, also of those that no backend reads, so that offsets can be checked.
 */
enum GgmlType {
  F32(0, 1, 4, DType.F32),
  F16(1, 1, 2, DType.F16),
  Q4_0(2, 32, 18, DType.Q4_0),
  Q4_1(3, 32, 20),
  Q5_0(6, 32, 22),
  Q5_1(7, 32, 24),
  Q8_0(8, 32, 34, DType.Q8_0),
  Q8_1(9, 32, 36),
  Q2_K(10, 256, 84),
  Q3_K(11, 256, 110),
  Q4_K(12, 256, 144),
  Q5_K(13, 256, 176),
  Q6_K(14, 256, 210),
  Q8_K(15, 256, 292),
  I8(24, 1, 1),
  I16(25, 1, 2),
  I32(26, 1, 4, DType.I32),
  I64(27, 1, 8),
  F64(28, 1, 8),
  BF16(30, 1, 2, DType.BF16);

  private static final Map<Integer, GgmlType> BY_ID =
      Arrays.stream(values()).collect(Collectors.toMap(t -> t.id, Function.identity()));

  private final int id;
  private final int blockLength;
  private final int blockBytes;
  private final Optional<DType> dtype;

  GgmlType(int id, int blockLength, int blockBytes) {
    this.id = id;
    this.blockLength = blockLength;
    this.blockBytes = blockBytes;
    this.dtype = Optional.empty();
  }

  GgmlType(int id, int blockLength, int blockBytes, DType dtype) {
    this.id = id;
    this.blockLength = blockLength;
    this.blockBytes = blockBytes;
    this.dtype = Optional.of(dtype);
  }

  static Optional<GgmlType> of(int id) {
    return Optional.ofNullable(BY_ID.get(id));
  }

  static GgmlType of(DType dtype) {
    return Arrays.stream(values())
        .filter(t -> t.dtype.equals(Optional.of(dtype)))
        .findFirst()
        .orElseThrow();
  }

  int id() {
    return id;
  }

  int blockLength() {
    return blockLength;
  }

  int blockBytes() {
    return blockBytes;
  }

  /** The type that backends read it as, if they can. */
  Optional<DType> dtype() {
    return dtype;
  }
}
