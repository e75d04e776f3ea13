/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * What {@code quantization_config} may ask for: compressed-tensors' int8 with a scale for each row
 * of a matrix (github.com/vllm-project/compressed-tensors, {@code quant_config.py}, {@code
 * quant_args.py}).
 *
 * <p>Which tensors are quantised is read from the tensors: {@code targets} and {@code ignore} say
 * the same in other words. Inputs of matrices are quantised when the engine computes in int8, token
 * by token as they come, and not otherwise.
 */
final class QuantizationFields {
  private static final Set<String> BOOKKEEPING =
      Set.of(
          "global_compression_ratio",
          "ignore",
          "quantization_status",
          "run_compressed",
          "targets",
          "version",
          // How the numbers were found, and what they had been before they were written.
          "observer",
          "observer_kwargs",
          "scale_dtype",
          "zp_dtype");

  private QuantizationFields() {}

  /**
   * Looks at the {@code quantization_config} of {@code model}.
   *
   * @throws dev.palimpsest.weights.CheckpointException naming the field that asks for something
   *     else
   */
  static void check(ConfigFields model) {
    ConfigFields fields = model.object("quantization_config");
    fields.require("quant_method", "compressed-tensors", "unknown");
    fields.require("format", "int-quantized", "fakequant");
    fields.off("kv_cache_scheme");
    ConfigFields groups = fields.object("config_groups");
    for (String name : groups.names()) {
      group(groups.object(name));
    }
    fields.refuseOthers(BOOKKEEPING::contains);
  }

  private static void group(ConfigFields fields) {
    if (fields.has("format")) {
      fields.require("format", "int-quantized", "");
    }
    ConfigFields weights = fields.object("weights");
    eightBits(weights);
    weights.require("symmetric", "true", "true");
    weights.require("strategy", "channel", "tensor");
    weights.require("dynamic", "false", "false");
    if (fields.has("input_activations")) {
      ConfigFields inputs = fields.object("input_activations");
      eightBits(inputs);
      inputs.flag("symmetric", true);
      inputs.require("strategy", "token", "tensor");
      inputs.require("dynamic", "true", "false");
      inputs.refuseOthers(BOOKKEEPING::contains);
    }
    weights.refuseOthers(BOOKKEEPING::contains);
    fields.off("output_activations");
    fields.refuseOthers(BOOKKEEPING::contains);
  }

  private static void eightBits(ConfigFields fields) {
    fields.require("num_bits", "8", "8");
    fields.require("type", "int", "int");
    JsonNode size = fields.node("group_size");
    if (!size.isMissingNode() && !size.isNull() && !(size.isInt() && size.intValue() == -1)) {
      throw fields.bad("group_size", size, "null: one scale for each row");
    }
  }
}
