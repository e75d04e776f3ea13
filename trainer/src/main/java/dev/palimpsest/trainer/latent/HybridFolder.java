/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.trainer.LladaFolder;
import dev.palimpsest.trainer.TensorFile;
import dev.palimpsest.weights.SafetensorsWriter;
import dev.palimpsest.weights.TensorSink;
import dev.palimpsest.weights.TensorSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * A trained latent model as {@code config.json} and {@code model.safetensors}: VQ-VAE and denoiser
 * under the names the runtime reads. What the networks multiply in one product (query, key and
 * value; gate and up) stands there as tensors of their own.
 */
final class HybridFolder {
  /** Equal parts of the training's noise levels that a model carries. */
  static final int QUANTILES = 64;

  /** One tensor under its name in the file, row-major. */
  record Named(String name, List<Long> dims, float[] values) {}

  /** Both networks as they were written, and how the trainer would sample. */
  record Read(Autoencoder autoencoder, HybridNetwork network, JsonNode config) {
    /** How the trainer recommends to sample. */
    LatentSampler.Plan plan() {
      JsonNode s = config.path("sampling");
      return new LatentSampler.Plan(
          s.path("steps").asInt(8),
          s.path("solver").asString("ddim").equals("ddim")
              ? LatentSampler.Solver.DDIM
              : LatentSampler.Solver.DPM,
          s.path("temperature").asDouble(1),
          s.path("guidance").asDouble(0),
          s.path("churn").asDouble(0),
          s.path("refine_steps").asInt(0),
          s.path("refine_threshold").asDouble(0.5),
          s.path("refine_time").asDouble(0.5));
    }

    /** The noise levels that split the training's into equal parts; the first is 0. */
    double[] quantiles() {
      JsonNode values = config.path("sampling").path("quantiles");
      double[] quantiles = new double[values.size()];
      for (int i = 0; i < quantiles.length; i++) {
        quantiles[i] = values.get(i).asDouble();
      }
      return quantiles;
    }
  }

  private HybridFolder() {}

  /**
   * Writes both files.
   *
   * @param weights all parameters of the denoiser, in the order of its flat tensor
   * @param positions what {@code max_sequence_length} says
   * @param sampling how the trainer recommends to sample
   */
  static void write(
      Path folder,
      Autoencoder autoencoder,
      HybridShape shape,
      float[] weights,
      DType dtype,
      int positions,
      Map<String, Object> sampling,
      Map<String, String> metadata)
      throws IOException {
    Files.createDirectories(folder);
    List<Named> tensors = new ArrayList<>();
    tensors.addAll(
        named("vq.", Autoencoder.layout(autoencoder.shape()), autoencoder.parameters().values()));
    AutoencoderShape codes = autoencoder.shape();
    tensors.add(
        new Named(
            "vq.codebook",
            List.of((long) codes.groups() * codes.codes(), (long) codes.width()),
            FlatParameters.copy(autoencoder.codebook())));
    tensors.addAll(named("denoiser.", HybridNetwork.layout(shape), weights));
    write(folder.resolve("model.safetensors"), tensors, dtype, metadata);
    Files.writeString(
        folder.resolve("config.json"),
        JsonMapper.builder()
                .enable(SerializationFeature.INDENT_OUTPUT)
                .build()
                .writeValueAsString(shape.config(positions, LladaFolder.name(dtype), sampling))
            + "\n");
  }

  /** Writes tensors into a safetensors file. */
  static void write(Path file, List<Named> tensors, DType dtype, Map<String, String> metadata) {
    List<TensorSpec> specs =
        tensors.stream().map(t -> new TensorSpec(t.name(), dtype, t.dims())).toList();
    try (TensorSink sink = SafetensorsWriter.open(file, specs, metadata)) {
      for (Named tensor : tensors) {
        sink.write(LladaFolder.encode(tensor.values(), dtype));
      }
      sink.commit();
    }
  }

  /** A network's parameters as the file names, splits and shapes them. */
  static List<Named> named(String prefix, List<FlatParameters.Slot> slots, float[] weights) {
    List<Named> out = new ArrayList<>();
    for (FlatParameters.Slot slot : slots) {
      int from = Math.toIntExact(slot.offset());
      float[] values = Arrays.copyOfRange(weights, from, from + Math.toIntExact(slot.size()));
      List<String> parts = parts(slot.name());
      long rows = slot.matrix() ? slot.dims().getFirst() / parts.size() : 0;
      for (int p = 0; p < parts.size(); p++) {
        int size = values.length / parts.size();
        List<Long> dims = slot.matrix() ? List.of(rows, slot.dims().getLast()) : slot.dims();
        if (slot.name().equals("pool.taps")) {
          dims = List.of(4L, slot.size() / 4);
        }
        out.add(
            new Named(
                prefix + parts.get(p), dims, Arrays.copyOfRange(values, p * size, (p + 1) * size)));
      }
    }
    return out;
  }

  private static List<String> parts(String slot) {
    int dot = slot.lastIndexOf('.') + 1;
    String at = slot.substring(0, dot);
    return switch (slot.substring(dot)) {
      case "qkv" -> List.of(at + "q", at + "k", at + "v");
      case "gate_up" -> List.of(at + "gate", at + "up");
      default -> List.of(slot);
    };
  }

  /**
   * Reads a folder back.
   *
   * @param bf16 multiply in bfloat16
   * @throws IOException when a file is missing or describes another network
   */
  static Read read(Path folder, boolean bf16) throws IOException {
    JsonNode c = JsonMapper.shared().readTree(Files.readString(folder.resolve("config.json")));
    if (!c.path("model_type").asString("").equals("palimpsest-hybrid")) {
      throw new IOException(
          folder + " is no latent model: its model_type is not palimpsest-hybrid");
    }
    AutoencoderShape codes =
        new AutoencoderShape(
            c.get("vocab_size").asInt(),
            c.get("vq_hidden").asInt(),
            c.get("vq_encoder_layers").asInt(),
            c.get("vq_decoder_layers").asInt(),
            c.get("vq_heads").asInt(),
            c.get("vq_ffn").asInt(),
            c.get("latent_groups").asInt(),
            c.get("latent_codes").asInt(),
            c.get("latent_width").asInt(),
            c.get("norm_groups").asInt(),
            c.get("mask_token_id").asInt(),
            c.get("eos_token_id").asInt());
    HybridShape shape =
        new HybridShape(
            codes,
            c.get("hidden").asInt(),
            c.get("heads").asInt(),
            c.get("ffn").asInt(),
            c.get("half_hidden").asInt(),
            c.get("half_heads").asInt(),
            c.get("half_ffn").asInt(),
            c.get("blocks_before").asInt(),
            c.get("blocks_half").asInt(),
            c.get("blocks_after").asInt(),
            c.get("time_features").asInt(),
            c.get("time_hidden").asInt(),
            c.get("trained_length").asInt(),
            LatentPath.valueOf(c.get("latent_path").asString().toUpperCase(java.util.Locale.ROOT)));
    TensorFile file = TensorFile.read(folder.resolve("model.safetensors"));
    Autoencoder autoencoder = new Autoencoder(codes, 0, bf16, false);
    autoencoder.parameters().load(flat("vq.", Autoencoder.layout(codes), file));
    FlatParameters.fill(autoencoder.codebook(), file.require("vq.codebook"));
    HybridNetwork network = new HybridNetwork(shape, 0, bf16, false);
    network.parameters().load(flat("denoiser.", HybridNetwork.layout(shape), file));
    return new Read(autoencoder, network, c);
  }

  private static float[] flat(String prefix, List<FlatParameters.Slot> slots, TensorFile file)
      throws IOException {
    float[] values = new float[Math.toIntExact(FlatParameters.size(slots))];
    for (FlatParameters.Slot slot : slots) {
      int at = Math.toIntExact(slot.offset());
      for (String part : parts(slot.name())) {
        float[] own = file.require(prefix + part);
        System.arraycopy(own, 0, values, at, own.length);
        at += own.length;
      }
      if (at != slot.offset() + slot.size()) {
        throw new IOException(
            "tensor " + prefix + slot.name() + " has another size than config.json says");
      }
    }
    return values;
  }

  /**
   * How the trainer recommends to sample: at the quantiles of a run's noise levels.
   *
   * @param plan all but the times
   */
  static Map<String, Object> sampling(LatentSampler.Plan plan, NoiseLevels levels) {
    return sampling(plan, levels.quantiles(plan.steps()), levels.quantiles(QUANTILES));
  }

  /**
   * How the trainer recommends to sample.
   *
   * @param plan all but the times
   * @param grid the times of the network calls
   * @param quantiles of the training's noise levels
   */
  static Map<String, Object> sampling(LatentSampler.Plan plan, double[] grid, double[] quantiles) {
    Map<String, Object> sampling = new LinkedHashMap<>();
    sampling.put("steps", plan.steps());
    sampling.put("grid", rounded(grid));
    sampling.put("quantiles", rounded(quantiles));
    sampling.put("solver", plan.solver() == LatentSampler.Solver.DDIM ? "ddim" : "dpm++2m");
    sampling.put("temperature", plan.temperature());
    sampling.put("guidance", plan.guidance());
    sampling.put("churn", plan.churn());
    sampling.put("refine_steps", plan.refineSteps());
    sampling.put("refine_threshold", plan.refineThreshold());
    sampling.put("refine_time", plan.refineTime());
    return sampling;
  }

  private static List<Double> rounded(double[] values) {
    return Arrays.stream(values).mapToObj(v -> Math.round(v * 1e6) / 1e6).toList();
  }
}
