/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.EngineOptions.ComputeType;
import dev.palimpsest.EngineOptions.DeviceChoice;
import dev.palimpsest.family.Families;
import dev.palimpsest.kernels.cuda.CudaOptions;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.Checkpoints;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A GPU without room, and one that fails while it is used: what an engine says and leaves. */
@Tag("emulator")
class CudaTroubleTest {
  private static final String MODEL = "llada-tiny";

  @BeforeEach
  void emulator() {
    EmulatedDriver.required();
    EmulatedDriver.reset();
  }

  @AfterEach
  void nothingIsLeft() {
    EmulatedDriver.reset();
    assertEquals(0, EmulatedDriver.memoryUsed());
  }

  private static EngineOptions options(DeviceChoice device) {
    return EngineOptions.DEFAULT.withDevice(device).withDtype(ComputeType.F32).withThreads(1);
  }

  private static GenerationRequest request() {
    return GenerationRequest.builder().tokens(5, 9, 200).hole(4).steps(2).build();
  }

  private static long weightBytes() {
    return weightBytes(ComputeType.F32);
  }

  private static long weightBytes(ComputeType dtype) {
    CudaOptions options =
        dtype == ComputeType.INT8
            ? CudaOptions.DEFAULT.withWeights(CudaOptions.Weights.INT8)
            : CudaOptions.DEFAULT.withComputeType(CudaOptions.ComputeType.F32);
    try (Checkpoint checkpoint = Checkpoints.open(GoldenPaths.of(MODEL))) {
      return WeightMemory.bytes(Families.describe(checkpoint).weights(), options);
    }
  }

  @Test
  void aModelThatDoesNotFitIsRefusedBeforeItIsLoaded() {
    long needed = weightBytes() + (128L << 20);
    EmulatedDriver.memory(needed - 1);
    IllegalStateException e =
        assertThrows(
            IllegalStateException.class,
            () -> Engine.open(GoldenPaths.of(MODEL), options(DeviceChoice.CUDA)));
    assertTrue(e.getMessage().contains("weights take " + weightBytes()), e.getMessage());
    assertTrue(e.getMessage().contains((needed - 1) + " of " + (needed - 1)), e.getMessage());
    assertTrue(e.getMessage().contains("dtype BF16 or INT8 instead of F32"), e.getMessage());
    assertEquals(0, EmulatedDriver.memoryUsed());
    try (Engine engine = Engine.open(GoldenPaths.of(MODEL), options(DeviceChoice.AUTO))) {
      assertTrue(engine.device().startsWith("cpu"), engine.device());
    }
  }

  /** What the estimate says is what loading takes. */
  @ParameterizedTest
  @EnumSource(names = {"F32", "INT8"})
  void theEstimateIsWhatWeightsTake(ComputeType dtype) {
    long bytes = weightBytes(dtype);
    EmulatedDriver.memory(bytes + (128L << 20));
    EngineOptions options = options(DeviceChoice.CUDA).withDtype(dtype);
    try (Engine engine = Engine.open(GoldenPaths.of(MODEL), options)) {
      assertTrue(engine.device().startsWith("cuda"), engine.device());
      assertEquals(bytes, EmulatedDriver.memoryUsed());
    }
    assertTrue(weightBytes(ComputeType.INT8) * 2 < weightBytes(ComputeType.F32));
  }

  /** The request fails with the driver's status, the engine closes, and another one works. */
  @Test
  void aDeviceThatFailsLeavesAWorkingProcess() {
    try (Engine engine = Engine.open(GoldenPaths.of(MODEL), options(DeviceChoice.CUDA))) {
      engine.generate(request());
      EmulatedDriver.fail(700);
      RuntimeException e = assertThrows(RuntimeException.class, () -> engine.generate(request()));
      Throwable cause = e instanceof CompletionException ? e.getCause() : e;
      assertTrue(cause.getMessage().contains("CUDA_ERROR_ILLEGAL_ADDRESS (700)"), cause::toString);
      assertThrows(RuntimeException.class, () -> engine.generate(request()));
    }
    EmulatedDriver.reset();
    try (Engine engine = Engine.open(GoldenPaths.of(MODEL), options(DeviceChoice.CUDA))) {
      assertEquals(4, engine.generate(request()).newTokens());
    }
  }
}
