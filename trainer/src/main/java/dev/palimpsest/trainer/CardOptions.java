/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.nio.file.Path;
import java.util.Locale;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;

/** How a model's card is measured, and what is said of it. */
public final class CardOptions {
  @Option(names = "--threads", defaultValue = "2", description = "threads of libtorch")
  private int threads;

  @Mixin private Precision precision;

  @Option(names = "--json", description = "print the measurements as JSON and nothing else")
  private boolean json;

  /** Threads of libtorch. */
  public int threads() {
    return threads;
  }

  /** In which type matrices are multiplied. */
  public Precision precision() {
    return precision;
  }

  /**
   * Says what was measured, or where it is written.
   *
   * @param model folder of the card
   * @param result what {@code --json} prints
   */
  public void report(Path model, Object result, double seconds) {
    if (json) {
      System.out.println(JsonMapper.shared().writeValueAsString(result));
    } else {
      System.out.printf(
          Locale.ROOT,
          "measured in %.0f s; written to %s and %s%n",
          seconds,
          model.resolve("README.md"),
          model.resolve("card.json"));
    }
  }
}
