/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cache;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.Device;
import dev.palimpsest.kernels.Tensor;
import java.util.BitSet;
import java.util.Optional;

/**
 * Hands out slots of latent state, one for each position that a request sees, within a memory
 * budget. Memory is taken from the device as slots are first needed and kept until the pool closes;
 * latents stay there from step to step.
 *
 * <p>Belongs to the thread that drives the device; what counts slots may be called from any.
 */
public final class LatentPool implements AutoCloseable {
  private static final int FEWEST = 256;

  private final Device device;
  private final int width;
  private final long budgetBytes;
  private final int slots;
  private final BitSet free = new BitSet();
  private volatile int freeSlots;
  private volatile int held;
  private Optional<Tensor> state = Optional.empty();

  /**
   * A pool without memory yet.
   *
   * @param width elements of a latent; a slot has two of them, f32
   * @param budgetBytes most device memory to take
   */
  public LatentPool(Device device, int width, long budgetBytes) {
    this.device = device;
    this.width = width;
    this.budgetBytes = budgetBytes;
    slots = (int) Math.min(budgetBytes / slotBytes(), 1 << 24);
    free.set(0, slots);
    freeSlots = slots;
  }

  private long slotBytes() {
    return 8L * width;
  }

  /** Slots the budget allows. */
  public int slots() {
    return slots;
  }

  /** Slots that nobody holds. */
  public int freeSlots() {
    return freeSlots;
  }

  /** Device memory taken so far. */
  public long heldBytes() {
    return held * slotBytes();
  }

  /** The state of all slots, {@code [slots][2·width]}; replaced when it grows. */
  public Tensor state() {
    return state.orElseThrow(() -> new IllegalStateException("no slots were prepared"));
  }

  /**
   * Refuses what could not even fit into an empty pool.
   *
   * @throws IllegalArgumentException with both numbers, and what to change
   */
  public void checkFits(int positions) {
    if (positions > slots) {
      throw new IllegalArgumentException(
          "a text of %d positions needs %d bytes of latent state and the budget is %d bytes (%d positions): write less, or open the engine with a larger kvCacheBytes"
              .formatted(positions, positions * slotBytes(), budgetBytes, slots));
    }
  }

  /**
   * Takes slots for a request; a matter of numbers, the memory is {@link LatentSlots#prepare}d.
   *
   * @return nothing if too few are free now
   */
  public Optional<LatentSlots> reserve(int positions) {
    if (positions > freeSlots) {
      return Optional.empty();
    }
    int[] table = new int[positions];
    int slot = -1;
    for (int i = 0; i < positions; i++) {
      slot = free.nextSetBit(slot + 1);
      table[i] = slot;
      free.clear(slot);
    }
    freeSlots -= positions;
    return Optional.of(new LatentSlots(this, table));
  }

  /** Sees to it that there is memory up to {@code slot}, and keeps what is in it. */
  void grow(int slot) {
    if (slot < held) {
      return;
    }
    int wanted = (int) Math.min(slots, Math.max(Math.max(slot + 1L, FEWEST), 2L * held));
    Tensor larger = device.allocate(DType.F32, wanted, 2 * width);
    if (state.isPresent()) {
      int[] all = new int[held];
      for (int i = 0; i < held; i++) {
        all[i] = i;
      }
      device.gather(state.get(), all, held, larger);
      device.free(state.get());
    }
    state = Optional.of(larger);
    held = wanted;
  }

  void takeBack(int[] table) {
    for (int slot : table) {
      free.set(slot);
    }
    freeSlots += table.length;
  }

  /** Gives the memory back; idempotent. */
  @Override
  public void close() {
    state.ifPresent(device::free);
    state = Optional.empty();
    held = 0;
  }
}
