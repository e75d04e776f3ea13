/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.gpu;

import dev.palimpsest.bench.RandomModel;
import dev.palimpsest.bench.RandomWeights;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.network.TransformerWeights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** Sizes of a LLaDA-shaped network, and weights that have them. */
record ModelShape(int layers, int hidden, int heads, int ffn, int vocabulary) {
  /** LLaDA-8B (GSAI-ML/LLaDA-8B-Base, config.json). */
  static final ModelShape LLADA_8B = new ModelShape(32, 4096, 32, 12288, 126464);

  /** For the emulator. */
  static final ModelShape TINY = new ModelShape(2, 64, 2, 96, 264);

  /** Elements of the pattern that weights are made of: no multiple of any row. */
  private static final int PATTERN = 8 * 65_521;

  HeadShape headShape() {
    return new HeadShape(heads, heads, hidden / heads);
  }

  ModelConfig config() {
    return RandomModel.config(layers, hidden, heads, ffn, vocabulary);
  }

  /** Weights of the linear maps and the embedding. */
  long parameters() {
    return layers * (4L * hidden * hidden + 3L * hidden * ffn) + 2L * vocabulary * hidden;
  }

  /** Bytes of bf16 that a step reads of them: all but the embedding. */
  long stepBytes() {
    return 2 * (parameters() - (long) vocabulary * hidden);
  }

  /** Operations of the products for so many rows, and of the head for {@code wanted} of them. */
  double operations(double rows, double wanted) {
    return 2
        * (rows * layers * (4.0 * hidden * hidden + 3.0 * hidden * ffn)
            + wanted * vocabulary * (double) hidden);
  }

  /** Uniform numbers of the variance that a layer of this width has. */
  WeightView pattern(Arena arena) {
    SplittableRandom random = new SplittableRandom(1);
    float scale = (float) Math.sqrt(12.0 / hidden);
    MemorySegment memory = arena.allocate(2L * PATTERN, 16);
    for (int i = 0; i < PATTERN; i++) {
      float value = (random.nextFloat() - 0.5f) * scale;
      memory.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (Float.floatToRawIntBits(value) >>> 16));
    }
    return new WeightView("pattern", DType.BF16, List.of((long) PATTERN), memory);
  }

  /**
   * Weights of which only the norms hold numbers; the others are views of a file without content,
   * for a device that makes weights itself.
   */
  TransformerWeights shapes(Arena arena) {
    // Grows a file without writing; nobody reads it either.
    MemorySegment nothing = ScratchFile.map(arena, 2L * Math.max(vocabulary, ffn) * hidden);
    WeightView ones = RandomWeights.ones(arena, "ones", hidden);
    WeightView square = view(nothing, hidden, hidden);
    TransformerWeights.Layer layer =
        new TransformerWeights.Layer(
            ones,
            square,
            square,
            square,
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            square,
            Optional.empty(),
            ones,
            view(nothing, ffn, hidden),
            view(nothing, ffn, hidden),
            view(nothing, hidden, ffn));
    return new TransformerWeights(
        view(nothing, vocabulary, hidden),
        IntStream.range(0, layers).mapToObj(i -> layer).toList(),
        ones,
        view(nothing, vocabulary, hidden));
  }

  /** The shape of a matrix in a dtype, without content either. */
  WeightView view(Arena arena, DType type, int out, int in) {
    long bytes = type.bytes((long) out * in);
    return new WeightView(
        type + " shape " + out + " x " + in,
        type,
        List.of((long) out, (long) in),
        ScratchFile.map(arena, bytes).asSlice(0, bytes));
  }

  private static WeightView view(MemorySegment nothing, int out, int in) {
    return new WeightView(
        "shape " + out + " x " + in,
        DType.BF16,
        List.of((long) out, (long) in),
        nothing.asSlice(0, 2L * out * in));
  }
}
