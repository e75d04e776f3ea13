/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.palimpsest.bindings.cuda.CUtensorMap;
import dev.palimpsest.bindings.cuda.Cuda;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;

/**
 * A tensor in device memory as the tensor copies of compute capability 9.0 and later see it (PTX,
 * {@code cp.async.bulk.tensor}): a copy brings a box of it into shared memory, with zeros where the
 * box leaves the tensor. Dimensions are counted from the innermost, whose elements are neighbours.
 *
 * @param type of the elements
 * @param address in device memory, a multiple of 16
 * @param dimensions elements in each dimension, one to five of them
 * @param strides bytes from one index to the next in each dimension but the first; multiples of 16
 * @param box elements of a box in each dimension, at most 256; its rows are whole 16 bytes
 * @param swizzle how chunks of 16 bytes change places in shared memory; a box has rows of as many
 *     bytes
 */
public record TensorMap(
    Type type,
    long address,
    List<Long> dimensions,
    List<Long> strides,
    List<Integer> box,
    Swizzle swizzle) {
  /** What the driver requires of the memory of a map, in bytes. */
  public static final long ALIGNMENT = 128;

  /** Elements. */
  public enum Type {
    BF16(Cuda.CU_TENSOR_MAP_DATA_TYPE_BFLOAT16()),
    F32(Cuda.CU_TENSOR_MAP_DATA_TYPE_FLOAT32());

    private final int code;

    Type(int code) {
      this.code = code;
    }
  }

  /** Within rows of so many bytes chunk c lies in place c XOR a number that the row has. */
  public enum Swizzle {
    NONE(Cuda.CU_TENSOR_MAP_SWIZZLE_NONE()),
    BYTES_32(Cuda.CU_TENSOR_MAP_SWIZZLE_32B()),
    BYTES_64(Cuda.CU_TENSOR_MAP_SWIZZLE_64B()),
    BYTES_128(Cuda.CU_TENSOR_MAP_SWIZZLE_128B());

    private final int code;

    Swizzle(int code) {
      this.code = code;
    }
  }

  public TensorMap {
    dimensions = List.copyOf(dimensions);
    strides = List.copyOf(strides);
    box = List.copyOf(box);
    int rank = dimensions.size();
    if (rank < 1 || rank > 5 || strides.size() != rank - 1 || box.size() != rank) {
      throw new IllegalArgumentException(
          "a tensor map has one to five dimensions, as many of the box, and a stride fewer; found %d, %d, %d"
              .formatted(rank, box.size(), strides.size()));
    }
  }

  /** A tensor whose elements lie without gaps. */
  public static TensorMap dense(
      Type type, long address, List<Long> dimensions, List<Integer> box, Swizzle swizzle) {
    long[] strides = new long[Math.max(0, dimensions.size() - 1)];
    long bytes = type == Type.BF16 ? 2 : 4;
    for (int i = 0; i < strides.length; i++) {
      bytes *= dimensions.get(i);
      strides[i] = bytes;
    }
    return new TensorMap(
        type, address, dimensions, LongStream.of(strides).boxed().toList(), box, swizzle);
  }

  /**
   * Memory for one map, zeroed. C aligns a {@code CUtensorMap} to {@value #ALIGNMENT} bytes; the
   * generated layout lost that, so {@code CUtensorMap.allocate} gives 8.
   */
  public static MemorySegment allocate(SegmentAllocator allocator) {
    return allocator.allocate(CUtensorMap.sizeof(), ALIGNMENT);
  }

  /**
   * The map as kernels take it: {@code CUtensorMap.sizeof()} bytes.
   *
   * @throws CudaException if the driver refuses it; the message has the map
   */
  public MemorySegment encode(SegmentAllocator allocator) {
    MemorySegment map = allocate(allocator);
    try (Arena arena = Arena.ofConfined()) {
      int[] ones = new int[box.size()];
      Arrays.fill(ones, 1);
      CudaDriver.check(
          Cuda.cuTensorMapEncodeTiled(
              map,
              type.code,
              dimensions.size(),
              MemorySegment.ofAddress(address),
              longs(arena, dimensions),
              longs(arena, strides),
              arena.allocateFrom(JAVA_INT, box.stream().mapToInt(Integer::intValue).toArray()),
              arena.allocateFrom(JAVA_INT, ones),
              Cuda.CU_TENSOR_MAP_INTERLEAVE_NONE(),
              swizzle.code,
              Cuda.CU_TENSOR_MAP_L2_PROMOTION_L2_128B(),
              Cuda.CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE()),
          "cuTensorMapEncodeTiled of " + this);
    }
    return map;
  }

  private static MemorySegment longs(Arena arena, List<Long> values) {
    return arena.allocateFrom(JAVA_LONG, values.stream().mapToLong(Long::longValue).toArray());
  }
}
