/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.family;

import java.util.Set;

/**
 * Fields that any {@code config.json} may carry and that do not change the forward computation:
 * bookkeeping of the transformers library, training settings and defaults for generation.
 */
final class HuggingFaceFields {
  private static final Set<String> HARMLESS =
      Set.of(
          // Bookkeeping.
          "architectures",
          "auto_map",
          "custom_generate",
          "dtype",
          "finetuning_task",
          "id2label",
          "label2id",
          "model_type",
          "name_or_path",
          "num_labels",
          "output_attentions",
          "output_hidden_states",
          "prefix",
          "problem_type",
          "return_dict",
          "return_dict_in_generate",
          "task_specific_params",
          "tf_legacy_loss",
          "tokenizer_class",
          "torch_dtype",
          "torchscript",
          "transformers_version",
          "use_bfloat16",
          "use_cache",
          "attn_implementation",
          // The same results in other pieces or precisions.
          "chunk_size_feed_forward",
          "flash_attention",
          "precision",
          // Training.
          "attention_dropout",
          "embedding_dropout",
          "hidden_dropout",
          "initializer_range",
          "initializer_factor",
          "residual_dropout",
          // Tokens and settings of generation.
          "bad_words_ids",
          "begin_suppress_tokens",
          "bos_token_id",
          "decoder_start_token_id",
          "diversity_penalty",
          "do_sample",
          "early_stopping",
          "encoder_no_repeat_ngram_size",
          "exponential_decay_length_penalty",
          "forced_bos_token_id",
          "forced_eos_token_id",
          "length_penalty",
          "max_length",
          "max_new_tokens",
          "min_length",
          "no_repeat_ngram_size",
          "num_beam_groups",
          "num_beams",
          "num_return_sequences",
          "output_scores",
          "remove_invalid_values",
          "repetition_penalty",
          "sep_token_id",
          "suppress_tokens",
          "temperature",
          "top_k",
          "top_p",
          "typical_p");

  private HuggingFaceFields() {}

  static boolean harmless(String key) {
    return HARMLESS.contains(key) || key.startsWith("_") || key.startsWith("init_");
  }
}
