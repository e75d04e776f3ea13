/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.OptionSpec;

/** What is said on the command line is in the settings that the trainers get. */
class LatentOptionsTest {
  @Command
  private static final class Both {
    @Mixin private AutoencoderOptions autoencoder;
    @Mixin private DenoiserOptions denoiser;

    private LatentSettings denoiser() {
      return denoiser.settings(autoencoder.shape(500), true);
    }

    private AutoencoderSettings autoencoder() {
      return autoencoder.settings(500, true);
    }
  }

  private static Both parsed(String... arguments) {
    Both both = new Both();
    new CommandLine(both).setCaseInsensitiveEnumValuesAllowed(true).parseArgs(arguments);
    return both;
  }

  /** What is read by the stage itself, not by the settings. */
  private static final Set<String> OF_THE_STAGE =
      Set.of("--ignore-gates", "--vq-minutes", "--vq-steps");

  @Test
  void everyOptionIsInTheSettings() {
    Both usual = parsed();
    Set<String> ignored = new TreeSet<>();
    for (OptionSpec option : new CommandLine(new Both()).getCommandSpec().options()) {
      Both other = parsed(changed(option));
      if (other.denoiser().equals(usual.denoiser())
          && other.autoencoder().equals(usual.autoencoder())) {
        ignored.add(option.longestName());
      }
    }
    assertEquals(new TreeSet<>(OF_THE_STAGE), ignored);
  }

  private static String changed(OptionSpec option) {
    String name = option.longestName();
    if (option.negatable()) {
      return "--no-" + name.substring(2);
    }
    if (option.type() == boolean.class) {
      return name;
    }
    if (option.type() == LatentPath.class) {
      return name + "=cosine";
    }
    // Twice as wide or as many divides as before.
    return name + "=" + (option.defaultValue().equals("0") ? "1" : twice(option));
  }

  private static String twice(OptionSpec option) {
    return option.type() == double.class
        ? Double.toString(2 * Double.parseDouble(option.defaultValue()))
        : Long.toString(2 * Long.parseLong(option.defaultValue()));
  }

  @Test
  void withoutTheUnetFullBlocksCostTheSame() {
    HybridShape usual = parsed().denoiser().shape();
    HybridShape plain = parsed("--no-u-net").denoiser().shape();
    assertEquals(0, plain.half());
    assertTrue(plain.before() > usual.before());
    HybridShape fewer = parsed("--no-u-net", "--before=1").denoiser().shape();
    assertNotEquals(plain.multiplyAdds(), fewer.multiplyAdds());
    double block = 7.0 * usual.hidden() * usual.hidden() + 3.0 * usual.hidden() * usual.ffn();
    assertEquals(usual.multiplyAdds(), plain.multiplyAdds(), block / 2);
  }

  /** What a study trains with is what the command does when nothing is said. */
  @Test
  void whatIsUsualIsWhatTheOptionsDefaultTo() {
    LatentSettings denoiser = parsed().denoiser();
    assertEquals(
        denoiser,
        LatentSettings.usual(
            denoiser.shape(),
            denoiser.batch(),
            denoiser.seed(),
            denoiser.rate(),
            denoiser.warmup(),
            denoiser.averageDecay(),
            denoiser.bf16()));
    AutoencoderSettings vq = parsed().autoencoder();
    assertEquals(
        vq,
        AutoencoderSettings.usual(
            vq.shape(), vq.length(), vq.batch(), vq.seed(), vq.rate(), vq.warmup(), vq.bf16()));
  }
}
