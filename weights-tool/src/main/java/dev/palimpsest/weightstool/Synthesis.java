/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weightstool;

import dev.palimpsest.family.Family;
import dev.palimpsest.family.TensorNames;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.HeadShape;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.kernels.WeightView;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.weights.ElementCodec;
import dev.palimpsest.weights.GgufWriter;
import dev.palimpsest.weights.SafetensorsWriter;
import dev.palimpsest.weights.TensorSink;
import dev.palimpsest.weights.TensorSpec;
import java.io.PrintWriter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import tools.jackson.databind.node.ObjectNode;

/**
 * Makes random weights of a real model's shape. Each row's numbers depend on the seed, the tensor
 * and the row only, so both formats hold the same model. Scales keep activations sane: projections
 * 1/√in, the embedding 0.02, the head 0.05, norms about 1.
 */
final class Synthesis {
  private static final int CHUNK_ELEMENTS = 1 << 20;
  private static final double EMBEDDING_SCALE = 0.02;
  private static final double HEAD_SCALE = 0.05;
  private static final double BIAS_SCALE = 0.02;
  private static final double NORM_SPREAD = 0.1;
  private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

  /** A tensor, its place among all, the centre and spread of its numbers. */
  private record Part(
      String folderName,
      String ggufName,
      List<Long> shape,
      double centre,
      double spread,
      boolean turns) {}

  private final Family family;
  private final ModelConfig config;
  private final DType dtype;
  private final long seed;
  private final List<Part> parts = new ArrayList<>();

  Synthesis(Family family, ModelConfig config, DType dtype, long seed) {
    this.family = family;
    this.config = config;
    this.dtype = dtype;
    this.seed = seed;
    TensorNames a = family.folderNames();
    TensorNames b = TensorNames.GGUF;
    int hidden = config.hidden();
    HeadShape heads = config.heads();
    int ffn = config.ffn();
    matrix(a.embedding(), b.embedding(), config.vocabulary(), hidden, EMBEDDING_SCALE, false);
    vector(a.outputNorm(), b.outputNorm(), hidden, 1, NORM_SPREAD, false);
    if (!config.tiedHead()) {
      matrix(a.head(), b.head(), config.vocabulary(), hidden, HEAD_SCALE, false);
    }
    for (int i = 0; i < config.layers(); i++) {
      norm(i, a.attentionNorm(), b.attentionNorm(), hidden);
      norm(i, a.ffnNorm(), b.ffnNorm(), hidden);
      TensorNames.Projections p = a.projections();
      TensorNames.Projections q = b.projections();
      boolean turns = family.interleavedInGguf();
      projection(i, p.query(), q.query(), heads.queryWidth(), hidden, turns);
      projection(i, p.key(), q.key(), heads.keyWidth(), hidden, turns);
      projection(i, p.value(), q.value(), heads.keyWidth(), hidden, false);
      projection(i, p.output(), q.output(), hidden, heads.queryWidth(), false);
      if (config.queryKeyValueBias()) {
        bias(i, p.query(), q.query(), heads.queryWidth(), turns);
        bias(i, p.key(), q.key(), heads.keyWidth(), turns);
        bias(i, p.value(), q.value(), heads.keyWidth(), false);
      }
      if (config.qkNorm()) {
        norm(i, a.queryNorm().orElseThrow(), b.queryNorm().orElseThrow(), heads.headDim());
        norm(i, a.keyNorm().orElseThrow(), b.keyNorm().orElseThrow(), heads.headDim());
      }
      projection(i, p.gate(), q.gate(), ffn, hidden, false);
      projection(i, p.up(), q.up(), ffn, hidden, false);
      projection(i, p.down(), q.down(), hidden, ffn, false);
    }
  }

  /** How many numbers there are. */
  long parameters() {
    return parts.stream()
        .mapToLong(p -> p.shape.stream().mapToLong(Long::longValue).reduce(1, Math::multiplyExact))
        .sum();
  }

  /** Writes the file; returns its tensors' bytes. */
  long write(Format format, Path out, boolean force, PrintWriter err) {
    boolean gguf = format == Format.gguf;
    Path file = format.file(out).toAbsolutePath();
    OutputFiles files = new OutputFiles(file.getParent(), force);
    Path target = files.claim(file.getFileName().toString());
    List<TensorSpec> specs = new ArrayList<>();
    for (Part p : parts) {
      DType type = gguf && p.shape.size() == 1 ? DType.F32 : dtype;
      specs.add(new TensorSpec(gguf ? p.ggufName : p.folderName, type, p.shape));
    }
    if (!gguf) {
      files.claim("config.json");
    }
    try (TensorSink sink =
        gguf
            ? GgufWriter.open(target, metadata(), specs)
            : SafetensorsWriter.open(target, specs, Map.of("format", "pt"))) {
      fill(sink, specs, gguf, err);
      sink.commit();
    }
    if (!gguf) {
      files.writeJson(
          "config.json", family.configJson(config).put("torch_dtype", torchName(dtype)));
    }
    return specs.stream().mapToLong(TensorSpec::bytes).sum();
  }

  private ObjectNode metadata() {
    return family
        .ggufMetadata(config)
        .put("general.name", "random weights, seed " + seed)
        .put("general.file_type", Conversion.fileType(dtype));
  }

  private void fill(TensorSink sink, List<TensorSpec> specs, boolean gguf, PrintWriter err) {
    long total = specs.stream().mapToLong(TensorSpec::bytes).sum();
    int headDim = config.heads().headDim();
    try (ProgressLine progress = new ProgressLine(err, "writing", total)) {
      for (int t = 0; t < parts.size(); t++) {
        Part part = parts.get(t);
        DType type = specs.get(t).dtype();
        boolean vector = part.shape.size() == 1;
        int width = vector ? 1 : Math.toIntExact(part.shape.getLast());
        long rows = part.shape.getFirst();
        int chunk = (int) Math.max(1, Math.min(rows, CHUNK_ELEMENTS / width));
        float[] row = new float[width];
        try (Arena buffers = Arena.ofConfined()) {
          MemorySegment bytes = buffers.allocate(type.bytes((long) chunk * width), 64);
          for (long r = 0; r < rows; r += chunk) {
            int n = (int) Math.min(chunk, rows - r);
            for (int i = 0; i < n; i++) {
              long source =
                  gguf && part.turns
                      ? RotaryRows.source(
                          r + i, headDim, Rope.Pairing.HALF_SPLIT, Rope.Pairing.INTERLEAVED)
                      : r + i;
              numbers(t, source, part, row);
              if (type != dtype) {
                round(row);
              }
              ElementCodec.encode(row, width, type, bytes, type.bytes((long) i * width));
            }
            sink.write(bytes.asSlice(0, type.bytes((long) n * width)));
            progress.advance(type.bytes((long) n * width));
          }
        }
      }
    }
  }

  private void numbers(int tensor, long row, Part part, float[] out) {
    SplittableRandom random =
        new SplittableRandom(mix(mix(mix(seed) + tensor) + row * GOLDEN_GAMMA));
    for (int i = 0; i < out.length; i++) {
      out[i] = (float) (part.centre + part.spread * random.nextGaussian());
    }
  }

  /** Norms are F32 in GGUF: they keep the precision they have in the other format. */
  private void round(float[] row) {
    MemorySegment bytes = MemorySegment.ofArray(new byte[(int) dtype.bytes(row.length)]);
    ElementCodec.encode(row, row.length, dtype, bytes, 0);
    ElementCodec.decode(
        new WeightView("row", dtype, List.of((long) row.length), bytes), 0, row.length, row);
  }

  /** SplittableRandom's finaliser, so that neighbouring rows share nothing. */
  private static long mix(long z) {
    z += GOLDEN_GAMMA;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  private void matrix(String a, String b, long rows, long columns, double scale, boolean turns) {
    parts.add(new Part(a, b, List.of(rows, columns), 0, scale, turns));
  }

  private void vector(String a, String b, long width, double centre, double spread, boolean turns) {
    parts.add(new Part(a, b, List.of(width), centre, spread, turns));
  }

  private void projection(int layer, String a, String b, long out, long in, boolean turns) {
    matrix(
        family.folderNames().weight(layer, a),
        TensorNames.GGUF.weight(layer, b),
        out,
        in,
        1 / Math.sqrt(in),
        turns);
  }

  private void norm(int layer, String a, String b, int width) {
    vector(
        family.folderNames().weight(layer, a),
        TensorNames.GGUF.weight(layer, b),
        width,
        1,
        NORM_SPREAD,
        false);
  }

  private void bias(int layer, String a, String b, long width, boolean turns) {
    vector(
        family.folderNames().bias(layer, a),
        TensorNames.GGUF.bias(layer, b),
        width,
        0,
        BIAS_SCALE,
        turns);
  }

  /** What {@code torch_dtype} calls it. */
  static String torchName(DType dtype) {
    return switch (dtype) {
      case F32 -> "float32";
      case F16 -> "float16";
      case BF16 -> "bfloat16";
      default -> dtype.name().toLowerCase(Locale.ROOT);
    };
  }
}
