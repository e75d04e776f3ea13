/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weights;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * A checkpoint file being written: its header stands, tensors follow one after another in the order
 * announced, each in as many pieces as the caller likes. The file appears under its name, whole, at
 * {@link #commit}; closed before that, nothing is left behind.
 */
public final class TensorSink implements AutoCloseable {
  private static final long MAX_BUFFER = 256L << 20;

  private final Path target;
  private final Path partial;
  private final FileChannel channel;
  private final List<TensorSpec> tensors;
  private final int alignment;
  private int tensor;
  private long written;

  TensorSink(Path target, ByteBuffer header, List<TensorSpec> tensors, int alignment) {
    this.target = target;
    this.tensors = List.copyOf(tensors);
    this.alignment = alignment;
    this.partial =
        target.resolveSibling(
            "." + target.getFileName() + "." + ProcessHandle.current().pid() + ".partial");
    refuseWithoutRoom();
    try {
      channel =
          FileChannel.open(
              partial,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw new UncheckedIOException(target + " cannot be written: " + FileFault.reason(e), e);
    }
    // A process that is interrupted closes nothing, and would leave many gigabytes behind.
    partial.toFile().deleteOnExit();
    put(header);
    skipEmpty();
  }

  /** Minutes of writing are for nothing when the disk is full at their end. */
  private void refuseWithoutRoom() {
    long wanted = tensors.stream().mapToLong(TensorSpec::bytes).sum();
    long free;
    try {
      free = Files.getFileStore(target.toAbsolutePath().getParent()).getUsableSpace();
    } catch (IOException e) {
      // Opening the file will say what is wrong with the place.
      return;
    }
    // File systems that do not know say 0.
    if (free > 0 && free < wanted) {
      String message =
          "%s cannot be written: its tensors take %d bytes, and %d are free there; choose another place, or a smaller element type"
              .formatted(target, wanted, free);
      throw new UncheckedIOException(message, new IOException(message));
    }
  }

  /**
   * The next bytes, of one tensor or of several in a row.
   *
   * @throws IllegalStateException if more bytes come than were announced
   */
  public void write(MemorySegment bytes) {
    long at = 0;
    while (at < bytes.byteSize()) {
      if (tensor == tensors.size()) {
        throw new IllegalStateException(
            target + ": " + (bytes.byteSize() - at) + " bytes follow the last tensor");
      }
      long left = tensors.get(tensor).bytes() - written;
      long n = Math.min(Math.min(left, bytes.byteSize() - at), MAX_BUFFER);
      put(bytes.asSlice(at, n).asByteBuffer());
      at += n;
      written += n;
      if (n == left) {
        next();
      }
    }
  }

  /**
   * Makes the file appear, in place of any other of that name.
   *
   * @throws IllegalStateException if bytes are missing
   */
  public void commit() {
    if (tensor < tensors.size()) {
      throw new IllegalStateException(
          target
              + ": tensor "
              + tensors.get(tensor).name()
              + " has "
              + written
              + " of its "
              + tensors.get(tensor).bytes()
              + " bytes");
    }
    try {
      channel.force(true);
      channel.close();
      Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new UncheckedIOException(target + " cannot be written: " + FileFault.reason(e), e);
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
      Files.deleteIfExists(partial);
    } catch (IOException e) {
      throw new UncheckedIOException(partial + " cannot be removed: " + e.getMessage(), e);
    }
  }

  private void next() {
    long bytes = tensors.get(tensor).bytes();
    tensor++;
    written = 0;
    put(ByteBuffer.allocate((int) (-bytes & (alignment - 1))));
    skipEmpty();
  }

  private void skipEmpty() {
    while (tensor < tensors.size() && tensors.get(tensor).bytes() == 0) {
      tensor++;
    }
  }

  private void put(ByteBuffer bytes) {
    try {
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(target + " cannot be written: " + FileFault.reason(e), e);
    }
  }
}
