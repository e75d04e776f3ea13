/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.EngineOptions.ComputeType;
import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.Device;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.network.Transformer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.Method;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class TimedDeviceTest {
  private static final int LAYERS = 2;
  private static final int LENGTH = 12;
  private static final int VOCABULARY = 96;

  /**
   * A new op of the interface must not slip past the clock. Those that the interface itself makes
   * of others are on it part by part.
   */
  @Test
  void everyOpIsItsOwn() throws NoSuchMethodException {
    for (Method method : Device.class.getMethods()) {
      if (method.isDefault()) {
        continue;
      }
      Class<?> declaring =
          TimedDevice.class
              .getMethod(method.getName(), method.getParameterTypes())
              .getDeclaringClass();
      assertEquals(TimedDevice.class.getPackage(), declaring.getPackage(), method.toString());
    }
  }

  @Test
  void logitsAreTheInnerDevicesBitForBitAndEveryOpIsNoted() {
    OpTimes times = new OpTimes();
    try (Arena arena = Arena.ofShared();
        Device plain = Devices.cpu(ComputeType.F32, 1);
        Device timed = new TimedDevice(Devices.cpu(ComputeType.F32, 1), times)) {
      MemorySegment expected = logits(plain, arena);
      MemorySegment found = logits(timed, arena);
      assertEquals(-1, expected.mismatch(found));
      assertFalse(allZero(expected), "the model computes something");
    }
    Map<String, OpTimes.Sum> byName =
        times.sums().stream()
            .collect(Collectors.toMap(sum -> sum.op().name() + " " + sum.op().shape(), sum -> sum));
    assertEquals(1, byName.get("embed 12 x 32").calls());
    assertEquals(2 * LAYERS + 1, byName.get("rmsNorm 12 x 32").calls());
    assertEquals(LAYERS, byName.get("linear 12 x 32 -> 96").calls());
    assertEquals(LAYERS, byName.get("rotate 12 x 4 heads of 8").calls());
    assertEquals(LAYERS, byName.get("attention 12 x 4 heads of 8").calls());
    assertEquals(LAYERS, byName.get("linearAdd 12 x 32 -> 32").calls());
    assertEquals(LAYERS, byName.get("gatedSilu 12 x 32 -> 2 x 80").calls());
    assertEquals(LAYERS, byName.get("linearAdd 12 x 80 -> 32").calls());
    assertEquals(1, byName.get("logits 12 x 32 -> 96").calls());
    assertEquals(9, byName.size());
    assertEquals(2L * 12 * 32 * 96, byName.get("linear 12 x 32 -> 96").op().flops());
    assertTrue(times.sums().stream().allMatch(sum -> sum.nanos() > 0));
  }

  @Test
  void attentionCountsThePairsTheMaskLetsThrough() {
    RowSpans spans = new RowSpans();
    spans.add(4);
    spans.add(3);
    HeadShape shape = new HeadShape(2, 1, 8);
    assertEquals(4L * (16 + 9) * 16, TimedDevice.attentionFlops(shape, spans, AttentionMask.FULL));
    assertEquals(
        4L * (10 + 6) * 16, TimedDevice.attentionFlops(shape, spans, new AttentionMask(1)));
    assertEquals(
        4L * (2 + 2 + 4 + 4 + 2 + 2 + 3) * 16,
        TimedDevice.attentionFlops(shape, spans, new AttentionMask(2)));
  }

  private static MemorySegment logits(Device device, Arena arena) {
    RandomModel model = RandomModel.of(arena, LAYERS, 32, 4, 80, VOCABULARY);
    Transformer transformer = new Transformer(device, model.config(), model.weights(), done -> {});
    ForwardWork work =
        new ForwardWork(transformer, 1, LENGTH, new WantedLogits(WantedLogits.ALL), arena);
    work.run();
    return work.logits();
  }

  private static boolean allZero(MemorySegment segment) {
    return segment.mismatch(Arena.ofAuto().allocate(segment.byteSize())) == -1;
  }
}
