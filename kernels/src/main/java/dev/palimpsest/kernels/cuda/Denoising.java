/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.palimpsest.kernels.DenoiseRows;
import dev.palimpsest.kernels.Denoised;
import dev.palimpsest.kernels.RenoiseRows;
import dev.palimpsest.kernels.SolverStep;
import dev.palimpsest.kernels.Tensor;
import java.lang.foreign.MemorySegment;

/** Launches of {@code denoising.cu}, and the structs it shares with the host. */
final class Denoising {
  private static final int THREADS = 128;

  /** Ints of {@code Entry} and of {@code Noised}. */
  private static final int ENTRY_INTS = 14;

  private static final int NOISED_INTS = 8;

  /** Bytes of {@code Seen}. */
  private static final int SEEN_BYTES = 32;

  /** {@code DenoiseShared} before the weights of a group's codes. */
  private static final int SHARED = 4 * (8 + 4 + 4) + 4 * THREADS;

  private final CudaContext context;
  private final DeviceMemory memory;
  private final StepArrays arrays;
  private final Kernel nearest;
  private final Kernel latents;
  private final Kernel renoise;
  private final Kernel estimate;
  private final Kernel solve;
  private final GrowingBlock estimates;
  private final GrowingBlock chosen;
  private MemorySegment chosenHere = MemorySegment.NULL;
  private final GrowingBlock seen;
  private MemorySegment seenHere = MemorySegment.NULL;

  Denoising(CudaContext context, DeviceMemory memory, Modules modules, StepArrays arrays) {
    this.context = context;
    this.memory = memory;
    this.arrays = arrays;
    estimates = new GrowingBlock(memory);
    chosen = new GrowingBlock(memory);
    seen = new GrowingBlock(memory);
    nearest =
        kernel(modules, "nearest_codes", "x*", "codes*", "groups", "n", "groupWidth", "chosen*");
    latents =
        kernel(
            modules,
            "latents",
            "codes*",
            "groups",
            "n",
            "groupWidth",
            "chosen*",
            "slots*",
            "state*");
    renoise = kernel(modules, "renoise", "entries*", "state*", "width");
    estimate =
        kernel(
            modules,
            "denoise_estimate",
            "logits*",
            "codes*",
            "groups",
            "n",
            "groupWidth",
            "entries*",
            "estimates*",
            "chosen*",
            "seen*");
    solve =
        kernel(
            modules,
            "denoise_solve",
            "entries*",
            "count",
            "seen*",
            "estimates*",
            "state*",
            "width");
  }

  private static Kernel kernel(Modules modules, String name, String... arguments) {
    return modules.kernel("denoising", name, THREADS, SHARED, arguments);
  }

  void nearest(Tensor x, int rows, CudaCodebook book, int[] codes) {
    int n = rows * book.groups();
    reserve(n, 0, 0);
    nearest
        .set(0, x.memory())
        .set(1, book.memory())
        .set(2, book.groups())
        .set(3, book.codes())
        .set(4, book.groupWidth())
        .set(5, chosen.memory())
        .launch(rows, book.groups());
    context.download(chosen.address(), chosenHere, 0, 4L * n);
    context.synchronize("looking for the nearest codes of " + rows + " rows");
    MemorySegment.copy(chosenHere, JAVA_INT, 0, codes, 0, n);
  }

  void latents(CudaCodebook book, int[] codes, int[] slots, int count, Tensor state) {
    latents
        .set(0, book.memory())
        .set(1, book.groups())
        .set(2, book.codes())
        .set(3, book.groupWidth())
        .set(4, arrays.upload(codes, count * book.groups()))
        .set(5, arrays.upload(slots, count))
        .set(6, state.memory())
        .launch(count);
  }

  void renoise(RenoiseRows rows, Tensor state) {
    int[] ints = arrays.room(rows.size() * NOISED_INTS);
    for (int i = 0; i < rows.size(); i++) {
      int at = i * NOISED_INTS;
      ints[at] = (int) rows.seed(i);
      ints[at + 1] = (int) (rows.seed(i) >>> 32);
      ints[at + 2] = rows.slot(i);
      ints[at + 3] = rows.step(i);
      ints[at + 4] = rows.position(i);
      ints[at + 5] = Float.floatToRawIntBits(rows.keep(i));
      ints[at + 6] = Float.floatToRawIntBits(rows.noise(i));
      ints[at + 7] = 0;
    }
    renoise
        .set(0, arrays.upload(ints, rows.size() * NOISED_INTS))
        .set(1, state.memory())
        .set(2, state.width() / 2)
        .launch(rows.size());
  }

  void denoise(Tensor logits, CudaCodebook book, DenoiseRows wanted, Tensor state, Denoised out) {
    int n = wanted.size();
    int groups = book.groups();
    reserve(n * groups, n, (long) n * book.width());
    int[] ints = arrays.room(n * ENTRY_INTS);
    for (int i = 0; i < n; i++) {
      write(wanted, i, ints, i * ENTRY_INTS);
    }
    long entries = arrays.upload(ints, n * ENTRY_INTS);
    estimate
        .set(0, logits.memory())
        .set(1, book.memory())
        .set(2, groups)
        .set(3, book.codes())
        .set(4, book.groupWidth())
        .set(5, entries)
        .set(6, estimates.memory())
        .set(7, chosen.memory())
        .set(8, seen.memory())
        .launch(n, 1, 1, SHARED + 4 * book.codes());
    solve
        .set(0, entries)
        .set(1, n)
        .set(2, seen.memory())
        .set(3, estimates.memory())
        .set(4, state.memory())
        .set(5, book.width())
        .launch(n);
    context.download(chosen.address(), chosenHere, 0, 4L * n * groups);
    context.download(seen.address(), seenHere, 0, (long) n * SEEN_BYTES);
    context.synchronize("denoising " + n + " positions");
    for (int i = 0; i < n; i++) {
      long at = (long) i * SEEN_BYTES;
      if (seenHere.get(JAVA_LONG, at + 24) != 0) {
        throw new IllegalStateException(
            "denoise: the logits of position %d hold NaN or infinity; the weights or activations are broken"
                .formatted(wanted.position(i)));
      }
      for (int g = 0; g < groups; g++) {
        out.setCode(i, g, chosenHere.getAtIndex(JAVA_INT, (long) i * groups + g));
      }
      out.set(
          i,
          seenHere.get(JAVA_DOUBLE, at),
          seenHere.get(JAVA_DOUBLE, at + 8),
          seenHere.get(JAVA_DOUBLE, at + 16));
    }
  }

  private static void write(DenoiseRows wanted, int i, int[] ints, int at) {
    SolverStep solver = wanted.solver(i);
    ints[at] = (int) wanted.seed(i);
    ints[at + 1] = (int) (wanted.seed(i) >>> 32);
    ints[at + 2] = wanted.row(i);
    ints[at + 3] = wanted.unconditionalRow(i);
    ints[at + 4] = wanted.slot(i);
    ints[at + 5] = wanted.step(i);
    ints[at + 6] = wanted.position(i);
    ints[at + 7] = Float.floatToRawIntBits(wanted.guidance(i));
    ints[at + 8] = Float.floatToRawIntBits(wanted.temperature(i));
    ints[at + 9] = Float.floatToRawIntBits(solver.latent());
    ints[at + 10] = Float.floatToRawIntBits(solver.estimate());
    ints[at + 11] = Float.floatToRawIntBits(solver.previous());
    ints[at + 12] = Float.floatToRawIntBits(solver.noise());
    ints[at + 13] = 0;
  }

  private void reserve(int codes, int entries, long elements) {
    chosenHere = room(chosen, chosenHere, 4L * codes);
    seenHere = room(seen, seenHere, (long) entries * SEEN_BYTES);
    estimates.reserve(4 * elements);
  }

  /** Makes room on the device and for what is downloaded of it; the latter is what comes back. */
  private MemorySegment room(GrowingBlock block, MemorySegment here, long bytes) {
    long had = here.byteSize();
    long size = bytes <= had ? had : Math.max(bytes, 2 * had);
    block.reserve(size);
    return size == had ? here : memory.pinned(size);
  }
}
