/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.EngineOptions.ComputeType;
import dev.palimpsest.EngineOptions.DeviceChoice;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.network.TinyHybrid;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A whole latent model on an emulated GPU writes what it writes on the processor. */
@Tag("emulator")
class CudaLatentTest {
  @TempDir static Path folder;

  @Test
  void tokensAreThoseOfTheProcessor() {
    EmulatedDriver.required();
    TinyHybrid.write(folder, TinyHybrid.config(), DType.BF16, 4);
    EngineOptions options =
        EngineOptions.DEFAULT
            .withDevice(DeviceChoice.CPU)
            .withThreads(1)
            .withDtype(ComputeType.F32);
    try (Engine cpu = Engine.open(folder, options);
        Engine cuda = Engine.open(folder, options.withDevice(DeviceChoice.CUDA))) {
      for (GenerationRequest request :
          new GenerationRequest[] {
            GenerationRequest.builder().tokens(5, 6, 7, 8).hole(9).steps(3).seed(1).build(),
            GenerationRequest.builder()
                .tokens(5, 6)
                .hole(4)
                .tokens(7)
                .hole(3)
                .steps(2)
                .seed(2)
                .guidance(1f)
                .build()
          }) {
        GenerationResult expected = cpu.generate(request);
        GenerationResult found = cuda.generate(request);
        assertEquals(expected.tokens(), found.tokens());
        assertEquals(expected.networkCalls(), found.networkCalls());
      }
    }
  }
}
