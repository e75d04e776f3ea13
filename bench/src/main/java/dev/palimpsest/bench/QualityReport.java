/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import java.util.List;
import java.util.Optional;

/**
 * What ways of decoding cost in quality. All see the same holes; the first is what the others are
 * compared with, hole by hole.
 *
 * @param loss masked tokens, one forward; empty where it was not asked for
 * @param tasks holes, a table each
 * @param model as it was named on the command line
 * @param text where the files are from
 * @param files of it that are long enough
 * @param length tokens of a canvas
 * @param seed of holes and masks
 * @param together requests running at a time
 * @param device of the first configuration, in its own words
 * @param seconds for everything
 * @param conditions machine and program
 */
record QualityReport(
    List<LossRow> loss,
    List<TaskTable> tasks,
    String model,
    String text,
    int files,
    int length,
    long seed,
    int together,
    String device,
    double seconds,
    @JsonUnwrapped Conditions conditions) {

  /** A share or mean, and by how much it differs from that of the first configuration. */
  @JsonInclude(JsonInclude.Include.NON_ABSENT)
  record Measure(Estimate is, Optional<Estimate> difference) {
    static Measure of(double[] sums, double[] first, double[] weights) {
      return new Measure(
          Estimate.of(sums, weights),
          sums == first
              ? Optional.empty()
              : Optional.of(Estimate.difference(sums, first, weights)));
    }
  }

  /**
   * Masked loss of a configuration at one level of noise.
   *
   * @param noise share of tokens masked
   * @param nats per masked token
   * @param right share of masked tokens whose logit was the largest
   */
  record LossLevel(double noise, int rows, long tokens, Measure nats, Measure right) {}

  /**
   * Masked loss of a configuration.
   *
   * @param logitsError relative L2 distance of some logits to those of the first configuration
   */
  record LossRow(String config, List<LossLevel> levels, double logitsError) {}

  /**
   * A configuration on one kind of hole.
   *
   * @param exact holes written as they were
   * @param right tokens that are the true ones at their place
   * @param parses files accepted by the JDK's parser with the hole written
   * @param forwards network calls for a hole
   * @param tokensPerForward tokens written over network calls
   * @param tokensPerSecond of all holes, several at a time
   */
  @JsonInclude(JsonInclude.Include.NON_ABSENT)
  record TaskRow(
      String config,
      Optional<Measure> exact,
      Optional<Measure> right,
      Measure parses,
      double forwards,
      double tokensPerForward,
      double tokensPerSecond) {}

  /** All configurations on one kind of hole. */
  record TaskTable(
      String task, String title, int holes, double tokensPerHole, List<TaskRow> rows) {}
}
