/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weightstool;

import dev.palimpsest.family.Families;
import dev.palimpsest.family.Family;
import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.network.HybridConfig;
import dev.palimpsest.network.ModelConfig;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code weights synthesize}: random weights of a real model's shape. */
@Command(
    name = "synthesize",
    sortOptions = false,
    description = {
      "Makes a checkpoint of random weights, to measure speed or to test loaders.",
      "The same seed gives the same model in either format. The last token of the vocabulary is"
          + " MASK, the one before it ends texts; llama has no MASK."
    })
final class SynthesizeCommand implements Callable<Integer> {
  /** Families as the command line spells them. */
  enum FamilyName {
    llada,
    dream,
    sdar,
    llama,
    palimpsest_hybrid;

    @Override
    public String toString() {
      return name().replace('_', '-');
    }
  }

  /** What {@code --dtype} takes. */
  enum Type {
    bf16,
    f32,
    f16
  }

  /** Positions a hybrid model is said to be trained on. */
  private static final int WINDOW = 128;

  @Spec private CommandSpec spec;

  @Option(
      names = "--family",
      paramLabel = "FAMILY",
      required = true,
      description =
          "${COMPLETION-CANDIDATES} (no default). Of the last one --layers, --hidden, --heads and --ffn"
              + " are those of the full-resolution blocks; the rest follows from them.")
  private FamilyName family;

  @Option(
      names = "--layers",
      paramLabel = "N",
      defaultValue = "16",
      description = "Transformer blocks (default: ${DEFAULT-VALUE}).")
  private int layers;

  @Option(
      names = "--hidden",
      paramLabel = "N",
      defaultValue = "1024",
      description = "Width of the residual stream (default: ${DEFAULT-VALUE}).")
  private int hidden;

  @Option(
      names = "--heads",
      paramLabel = "N",
      defaultValue = "16",
      description = "Heads of attention; must divide --hidden (default: ${DEFAULT-VALUE}).")
  private int heads;

  @Option(
      names = "--kv-heads",
      paramLabel = "N",
      description = "Heads of keys and values; must divide --heads (default: as --heads).")
  private Integer kvHeads;

  @Option(
      names = "--ffn",
      paramLabel = "N",
      description = "Inner width of the gated network (default: three times --hidden).")
  private Integer ffn;

  @Option(
      names = "--vocab",
      paramLabel = "N",
      defaultValue = "32000",
      description = "Entries of the vocabulary (default: ${DEFAULT-VALUE}).")
  private int vocab;

  @Option(
      names = "--positions",
      paramLabel = "N",
      defaultValue = "4096",
      description = "Longest sequence (default: ${DEFAULT-VALUE}).")
  private int positions;

  @Option(
      names = "--block-length",
      paramLabel = "N",
      description =
          "Positions of a block of attention; only for sdar, the others attend to everything, or llama"
              + " to what precedes a position (default: 4).")
  private Integer blockLength;

  @Option(
      names = "--tied",
      description = "Use the embedding as the head (default: a head of its own).")
  private boolean tied;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "7",
      description = "Seed of all numbers (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      defaultValue = "bf16",
      description = "Element type: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
  private Type type;

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      defaultValue = "safetensors",
      description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
  private Format format;

  @Option(
      names = {"-o", "--out"},
      paramLabel = "PATH",
      required = true,
      description = "Folder to write; for GGUF also the file itself, ending in .gguf (no default).")
  private Path out;

  @Option(names = "--force", description = "Overwrite what is there (default: refuse).")
  private boolean force;

  @Override
  public Integer call() {
    long began = System.nanoTime();
    if (family == FamilyName.palimpsest_hybrid) {
      HybridSynthesis hybrid = new HybridSynthesis(hybridConfig(), elementType(), seed);
      long bytes = hybrid.write(out, force, spec.commandLine().getErr());
      report(hybrid.parameters(), bytes, began);
      return 0;
    }
    Synthesis synthesis =
        new Synthesis(Families.named(family.name()), config(), elementType(), seed);
    long bytes = synthesis.write(format, out, force, spec.commandLine().getErr());
    report(synthesis.parameters(), bytes, began);
    return 0;
  }

  private DType elementType() {
    return DType.valueOf(type.name().toUpperCase(Locale.ROOT));
  }

  private void report(long parameters, long bytes, long began) {
    spec.commandLine()
        .getOut()
        .printf(
            Locale.ROOT,
            "%s: %s parameters, %s in %.1f s%n",
            format.file(out),
            Sizes.count(parameters),
            Sizes.bytes(bytes),
            (System.nanoTime() - began) / 1e9);
    spec.commandLine().getOut().flush();
  }

  private HybridConfig hybridConfig() {
    atLeast("--layers", layers, 1, 1024);
    atLeast("--hidden", hidden, 2, 1 << 18);
    atLeast("--heads", heads, 1, 4096);
    atLeast("--vocab", vocab, 2, 1 << 24);
    atLeast("--positions", positions, 1, 1 << 24);
    int inner = ffn == null ? 3 * hidden : ffn;
    atLeast("--ffn", inner, 1, 1 << 20);
    if (!HybridSynthesis.divides(hidden, heads)) {
      throw wrong(
          "--hidden %d of a palimpsest-hybrid must be a multiple of 8 and of twice --heads %d"
              .formatted(hidden, heads));
    }
    if (kvHeads != null || blockLength != null || tied || format != Format.safetensors) {
      throw wrong(
          "--kv-heads, --block-length, --tied and --format gguf are not for --family palimpsest-hybrid");
    }
    return HybridSynthesis.config(layers, hidden, heads, inner, vocab, positions, WINDOW);
  }

  private ModelConfig config() {
    Family f = Families.named(family.name());
    boolean dream = family == FamilyName.dream;
    boolean sdar = family == FamilyName.sdar;
    boolean causal = f.causal();
    int keys = kvHeads == null ? heads : kvHeads;
    atLeast("--layers", layers, 1, 4096);
    atLeast("--hidden", hidden, 2, 1 << 20);
    atLeast("--heads", heads, 1, 4096);
    atLeast("--kv-heads", keys, 1, 4096);
    atLeast("--vocab", vocab, 2, 1 << 24);
    atLeast("--positions", positions, 1, Integer.MAX_VALUE);
    int inner = ffn == null ? 3 * hidden : ffn;
    atLeast("--ffn", inner, 1, 1 << 20);
    if (hidden % heads != 0 || hidden / heads % 2 != 0) {
      throw wrong("--hidden " + hidden + " is not an even multiple of --heads " + heads);
    }
    if (heads % keys != 0) {
      throw wrong("--kv-heads " + keys + " does not divide --heads " + heads);
    }
    if (blockLength != null && !sdar) {
      throw wrong(
          "--block-length is for --family sdar; "
              + family
              + (causal ? " attends to what precedes a position" : " attends to everything"));
    }
    int block = blockLength == null ? 4 : blockLength;
    atLeast("--block-length", block, 1, 1 << 16);
    int headDim = hidden / heads;
    return new ModelConfig(
        f.name(),
        layers,
        hidden,
        inner,
        vocab,
        new HeadShape(heads, keys, headDim),
        new Rope(dream || sdar ? 1_000_000 : 500_000, headDim, Rope.Pairing.HALF_SPLIT),
        sdar ? new AttentionMask(block) : causal ? AttentionMask.CAUSAL : AttentionMask.FULL,
        dream || sdar ? 1e-6f : 1e-5f,
        sdar,
        dream,
        false,
        tied,
        dream || causal,
        positions,
        causal ? -1 : vocab - 1,
        vocab - 2,
        vocab - 2);
  }

  private void atLeast(String option, int value, int least, int most) {
    if (value < least || value > most) {
      throw wrong(option + " must be between " + least + " and " + most + "; found " + value);
    }
  }

  private ParameterException wrong(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}
