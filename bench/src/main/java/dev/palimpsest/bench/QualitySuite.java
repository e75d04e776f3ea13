/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import java.util.List;

/** What is compared with what in the tables of {@code docs/quality.md}; the first is the base. */
enum QualitySuite {
  /** What keeping keys and values costs. */
  caches(
      List.of(HoleTask.BODY, HoleTask.METHOD),
      false,
      "tokens-per-step=2,block=16",
      "tokens-per-step=2,block=16,cache=prefix",
      "tokens-per-step=2,block=16,cache=prefix,refresh=4",
      "tokens-per-step=2,block=16,cache=dual",
      "tokens-per-step=2,block=16,cache=dual,refresh=4",
      "tokens-per-step=2,block=16,cache=dual,refresh=2",
      "tokens-per-step=2,block=16,cache=delayed",
      "tokens-per-step=2,block=16,cache=delayed,refresh=8",
      "tokens-per-step=2,block=16,cache=delayed,refresh=4",
      "tokens-per-step=2,block=32",
      "tokens-per-step=2,block=32,cache=dual",
      "tokens-per-step=2,block=32,cache=dual,refresh=4",
      "threshold=0.9,block=16",
      "threshold=0.9,block=16,cache=dual"),

  /** What writing several tokens in one forward costs, by the rule that picks them. */
  rules(
      List.of(HoleTask.LINE, HoleTask.BODY, HoleTask.METHOD),
      false,
      "tokens-per-step=1,block=16",
      "tokens-per-step=2",
      "tokens-per-step=2,block=16",
      "tokens-per-step=4",
      "tokens-per-step=4,block=16",
      "tokens-per-step=8",
      "tokens-per-step=8,block=16",
      "rule=random,tokens-per-step=2,block=16",
      "rule=margin,tokens-per-step=2",
      "rule=entropy,tokens-per-step=2",
      "threshold=0.9,block=16",
      "threshold=0.7,block=16",
      "threshold=0.5,block=16",
      "threshold=0.3,block=16",
      "rule=factor,factor=1,block=16",
      "rule=entropy-bounded,entropy-bound=0.35,block=16",
      "rule=entropy-bounded,entropy-bound=1.5,block=16",
      "rule=margin-threshold,threshold=0.5,block=16",
      "rule=hierarchical,block=16",
      "threshold=0.9,edit=0.9,block=16",
      "threshold=0.5,edit=0.5,block=16",
      "threshold=0.9,max-steps-per-block=4,block=16"),

  /** What is best in ten forwards. */
  budget(
      List.of(HoleTask.LINE, HoleTask.BODY, HoleTask.METHOD),
      false,
      "steps=10",
      "steps=10,block=8",
      "steps=10,block=16",
      "steps=10,block=32",
      "rule=margin,steps=10",
      "rule=entropy,steps=10",
      "rule=maskgit-plus,steps=10",
      "threshold=0.9,max-steps-per-block=10",
      "threshold=0.7,max-steps-per-block=10",
      "rule=factor,factor=1,max-steps-per-block=10",
      "rule=entropy-bounded,entropy-bound=0.35,max-steps-per-block=10",
      "rule=hierarchical,max-steps-per-block=10",
      "rule=margin-threshold,threshold=0.7,max-steps-per-block=10",
      "threshold=0.9,block=32,max-steps-per-block=5",
      "rule=hierarchical,block=32,max-steps-per-block=5"),

  /** What fewer bits cost. */
  dtypes(
      List.of(HoleTask.TOKEN, HoleTask.EIGHT, HoleTask.LINE, HoleTask.BODY),
      true,
      "dtype=f32,tokens-per-step=2,block=16",
      "dtype=bf16,tokens-per-step=2,block=16",
      "dtype=int8,tokens-per-step=2,block=16",
      "dtype=f32,weights=int8,tokens-per-step=2,block=16",
      "dtype=int8,weights=int8,tokens-per-step=2,block=16");

  private final List<HoleTask> tasks;
  private final boolean loss;
  private final List<String> configs;

  QualitySuite(List<HoleTask> tasks, boolean loss, String... configs) {
    this.tasks = tasks;
    this.loss = loss;
    this.configs = List.of(configs);
  }

  List<HoleTask> tasks() {
    return tasks;
  }

  /** Whether the masked loss tells anything: decoding has no part in it. */
  boolean loss() {
    return loss;
  }

  List<String> configs() {
    return configs;
  }
}
