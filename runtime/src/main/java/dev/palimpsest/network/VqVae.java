/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.network;

import dev.palimpsest.kernels.AttentionMask;
import dev.palimpsest.kernels.Codebook;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.Device;
import dev.palimpsest.kernels.EmbeddingTable;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.RowSpans;
import dev.palimpsest.kernels.Tensor;
import dev.palimpsest.kernels.WeightView;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Tokens to latents and back (a product-quantised VQ-VAE; van den Oord et al., 2017). The encoder
 * is convolutional, so that a token's code depends on its neighbours; the decoder is a small
 * transformer that sees all latents.
 */
final class VqVae {
  private final Device device;
  private final HybridConfig config;

  private final EmbeddingTable embedding;
  private final PackedLinear[] convolutions;
  private final Tensor ones;
  private final PackedLinear encoderOut;
  private final Codebook codebook;
  private final Activations encoding;
  private Tensor encoded;
  private Tensor convolved;
  private Tensor normed;
  private Tensor latents;
  private int[] codes = new int[0];

  private final PackedLinear decoderIn;
  private final PreNormBlock[] decoder;
  private final BlockScratch scratch;
  private final Tensor outputNorm;
  private final PackedLinear head;
  private final Activations decoding;
  private Tensor input;
  private Tensor residual;
  private Tensor headInput;
  private int[] positions = new int[0];
  private final ChosenRows chosen = new ChosenRows();
  private final PredictionRows compact = new PredictionRows();

  VqVae(Device device, HybridConfig config, HybridWeights.Autoencoder weights) {
    this.device = device;
    this.config = config;
    embedding = device.table(weights.embedding());
    convolutions =
        weights.convolutions().stream().map(view -> device.pack(view)).toArray(PackedLinear[]::new);
    ones = ones(device, config.autoencoder().hidden());
    encoderOut = device.pack(weights.out());
    codebook = device.codebook(weights.codebook(), config.groups());
    encoding = new Activations(device);

    decoderIn = device.pack(weights.decoderIn());
    scratch = new BlockScratch(device, Denoiser.shape(config, config.autoencoder()));
    decoder =
        weights.decoder().stream()
            .map(layer -> PreNormBlock.pack(device, scratch.shape(), layer))
            .toArray(PreNormBlock[]::new);
    outputNorm = device.vector(weights.norm());
    head = device.pack(weights.head());
    decoding = new Activations(device);
  }

  /** A norm's weight that changes nothing. */
  private static Tensor ones(Device device, int width) {
    float[] values = new float[width];
    Arrays.fill(values, 1);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocateFrom(ValueLayout.JAVA_FLOAT, values);
      return device.vector(new WeightView("ones", DType.F32, List.of((long) width), memory));
    }
  }

  Codebook codebook() {
    return codebook;
  }

  /**
   * Encodes sequences of known tokens, each by itself, into slots of the state.
   *
   * @param tokens of each row
   * @param slots of each row
   */
  void encode(RowSpans spans, int[] tokens, int[] slots, Tensor state) {
    device.latents(codebook, codes(spans, tokens), slots, spans.rows(), state);
  }

  /** The codes of known tokens, those of row i from {@code i · groups}; valid until the next. */
  int[] codes(RowSpans spans, int[] tokens) {
    int rows = spans.rows();
    reserveEncoding(rows);
    float eps = config.normEpsilon();
    device.embed(embedding, tokens, rows, encoded);
    for (PackedLinear convolution : convolutions) {
      device.convolutionInput(encoded, spans, config.normGroups(), eps, convolved);
      device.linearAdd(convolved, rows, convolution, encoded);
    }
    device.rmsNorm(encoded, rows, ones, eps, normed);
    device.linear(normed, rows, encoderOut, latents);
    device.nearestCodes(latents, rows, codebook, codes);
    return codes;
  }

  private void reserveEncoding(int rows) {
    if (encoding.grow(rows)) {
      int hidden = config.autoencoder().hidden();
      encoded = encoding.add(DType.F32, hidden);
      convolved = encoding.add(device.computeType(), 3 * hidden);
      normed = encoding.add(device.computeType(), hidden);
      latents = encoding.add(DType.F32, config.width());
      encoding.ready();
    }
    if (codes.length < rows * config.groups()) {
      codes = new int[encoded.rows() * config.groups()];
    }
  }

  /** Predicts the tokens that a batch wants of its latents. */
  void decode(LatentBatch batch) {
    Tensor state = batch.state();
    Tensor halves = new Tensor(DType.F32, 2 * state.rows(), state.width() / 2, state.memory());
    int rows = run(batch.decoded(), halves, batch.decodedRows());
    PredictionRows wanted = batch.wantedTokens();
    chosen.begin(rows);
    compact.clear();
    compact.wantEntropy(false);
    for (int i = 0; i < wanted.size(); i++) {
      compact.add(
          chosen.place(wanted.row(i)),
          wanted.sampling(i),
          wanted.seed(i),
          wanted.step(i),
          wanted.position(i));
    }
    int count = chosen.size();
    device.rmsNormRows(residual, chosen.rows(), count, outputNorm, config.normEpsilon(), headInput);
    device.predict(headInput, count, head, compact, batch.predictions());
  }

  /**
   * All logits of decoded latents.
   *
   * @param latents f32 {@code [rows][width]}
   * @param out float32 {@code [rows][vocabulary]} in host memory
   */
  void logits(RowSpans spans, Tensor latents, MemorySegment out) {
    int[] all = new int[spans.rows()];
    Arrays.setAll(all, i -> i);
    int rows = run(spans, latents, all);
    device.rmsNorm(residual, rows, outputNorm, config.normEpsilon(), headInput);
    device.logits(headInput, rows, head, out);
  }

  /** Leaves the last block's output in {@link #residual}. */
  private int run(RowSpans spans, Tensor latents, int[] index) {
    int rows = spans.rows();
    scratch.reserve(rows);
    if (decoding.grow(rows)) {
      int hidden = config.autoencoder().hidden();
      input = decoding.add(device.computeType(), config.width());
      residual = decoding.add(DType.F32, hidden);
      headInput = decoding.add(device.computeType(), hidden);
      decoding.ready();
    }
    positions = Denoiser.positions(spans, positions);
    device.gather(latents, index, rows, input);
    device.linear(input, rows, decoderIn, residual);
    PreNormBlock.run(
        decoder, device, scratch, residual, spans, positions, AttentionMask.FULL, Optional.empty());
    return rows;
  }
}
