/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import dev.palimpsest.network.HybridConfig;
import dev.palimpsest.network.HybridConfig.Level;
import dev.palimpsest.process.latent.LatentDefaults;
import dev.palimpsest.process.latent.LatentOptions;
import dev.palimpsest.process.latent.NoisePath;
import dev.palimpsest.process.latent.Solver;
import dev.palimpsest.weights.Checkpoint;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Palimpsest's own hybrid latent models: {@code config.json} with {@code model_type} {@value
 * #MODEL_TYPE}, as the trainer writes it. Not one of the {@link Families}, whose members are a
 * single transformer each.
 */
public final class HybridFamily {
  /** How {@code config.json} names them. */
  public static final String MODEL_TYPE = "palimpsest-hybrid";

  private HybridFamily() {}

  /** Whether a checkpoint is one of them. */
  public static boolean is(Checkpoint checkpoint) {
    JsonNode type = checkpoint.metadata().path("model_type");
    return checkpoint.format().equals("safetensors")
        && type.isString()
        && type.stringValue().equals(MODEL_TYPE);
  }

  /**
   * Finds out what the model is and which tensor plays which role; every shape is checked against
   * the configuration.
   *
   * @throws dev.palimpsest.weights.CheckpointException naming the field or tensor, what was found
   *     and what is expected
   */
  public static HybridDescription describe(Checkpoint checkpoint) {
    ConfigFields fields = ConfigFields.of(checkpoint);
    HybridConfig config = config(checkpoint, fields);
    fields.refuseOthers(HuggingFaceFields::harmless);
    return new HybridDescription(config, HybridTensors.take(checkpoint, config));
  }

  private static HybridConfig config(Checkpoint checkpoint, ConfigFields fields) {
    int vocabulary = fields.required("vocab_size", 1, Limits.VOCABULARY);
    Level autoencoder = level(checkpoint, fields, "vq_hidden", "vq_heads", "vq_ffn");
    Level full = level(checkpoint, fields, "hidden", "heads", "ffn");
    Level half = level(checkpoint, fields, "half_hidden", "half_heads", "half_ffn");
    int normGroups = fields.required("norm_groups", 1, Limits.WIDTH);
    Limits.divides(checkpoint, "norm_groups", normGroups, "vq_hidden", autoencoder.hidden());
    Limits.divides(checkpoint, "norm_groups", normGroups, "hidden", full.hidden());
    Limits.divides(checkpoint, "norm_groups", normGroups, "half_hidden", half.hidden());
    int timeFeatures = fields.required("time_features", 2, Limits.WIDTH);
    if (timeFeatures % 2 != 0) {
      throw fields.bad(
          "time_features", fields.node("time_features"), "an even number: cosines and sines");
    }
    int longest = fields.required("max_sequence_length", 1, 1 << 24);
    int mask = fields.token("mask_token_id", vocabulary);
    if (mask < 0) {
      throw fields.bad("mask_token_id", fields.node("mask_token_id"), "the id of MASK");
    }
    return new HybridConfig(
        vocabulary,
        fields.required("latent_groups", 1, 64),
        fields.required("latent_codes", 1, 1 << 16),
        fields.required("latent_width", 1, 1 << 12),
        path(fields),
        autoencoder,
        fields.required("vq_encoder_layers", 0, Limits.LAYERS),
        fields.required("vq_decoder_layers", 0, Limits.LAYERS),
        normGroups,
        full,
        half,
        fields.required("blocks_before", 0, Limits.LAYERS),
        fields.required("blocks_half", 0, Limits.LAYERS),
        fields.required("blocks_after", 0, Limits.LAYERS),
        timeFeatures,
        fields.required("time_hidden", 1, Limits.WIDTH),
        (float) fields.positive("rms_norm_eps", 1e-5),
        fields.positive("rope_theta", 10_000),
        longest,
        fields.integer("trained_length", 1, longest, longest),
        sampling(fields),
        mask,
        fields.token("eos_token_id", vocabulary),
        fields.token("pad_token_id", vocabulary));
  }

  private static Level level(
      Checkpoint checkpoint, ConfigFields fields, String hidden, String heads, String ffn) {
    int width = fields.required(hidden, 1, Limits.WIDTH);
    int count = fields.required(heads, 1, Limits.HEADS);
    Limits.divides(checkpoint, heads, count, hidden, width);
    Limits.even(checkpoint, hidden + "/" + heads, width / count);
    return new Level(width, count, fields.required(ffn, 1, Limits.WIDTH));
  }

  private static NoisePath path(ConfigFields fields) {
    String found = fields.text("latent_path", "");
    return switch (found) {
      case "linear" -> NoisePath.LINEAR;
      case "cosine" -> NoisePath.COSINE;
      default ->
          throw fields.bad("latent_path", fields.node("latent_path"), "\"linear\" or \"cosine\"");
    };
  }

  private static LatentDefaults sampling(ConfigFields all) {
    LatentDefaults usual = LatentDefaults.USUAL;
    if (!all.has("sampling")) {
      return usual;
    }
    ConfigFields fields = all.object("sampling");
    List<Double> grid = times(fields, "grid", false);
    Solver solver = usual.solver();
    if (fields.has("solver")) {
      solver =
          Solver.spelled(fields.text("solver", ""))
              .orElseThrow(() -> fields.bad("solver", fields.node("solver"), Solver.spellings()));
    }
    LatentDefaults sampling =
        new LatentDefaults(
            fields.integer(
                "steps", 1, LatentOptions.MOST_STEPS, grid.isEmpty() ? usual.steps() : grid.size()),
            grid,
            solver,
            (float) number(fields, "temperature", usual.temperature(), 1e6),
            (float) number(fields, "guidance", usual.guidance(), 1e6),
            (float) number(fields, "churn", usual.churn(), 1),
            fields.integer("refine_steps", 0, LatentOptions.MOST_STEPS, usual.refineSteps()),
            number(fields, "refine_threshold", usual.refineThreshold(), 1),
            number(fields, "refine_time", usual.refineTime(), 0.999),
            times(fields, "quantiles", true));
    fields.refuseOthers(key -> false);
    return sampling;
  }

  private static double number(ConfigFields fields, String key, double fallback, double most) {
    if (!fields.has(key)) {
      return fallback;
    }
    JsonNode node = fields.node(key);
    double value = node.isNumber() ? node.doubleValue() : Double.NaN;
    if (!(value >= 0 && value <= most)) {
      throw fields.bad(key, node, "a number from 0 to " + most);
    }
    return value;
  }

  /** Times in ascending order; an end at t = 1, where nothing is left to do, only if it may be. */
  private static List<Double> times(ConfigFields fields, String key, boolean mayEnd) {
    if (!fields.has(key)) {
      return List.of();
    }
    JsonNode node = fields.node(key);
    List<Double> times = new ArrayList<>();
    double last = -1;
    for (JsonNode entry : node) {
      double t = entry.isNumber() ? entry.doubleValue() : Double.NaN;
      boolean ascends = mayEnd ? t >= last && t <= 1 : t > last && t < 1;
      if (!ascends || t < 0) {
        throw fields.bad(key, node, "times in ascending order, from 0 to 1");
      }
      times.add(t);
      last = t;
    }
    if (!node.isArray() || times.size() == 0 || (mayEnd && times.size() < 2)) {
      throw fields.bad(key, node, "a list of times in ascending order, from 0 to 1");
    }
    return times;
  }

  /** The {@code config.json} that says what {@code config} says, without an element type. */
  public static ObjectNode configJson(HybridConfig config) {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.putArray("architectures").add("PalimpsestHybridLM");
    out.put("model_type", MODEL_TYPE);
    out.put("vocab_size", config.vocabulary());
    out.put("latent_groups", config.groups());
    out.put("latent_codes", config.codes());
    out.put("latent_width", config.groupWidth());
    out.put("latent_path", config.path().name().toLowerCase(Locale.ROOT));
    put(out, config.autoencoder(), "vq_hidden", "vq_heads", "vq_ffn");
    out.put("vq_encoder_layers", config.encoderLayers());
    out.put("vq_decoder_layers", config.decoderLayers());
    out.put("norm_groups", config.normGroups());
    put(out, config.full(), "hidden", "heads", "ffn");
    put(out, config.half(), "half_hidden", "half_heads", "half_ffn");
    out.put("blocks_before", config.blocksBefore());
    out.put("blocks_half", config.blocksHalf());
    out.put("blocks_after", config.blocksAfter());
    out.put("time_features", config.timeFeatures());
    out.put("time_hidden", config.timeHidden());
    out.put("rms_norm_eps", ConfigFields.shortest(config.normEpsilon()));
    out.put("rope_theta", config.ropeTheta());
    out.put("max_sequence_length", config.maxPositions());
    out.put("trained_length", config.trainedLength());
    out.set("sampling", samplingJson(config.sampling()));
    ConfigFields.putToken(out, "mask_token_id", config.maskToken());
    ConfigFields.putToken(out, "eos_token_id", config.endToken());
    ConfigFields.putToken(out, "pad_token_id", config.padToken());
    return out;
  }

  private static void put(ObjectNode out, Level level, String hidden, String heads, String ffn) {
    out.put(hidden, level.hidden());
    out.put(heads, level.heads());
    out.put(ffn, level.ffn());
  }

  private static ObjectNode samplingJson(LatentDefaults sampling) {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.put("steps", sampling.steps());
    if (!sampling.grid().isEmpty()) {
      sampling.grid().forEach(out.putArray("grid")::add);
    }
    out.put("solver", sampling.solver().spelling());
    out.put("temperature", ConfigFields.shortest(sampling.temperature()));
    out.put("guidance", ConfigFields.shortest(sampling.guidance()));
    out.put("churn", ConfigFields.shortest(sampling.churn()));
    out.put("refine_steps", sampling.refineSteps());
    out.put("refine_threshold", sampling.refineThreshold());
    out.put("refine_time", sampling.refineTime());
    if (!sampling.quantiles().isEmpty()) {
      sampling.quantiles().forEach(out.putArray("quantiles")::add);
    }
    return out;
  }
}
