/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Sampling;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Launches of {@code head.cu}: predictions without a row of logits in memory. */
final class Head {
  /** Columns of the vocabulary that a block reduces. */
  private static final int COLUMNS = 128;

  /** Rows of a fragment; a guided entry takes one in its first half and one in its second. */
  private static final int FRAGMENT = 16;

  private static final int MOST_ENTRIES = 512;

  /** Ints of a slot. */
  static final int SLOT_INTS = 2;

  private static final int PARTIAL_BYTES = 48;
  private static final int NORMAL_BYTES = 16;

  /**
   * Rows up to which the blocks of few rows are taken. No measurement stands behind it: part {@code
   * kernels} of {@code bench/gpu} measures {@code head and sample} on both sides of it.
   */
  private static final int FEW = 64;

  private static final int FEW_ROWS = 32;
  private static final int MANY_ROWS = 128;

  /** Stages of the tiles, which are more than their logits. */
  private static final int FEW_SHARED = 3 * (FEW_ROWS + COLUMNS) * (64 + 8) * 2;

  private static final int MANY_SHARED = 4 * (MANY_ROWS + COLUMNS) * (32 + 8) * 2;

  private final CudaContext context;
  private final DeviceMemory memory;
  private final Kernel few;
  private final Kernel many;
  private final Kernel floorFew;
  private final Kernel floorMany;
  private final Kernel combine;
  private final Kernel entropy;
  private final WantedEntries entries;
  private final StepArray slotArray;
  private final StepArray entropySlotArray;
  private final GrowingBlock partials;
  private final GrowingBlock floors;
  private MemorySegment normals = MemorySegment.NULL;
  private MemorySegment present = MemorySegment.NULL;
  private MemorySegment found = MemorySegment.NULL;
  private MemorySegment foundHere = MemorySegment.NULL;
  private int[] slots = new int[64];

  Head(CudaContext context, DeviceMemory memory, Modules modules) {
    this.context = context;
    this.memory = memory;
    few = tile(modules, "head_few", 128, FEW_SHARED, "partials*", "present*");
    many = tile(modules, "head_many", 256, MANY_SHARED, "partials*", "present*");
    floorFew = tile(modules, "head_floor_few", 128, FEW_SHARED, "normals*", "floors*");
    floorMany = tile(modules, "head_floor_many", 256, MANY_SHARED, "normals*", "floors*");
    combine =
        modules.kernel(
            "head",
            "head_combine",
            256,
            Sample.SHARED,
            "partials*",
            "tiles",
            "columns",
            "wanted*",
            "present*",
            "found*",
            "normals*");
    entropy =
        modules.kernel(
            "head", "head_entropy", 256, Sample.SHARED, "floors*", "tiles", "slots*", "found*");
    partials = new GrowingBlock(memory);
    floors = new GrowingBlock(memory);
    entries = new WantedEntries(context, memory);
    slotArray = new StepArray(context, memory);
    entropySlotArray = new StepArray(context, memory);
  }

  private static Kernel tile(
      Modules modules, String name, int threads, int shared, String tenth, String eleventh) {
    return modules.kernel(
        "head",
        name,
        threads,
        shared,
        "hidden*",
        "head*",
        "in",
        "stride",
        "columns",
        "slotCount",
        "slots*",
        "wanted*",
        "suppressed*",
        tenth,
        eleventh);
  }

  /** Whether these kernels can predict it: tensor cores, and neither top-k nor top-p at work. */
  static boolean takes(CudaLinear head, Sampling s) {
    boolean filters = s.topK() > 0 && s.topK() < head.out() || s.topP() < 1;
    boolean idle = s.temperature() == 0 && s.confidenceOn() == Sampling.Distribution.RAW;
    return head.shape().bf16OnTensorCores() && (!filters || idle);
  }

  /** Predicts the first {@code count} entries that {@code which} names. */
  void predict(
      MemorySegment hidden,
      CudaLinear head,
      PredictionRows wanted,
      int[] which,
      int count,
      Predictions out) {
    int tiles = (head.out() + COLUMNS - 1) / COLUMNS;
    for (int first = 0; first < count; first += MOST_ENTRIES) {
      int n = Math.min(MOST_ENTRIES, count - first);
      reserve(Math.min(count, MOST_ENTRIES), tiles);
      entries.clear();
      for (int i = 0; i < n; i++) {
        entries.add(wanted, which[first + i], -1, -1);
      }
      int slotCount = fillSlots(wanted, which, first, n, false);
      long slotsAt = slotArray.upload(slots, slotCount * SLOT_INTS);
      long entriesAt = entries.entriesAt();
      long suppressedAt = entries.suppressedAt();
      Part part = new Part(hidden.address(), head, 0, n, entriesAt, suppressedAt, found.address());
      reduce(part, slotCount, slotsAt);
      slotCount = fillSlots(wanted, which, first, n, true);
      if (slotCount > 0) {
        addEntropies(part, slotCount, entropySlotArray.upload(slots, slotCount * SLOT_INTS));
      }
      context.download(found.address(), foundHere, 0, (long) n * Sample.FOUND_BYTES);
      context.synchronize("predicting " + n + " positions");
      for (int i = 0; i < n; i++) {
        Sample.read(foundHere, (long) i * Sample.FOUND_BYTES, which[first + i], wanted, out);
      }
    }
  }

  /**
   * Entries that are predicted together. Slots name them as they are numbered from {@code entries}
   * and {@code found} on; what lives within the launches has room for these alone.
   *
   * @param hidden rows that slots refer to
   * @param first the first one
   * @param count how many, as {@link #reserve}d
   */
  private record Part(
      long hidden,
      CudaLinear head,
      int first,
      int count,
      long entries,
      long suppressed,
      long found) {
    int tiles() {
      return (head.out() + COLUMNS - 1) / COLUMNS;
    }

    /** Where entry 0 would be, if the first one is at {@code block}. */
    long zero(MemorySegment block, long entryBytes) {
      return block.address() - first * entryBytes;
    }
  }

  /**
   * Launches alone, for entries that lie on the device and stay there: entry {@code i} is predicted
   * from row {@code i}, for {@code count} of them from {@code from} on.
   *
   * @param slots of all entries: {@link #writeSlot}
   * @param entropySlots the same for entropies, or 0 if nobody wants them
   */
  void enqueue(
      long hidden,
      CudaLinear head,
      int from,
      int count,
      long slots,
      long entropySlots,
      long entries,
      long suppressed,
      long found) {
    for (int first = from; first < from + count; first += MOST_ENTRIES) {
      int n = Math.min(MOST_ENTRIES, from + count - first);
      Part part = new Part(hidden, head, first, n, entries, suppressed, found);
      reserve(Math.min(count, MOST_ENTRIES), part.tiles());
      reduce(part, n, slots + 4L * SLOT_INTS * first);
      if (entropySlots != 0) {
        addEntropies(part, n, entropySlots + 4L * SLOT_INTS * first);
      }
    }
  }

  /** Writes the slot of entry {@code i}, or one that is left out. */
  static void writeSlot(int i, boolean used, int[] out, int at) {
    out[at] = used ? i : -1;
    out[at + 1] = used ? i : -1;
  }

  private void reduce(Part part, int slotCount, long slotsAt) {
    tiles(
        slotCount <= FEW ? few : many,
        part,
        slotCount,
        slotsAt,
        part.zero(partials.memory(), (long) PARTIAL_BYTES * part.tiles()),
        part.zero(present, 4));
    combine
        .set(0, partials.memory())
        .set(1, part.tiles())
        .set(2, part.head().out())
        .set(3, part.entries() + 4L * WantedEntries.INTS * part.first())
        .set(4, present)
        .set(5, part.found() + (long) Sample.FOUND_BYTES * part.first())
        .set(6, normals)
        .launch(part.count());
  }

  private void addEntropies(Part part, int slotCount, long slotsAt) {
    long floorsAt = part.zero(floors.memory(), 8L * part.tiles());
    tiles(
        slotCount <= FEW ? floorFew : floorMany,
        part,
        slotCount,
        slotsAt,
        part.zero(normals, NORMAL_BYTES),
        floorsAt);
    entropy
        .set(0, floorsAt)
        .set(1, part.tiles())
        .set(2, slotsAt)
        .set(3, part.found())
        .launch(slotCount);
  }

  private void tiles(
      Kernel kernel, Part part, int slotCount, long slotsAt, long tenth, long eleventh) {
    int rows = kernel == few || kernel == floorFew ? FEW_ROWS : MANY_ROWS;
    CudaLinear head = part.head();
    kernel
        .set(0, part.hidden())
        .set(1, head.memory())
        .set(2, head.in())
        .set(3, head.stride())
        .set(4, head.out())
        .set(5, slotCount)
        .set(6, slotsAt)
        .set(7, part.entries())
        .set(8, part.suppressed())
        .set(9, tenth)
        .set(10, eleventh)
        .launch((slotCount + rows - 1) / rows, part.tiles());
  }

  /** Gives entries their rows, those without guidance first; how many rows that makes. */
  private int fillSlots(PredictionRows wanted, int[] which, int first, int n, boolean forEntropy) {
    int used = 0;
    for (int i = 0; i < n; i++) {
      int entry = which[first + i];
      if (wanted.unconditionalRow(entry) < 0 && (!forEntropy || wanted.entropy(entry))) {
        used = slot(used, wanted.row(entry), i);
      }
    }
    used = fill(used);
    int inFragment = 0;
    for (int i = 0; i < n; i++) {
      int entry = which[first + i];
      if (wanted.unconditionalRow(entry) >= 0 && (!forEntropy || wanted.entropy(entry))) {
        if (inFragment == 0) {
          slot(used, -1, -1);
          used = fill(used + 1);
        }
        int at = used - FRAGMENT + inFragment;
        slot(at, wanted.row(entry), i);
        slot(at + FRAGMENT / 2, wanted.unconditionalRow(entry), -1);
        inFragment = (inFragment + 1) % (FRAGMENT / 2);
      }
    }
    return used;
  }

  private int slot(int at, int row, int entry) {
    if ((at + 1) * SLOT_INTS > slots.length) {
      slots = Arrays.copyOf(slots, 2 * slots.length);
    }
    slots[at * SLOT_INTS] = row;
    slots[at * SLOT_INTS + 1] = entry;
    return at + 1;
  }

  /** Empty slots up to a whole fragment. */
  private int fill(int used) {
    int end = (used + FRAGMENT - 1) / FRAGMENT * FRAGMENT;
    while (used < end) {
      used = slot(used, -1, -1);
    }
    return used;
  }

  private void reserve(int count, int tiles) {
    if (foundHere.byteSize() == 0) {
      found = memory.allocate((long) MOST_ENTRIES * Sample.FOUND_BYTES);
      normals = memory.allocate((long) MOST_ENTRIES * NORMAL_BYTES);
      present = memory.allocate(4L * MOST_ENTRIES);
      foundHere = memory.pinned((long) MOST_ENTRIES * Sample.FOUND_BYTES);
    }
    partials.reserve((long) count * tiles * PARTIAL_BYTES);
    floors.reserve(8L * count * tiles);
  }
}
