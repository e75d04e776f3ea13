/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weightstool;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.weights.ElementCodec;
import dev.palimpsest.weights.TensorSink;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.LongUnaryOperator;

/** Streams a tensor into another file, in another element type and another order of its rows. */
final class TensorCopy implements AutoCloseable {
  private static final long CHUNK_ELEMENTS = 1 << 20;

  private final Arena arena = Arena.ofConfined();
  private final TensorSink sink;
  private final ProgressLine progress;
  private MemorySegment buffer = MemorySegment.NULL;
  private float[] floats = {};

  TensorCopy(TensorSink sink, ProgressLine progress) {
    this.sink = sink;
    this.progress = progress;
  }

  /**
   * Appends {@code view} as {@code type}.
   *
   * @param rowLength elements that move together
   * @param source which row of {@code view} becomes the given one
   */
  void copy(WeightView view, DType type, int rowLength, LongUnaryOperator source) {
    long rows = rowLength == 0 ? 0 : view.elements() / rowLength;
    int chunk = (int) Math.max(1, Math.min(rows, CHUNK_ELEMENTS / Math.max(1, rowLength)));
    long rowBytes = type.bytes(rowLength);
    reserve(chunk * rowBytes, rowLength);
    for (long row = 0; row < rows; row += chunk) {
      int n = (int) Math.min(chunk, rows - row);
      for (int i = 0; i < n; i++) {
        long from = source.applyAsLong(row + i);
        if (view.dtype() == type) {
          MemorySegment.copy(view.memory(), from * rowBytes, buffer, i * rowBytes, rowBytes);
        } else {
          ElementCodec.decode(view, from * rowLength, rowLength, floats);
          ElementCodec.encode(floats, rowLength, type, buffer, i * rowBytes);
        }
      }
      sink.write(buffer.asSlice(0, n * rowBytes));
      progress.advance(n * rowBytes);
    }
  }

  @Override
  public void close() {
    arena.close();
  }

  private void reserve(long bytes, int elements) {
    if (buffer.byteSize() < bytes) {
      buffer = arena.allocate(bytes, 64);
    }
    if (floats.length < elements) {
      floats = new float[elements];
    }
  }
}
