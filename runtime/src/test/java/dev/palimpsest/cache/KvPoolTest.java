/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.cpu.CpuDevice;
import dev.palimpsest.kernels.cpu.CpuOptions;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class KvPoolTest {
  private static final HeadShape SHAPE = new HeadShape(4, 2, 8);
  private static final long PAGE = 3L * 64 * 2 * 16 * 4;

  private CpuDevice device;
  private KvPool pool;

  @BeforeEach
  void open() {
    device = CpuDevice.open(CpuOptions.DEFAULT.withThreads(1));
    pool = new KvPool(device, 3, SHAPE, 10 * PAGE + 5);
  }

  @AfterEach
  void close() {
    pool.close();
    device.close();
  }

  @Test
  void aPageBelongsToOneAtATime() {
    Random random = new Random(1);
    List<KvPages> held = new ArrayList<>();
    int refused = 0;
    for (int i = 0; i < 2000; i++) {
      if (!held.isEmpty() && random.nextBoolean()) {
        KvPages pages = held.remove(random.nextInt(held.size()));
        pages.release();
        pages.release();
      } else {
        int free = pool.freePages();
        int tokens = 1 + random.nextInt(300);
        var pages = pool.reserve(tokens);
        assertEquals(free >= (tokens + 63) / 64, pages.isPresent());
        refused += pages.isEmpty() ? 1 : 0;
        pages.ifPresent(KvPages::prepare);
        pages.ifPresent(held::add);
      }
      BitSet used = new BitSet();
      for (KvPages pages : held) {
        assertEquals((pages.length() + 63) / 64, pages.table().length);
        for (int page : pages.table()) {
          assertFalse(used.get(page));
          used.set(page);
          assertTrue(page < pages.store().pages());
        }
      }
      assertEquals(10 - used.cardinality(), pool.freePages());
    }
    assertTrue(refused > 100, "the pool was never full");
  }

  /** Taking pages is quick, whoever waits for it; their memory is made when it is asked for. */
  @Test
  void memoryIsMadeWhenPagesArePrepared() {
    KvPages pages = pool.reserve(640).orElseThrow();
    assertEquals(0, pool.heldBytes());
    pages.prepare();
    assertEquals(10 * PAGE, pool.heldBytes());
    pages.release();
    assertEquals(10 * PAGE, pool.heldBytes());
  }

  @Test
  void whatCanNeverFitIsRefusedWithTheNumbers() {
    assertEquals(10, pool.pages());
    pool.checkFits(640, 1);
    pool.checkFits(320, 2);
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> pool.checkFits(641, 1));
    assertTrue(e.getMessage().contains(Long.toString(11 * PAGE)), e.getMessage());
    assertTrue(e.getMessage().contains(Long.toString(10 * PAGE + 5)), e.getMessage());
    assertTrue(e.getMessage().contains("kvCacheBytes"), e.getMessage());
    assertThrows(IllegalArgumentException.class, () -> pool.checkFits(321, 2));
    assertThrows(
        IllegalArgumentException.class, () -> RequestCache.of(CacheMode.DUAL, 0, pool, 321, true));
    assertThrows(
        IllegalArgumentException.class, () -> RequestCache.ofBlocks(4, 100, pool, 321, true));
    assertThrows(
        IllegalArgumentException.class, () -> RequestCache.ofBlocks(0, 100, pool, 64, true));
    assertThrows(
        IllegalArgumentException.class, () -> RequestCache.of(CacheMode.BLOCK, 0, pool, 64, true));
    assertFalse(RequestCache.of(CacheMode.NONE, 0, pool, 100_000, true).keeps());
    KvPool none = new KvPool(device, 3, SHAPE, PAGE - 1);
    assertThrows(IllegalArgumentException.class, () -> none.checkFits(1, 1));
  }

  @Test
  void guidanceTakesTwiceThePagesOrNone() {
    RequestCache five = RequestCache.of(CacheMode.DUAL, 0, pool, 320, false);
    assertTrue(five.reserve());
    assertTrue(five.reserve());
    assertEquals(5, pool.freePages());
    RequestCache six = RequestCache.of(CacheMode.DUAL, 0, pool, 192, true);
    assertFalse(six.reserve());
    assertEquals(5, pool.freePages());
    five.release();
    five.release();
    assertTrue(six.reserve());
    assertEquals(4, pool.freePages());
    six.release();
    assertEquals(10, pool.freePages());
  }
}
