/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weights;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.json.JsonMapper;

/**
 * Writes a safetensors file as a stream: the header first, then each tensor in the order declared,
 * through one off-heap buffer, so a file may be far larger than the heap.
 *
 * <p>The bytes go to a temporary file beside the target; {@link #commit} renames it in one step, and
 * {@link #close} without a commit deletes it, so the target is either whole or untouched. The tensor
 * data starts at a multiple of {@value #ALIGNMENT} bytes. Format:
 * https://github.com/huggingface/safetensors#format
 *
 * <pre>{@code
 * var tensors = List.of(new Declared("weight", Dtype.BF16, 2, 3));
 * try (var writer = SafetensorsWriter.create(path, Map.of(), tensors)) {
 *   writer.writeFloats("weight", values);
 *   writer.commit();
 * }
 * }</pre>
 */
public final class SafetensorsWriter implements AutoCloseable {
  /** Alignment of the tensor data in the file, in bytes. */
  public static final int ALIGNMENT = 64;

  private static final int BUFFER = 1 << 20;
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** Number formats this writer knows, by their names in the file. */
  public enum Dtype {
    /** IEEE single precision. */
    F32(4),
    /** The upper half of single precision, rounded to nearest even. */
    BF16(2),
    /** IEEE half precision, rounded to nearest even. */
    F16(2);

    private final int bytes;

    Dtype(int bytes) {
      this.bytes = bytes;
    }

    /** Size of one number in bytes. */
    public int bytes() {
      return bytes;
    }
  }

  /**
   * A tensor to come.
   *
   * @param shape row-major; an empty shape is a scalar
   */
  public record Declared(String name, Dtype dtype, List<Long> shape) {
    /**
     * Checks the shape.
     *
     * @throws IllegalArgumentException for a negative dimension or a name that is empty or reserved
     */
    public Declared {
      shape = List.copyOf(shape);
      if (name.isEmpty() || name.equals("__metadata__")) {
        throw new IllegalArgumentException("a tensor cannot be named '" + name + "'");
      }
      for (long d : shape) {
        if (d < 0) {
          throw new IllegalArgumentException("tensor " + name + " has a dimension of " + d);
        }
      }
    }

    /** The same with the shape spelled out. */
    public Declared(String name, Dtype dtype, long... shape) {
      this(name, dtype, Arrays.stream(shape).boxed().toList());
    }

    /** Number of elements. */
    public long elements() {
      long n = 1;
      for (long d : shape) {
        n = Math.multiplyExact(n, d);
      }
      return n;
    }

    /** Size in bytes. */
    public long byteSize() {
      return Math.multiplyExact(elements(), (long) dtype.bytes());
    }
  }

  private final Path target;
  private final Path part;
  private final FileChannel channel;
  private final List<Declared> tensors;
  private final Arena arena = Arena.ofConfined();
  private final MemorySegment staging;
  private final ByteBuffer buffer;
  private int next;
  private long written;
  private boolean committed;
  private boolean closed;

  private SafetensorsWriter(Path target, Path part, FileChannel channel, List<Declared> tensors) {
    this.target = target;
    this.part = part;
    this.channel = channel;
    this.tensors = tensors;
    this.staging = arena.allocate(BUFFER, 64);
    this.buffer = staging.asByteBuffer();
  }

  /**
   * Opens the temporary file and writes the header.
   *
   * @param metadata text pairs for the {@code __metadata__} entry; may be empty
   * @param tensors everything that will be written, in the order it will be written in
   * @throws IllegalArgumentException when a name comes twice
   */
  public static SafetensorsWriter create(
      Path target, Map<String, String> metadata, List<Declared> tensors) throws IOException {
    Map<String, Object> header = new LinkedHashMap<>();
    if (!metadata.isEmpty()) {
      header.put("__metadata__", metadata);
    }
    Set<String> names = new HashSet<>();
    long at = 0;
    for (Declared tensor : tensors) {
      if (!names.add(tensor.name())) {
        throw new IllegalArgumentException("tensor " + tensor.name() + " is declared twice");
      }
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("dtype", tensor.dtype().name());
      entry.put("shape", tensor.shape());
      long end = Math.addExact(at, tensor.byteSize());
      entry.put("data_offsets", List.of(at, end));
      header.put(tensor.name(), entry);
      at = end;
    }
    byte[] json = JsonMapper.shared().writeValueAsBytes(header);
    int padded = (json.length + 8 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    ByteBuffer head = ByteBuffer.allocate(padded).order(ByteOrder.LITTLE_ENDIAN);
    head.putLong(padded - 8).put(json);
    while (head.hasRemaining()) {
      head.put((byte) ' ');
    }
    head.flip();
    Path absolute = target.toAbsolutePath();
    Path part = absolute.resolveSibling(absolute.getFileName() + ".part");
    FileChannel channel =
        FileChannel.open(
            part,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE);
    SafetensorsWriter writer =
        new SafetensorsWriter(absolute, part, channel, new ArrayList<>(tensors));
    try {
      while (head.hasRemaining()) {
        channel.write(head);
      }
    } catch (IOException e) {
      writer.close();
      throw e;
    }
    return writer;
  }

  /**
   * Writes the next bytes of the current tensor as they are, already in its dtype and little-endian.
   * A tensor may come in several pieces.
   *
   * @param name the tensor whose turn it is, named so that a slip of order is caught
   */
  public void writeBytes(String name, MemorySegment bytes) throws IOException {
    advance(name, bytes.byteSize());
    for (long at = 0; at < bytes.byteSize(); ) {
      long n = Math.min(BUFFER, bytes.byteSize() - at);
      MemorySegment.copy(bytes, at, staging, 0, n);
      flush((int) n);
      at += n;
    }
  }

  /**
   * Writes the next numbers of the current tensor, turning float32 into its dtype.
   *
   * @param floats native-order float32, of any alignment
   */
  public void writeFloats(String name, MemorySegment floats) throws IOException {
    if (floats.byteSize() % 4 != 0) {
      throw new IllegalArgumentException(
          floats.byteSize() + " bytes given for tensor " + name + " are no whole float32s");
    }
    long count = floats.byteSize() / 4;
    Declared tensor = expected(name);
    advance(name, count * tensor.dtype().bytes());
    int chunk = BUFFER / 4;
    for (long at = 0; at < count; at += chunk) {
      int n = (int) Math.min(chunk, count - at);
      for (int i = 0; i < n; i++) {
        put(tensor.dtype(), i, floats.get(ValueLayout.JAVA_FLOAT_UNALIGNED, (at + i) * 4));
      }
      flush(n * tensor.dtype().bytes());
    }
  }

  /** Writes the next numbers of the current tensor, turning float32 into its dtype. */
  public void writeFloats(String name, float[] floats) throws IOException {
    writeFloats(name, MemorySegment.ofArray(floats));
  }

  private void put(Dtype dtype, int index, float value) {
    switch (dtype) {
      case F32 -> staging.set(FLOAT, index * 4L, value);
      case BF16 -> putShort(index, bfloat16(value));
      case F16 -> putShort(index, Float.floatToFloat16(value));
    }
  }

  private void putShort(int index, short bits) {
    staging.set(ValueLayout.JAVA_BYTE, index * 2L, (byte) bits);
    staging.set(ValueLayout.JAVA_BYTE, index * 2L + 1, (byte) (bits >> 8));
  }

  /** The bfloat16 nearest to the value, ties to even; a NaN stays a NaN. */
  private static short bfloat16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) (bits >>> 16 | 0x40);
    }
    return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
  }

  private void flush(int bytes) throws IOException {
    buffer.position(0).limit(bytes);
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
  }

  private Declared expected(String name) {
    if (committed || closed) {
      throw new IllegalStateException("the file " + target + " is already finished");
    }
    while (next < tensors.size() && written == tensors.get(next).byteSize()) {
      next++;
      written = 0;
    }
    if (next == tensors.size()) {
      throw new IllegalStateException(
          "tensor " + name + " was given, but all declared tensors are complete");
    }
    Declared tensor = tensors.get(next);
    if (!tensor.name().equals(name)) {
      throw new IllegalStateException(
          "tensor " + name + " was given, but it is the turn of " + tensor.name());
    }
    return tensor;
  }

  private void advance(String name, long bytes) {
    Declared tensor = expected(name);
    if (written + bytes > tensor.byteSize()) {
      throw new IllegalArgumentException(
          "tensor "
              + name
              + " has "
              + tensor.byteSize()
              + " bytes, but "
              + (written + bytes)
              + " were given");
    }
    written += bytes;
  }

  /**
   * Puts the file in its place.
   *
   * @throws IllegalStateException when a tensor is missing or incomplete
   */
  public void commit() throws IOException {
    while (next < tensors.size() && written == tensors.get(next).byteSize()) {
      next++;
      written = 0;
    }
    if (next < tensors.size()) {
      throw new IllegalStateException(
          "tensor "
              + tensors.get(next).name()
              + " has "
              + written
              + " of its "
              + tensors.get(next).byteSize()
              + " bytes");
    }
    channel.force(true);
    channel.close();
    Files.move(
        part, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    committed = true;
  }

  /** Frees the buffer; deletes the temporary file if nothing was committed. Idempotent. */
  @Override
  public void close() throws IOException {
    if (closed) {
      return;
    }
    closed = true;
    arena.close();
    channel.close();
    if (!committed) {
      Files.deleteIfExists(part);
    }
  }
}
