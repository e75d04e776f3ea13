/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.Engine;
import dev.palimpsest.EngineOptions;
import dev.palimpsest.EngineOptions.ComputeType;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.Checkpoints;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LladaFolderTest {
  private static final int[] IDS = {5, 1, 9, 31, 2, 1, 1, 17, 0, 4};

  @TempDir Path folder;

  private float[] weights() {
    try (Denoiser fresh = new Denoiser(Fixture.SHAPE, 1, false)) {
      // Larger than at the start of training, so that attention and gates are far from flat.
      SplittableRandom random = new SplittableRandom(2);
      float[] weights = fresh.values();
      for (int i = 0; i < weights.length; i++) {
        weights[i] += (float) (0.3 * random.nextGaussian());
      }
      return weights;
    }
  }

  private void export(float[] weights, DType dtype) throws IOException {
    Path tokenizer = folder.resolve("t.json");
    Files.writeString(tokenizer, "{}");
    LladaFolder.write(
        folder.resolve("model"), Fixture.SHAPE, weights, dtype, 16, tokenizer, Map.of("a", "b"));
  }

  private static double[][] torchLogits(Denoiser network) {
    int[] all = IntStream.range(0, IDS.length).toArray();
    double[][] out = new double[IDS.length][Fixture.SHAPE.vocabulary()];
    try (NoGradGuard _ = new NoGradGuard();
        PointerScope _ = new PointerScope()) {
      float[] flat = Denoiser.copy(network.logits(IDS, 1, all));
      for (int p = 0; p < out.length; p++) {
        for (int w = 0; w < out[p].length; w++) {
          out[p][w] = flat[p * out[p].length + w];
        }
      }
    }
    return out;
  }

  private static double relative(double[][] a, double[][] b) {
    double difference = 0;
    double size = 0;
    for (int p = 0; p < a.length; p++) {
      for (int w = 0; w < a[p].length; w++) {
        difference += (a[p][w] - b[p][w]) * (a[p][w] - b[p][w]);
        size += b[p][w] * b[p][w];
      }
    }
    return Math.sqrt(difference / size);
  }

  @Test
  void anotherForwardPassOverTheExportAgrees() throws IOException {
    float[] weights = weights();
    export(weights, DType.F32);
    TensorFile file = TensorFile.read(folder.resolve("model/model.safetensors"));
    double[][] plain = new PlainLlada(file, Fixture.SHAPE).logits(IDS);
    try (Denoiser network = new Denoiser(Fixture.SHAPE, 1, false)) {
      network.load(weights);
      double error = relative(torchLogits(network), plain);
      assertTrue(error < 1e-5, "relative error " + error);
    }
    try (Denoiser network = new Denoiser(Fixture.SHAPE, 1, true)) {
      network.load(weights);
      double error = relative(torchLogits(network), plain);
      assertTrue(error < 5e-2 && error > 1e-5, "bfloat16: relative error " + error);
    }
  }

  @Test
  void readingBackGivesTheSameWeights() throws IOException {
    float[] weights = weights();
    export(weights, DType.F32);
    try (Denoiser network = LladaFolder.read(folder.resolve("model"), false)) {
      assertArrayEquals(weights, network.values());
    }
    export(weights, DType.BF16);
    try (Denoiser network = LladaFolder.read(folder.resolve("model"), false)) {
      float[] rounded = network.values();
      for (int i = 0; i < weights.length; i++) {
        assertEquals(weights[i], rounded[i], Math.abs(weights[i]) / 256);
      }
    }
  }

  @Test
  void theRuntimeReadsTheTensorsAndTheConfig() throws IOException {
    export(weights(), DType.BF16);
    try (Checkpoint checkpoint = Checkpoints.open(folder.resolve("model"))) {
      assertEquals("llada", checkpoint.metadata().get("model_type").asString());
      assertEquals(1, checkpoint.metadata().get("mask_token_id").asInt());
      assertEquals(3 + 9 * Fixture.SHAPE.layers() - 1, checkpoint.tensors().size());
      var up = checkpoint.tensors().get("model.transformer.blocks.1.up_proj.weight");
      assertEquals(24, up.dimension(0));
      assertEquals(16, up.dimension(1));
      assertEquals(DType.BF16, up.dtype());
    }
  }

  /** Without a MASK the network is causal and the folder is Llama's. */
  @ParameterizedTest
  @ValueSource(ints = {1, -1})
  void theRuntimesEngineAgreesWithLibtorch(int maskId) throws IOException {
    Path tokenizer = folder.resolve("trained.json");
    Files.writeString(
        tokenizer, BytePairTrainer.train(List.of("int i = 0;\n    int j = i;\n"), 258));
    DenoiserShape shape = new DenoiserShape(258, 32, 2, 2, 48, 16, maskId, 0);
    Path model = folder.resolve("engine");
    int[] all = IntStream.range(0, IDS.length).toArray();
    try (Denoiser network = new Denoiser(shape, 4, false);
        Arena arena = Arena.ofShared()) {
      float[] weights = network.values();
      for (int i = 0; i < weights.length; i++) {
        weights[i] *= 4;
      }
      network.load(weights);
      LladaFolder.write(model, shape, weights, DType.F32, 16, tokenizer, Map.of());
      MemorySegment out = arena.allocate(ValueLayout.JAVA_FLOAT, IDS.length * 258L);
      try (Engine engine =
          Engine.open(model, EngineOptions.DEFAULT.withDtype(ComputeType.F32).withThreads(1))) {
        assertEquals(maskId < 0 ? "llama" : "llada", engine.config().family());
        engine.logits(IDS, out);
      }
      double difference = 0;
      double size = 0;
      try (NoGradGuard _ = new NoGradGuard();
          PointerScope _ = new PointerScope()) {
        float[] torch = Denoiser.copy(network.logits(IDS, 1, all));
        for (int i = 0; i < torch.length; i++) {
          double d = out.getAtIndex(ValueLayout.JAVA_FLOAT, i) - torch[i];
          difference += d * d;
          size += (double) torch[i] * torch[i];
        }
      }
      double error = Math.sqrt(difference / size);
      assertTrue(error < 1e-5, "relative error " + error);
    }
  }

  @Test
  void anotherNetworkIsRefused() throws IOException {
    export(weights(), DType.F32);
    Path config = folder.resolve("model/config.json");
    Files.writeString(
        config,
        Files.readString(config)
            .replaceFirst("\"weight_tying\" : true", "\"weight_tying\" : false"));
    IOException e =
        assertThrows(IOException.class, () -> LladaFolder.read(folder.resolve("model"), false));
    assertTrue(e.getMessage().contains("tied"));
  }

  @Test
  void theParameterCountIsTheNetworksOwn() {
    try (Denoiser network = new Denoiser(Fixture.SHAPE, 1, false)) {
      assertEquals(Fixture.SHAPE.parameters(), network.parameters());
    }
  }
}
