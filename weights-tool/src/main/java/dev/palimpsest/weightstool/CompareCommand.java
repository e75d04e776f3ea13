/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weightstool;

import dev.palimpsest.family.Families;
import dev.palimpsest.family.Family;
import dev.palimpsest.family.ModelDescription;
import dev.palimpsest.kernels.Rope;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.Checkpoints;
import dev.palimpsest.weights.ElementCodec;
import dev.palimpsest.weights.FileFault;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** {@code weights compare}: how far two files of logits or two checkpoints are apart. */
@Command(
    name = "compare",
    sortOptions = false,
    description = {
      "Compares two files of float32 (.f32), or two checkpoints tensor by tensor, whatever their"
          + " formats.",
      "Differences are |A - B| / |B| (L2) and the largest single one. Status 1 if they are further"
          + " apart than --tolerance."
    })
final class CompareCommand implements Callable<Integer> {
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int CHUNK = 1 << 16;

  @Spec private CommandSpec spec;

  @Parameters(
      index = "0",
      paramLabel = "A",
      description = "A file ending in .f32, or a checkpoint.")
  private Path a;

  @Parameters(index = "1", paramLabel = "B", description = "The reference, of the same kind.")
  private Path b;

  @Option(
      names = "--tolerance",
      paramLabel = "X",
      defaultValue = "Infinity",
      description = "Largest relative L2 difference of the whole (default: any).")
  private double tolerance;

  @Option(names = "--json", description = "One JSON document (default: text).")
  private boolean json;

  @Override
  public Integer call() {
    if (!(tolerance >= 0)) {
      throw new IllegalArgumentException("--tolerance must be 0 or more; found " + tolerance);
    }
    boolean floats = a.toString().endsWith(".f32");
    if (floats != b.toString().endsWith(".f32")) {
      throw new IllegalArgumentException(
          "a file of float32 (.f32) and a checkpoint cannot be compared: " + a + ", " + b);
    }
    Map<String, Difference> parts = floats ? compareFloats() : compareCheckpoints();
    Difference all = new Difference();
    parts.values().forEach(all::add);
    print(parts, all, floats);
    return all.relative() <= tolerance ? 0 : 1;
  }

  private void print(Map<String, Difference> parts, Difference all, boolean floats) {
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      ObjectNode doc = describe(JsonNodeFactory.instance.objectNode(), all);
      if (!floats) {
        ObjectNode tensors = doc.putObject("tensors");
        parts.forEach((name, d) -> describe(tensors.putObject(name), d));
      }
      out.println(doc);
    } else {
      int width = parts.keySet().stream().mapToInt(String::length).max().orElse(0);
      if (!floats) {
        parts.forEach(
            (name, d) -> {
              if (d.different() > 0) {
                line(out, String.format("%-" + width + "s", name), d);
              }
            });
      }
      line(out, floats ? "logits" : parts.size() + " tensors", all);
    }
    out.flush();
  }

  private static void line(PrintWriter out, String what, Difference d) {
    out.println(
        d.different() == 0
            ? String.format(Locale.ROOT, "%s: all %,d numbers are equal", what, d.count())
            : String.format(
                Locale.ROOT,
                "%s: relative L2 %.3g, largest %.3g, %,d of %,d differ",
                what,
                d.relative(),
                d.largest(),
                d.different(),
                d.count()));
  }

  private static ObjectNode describe(ObjectNode out, Difference d) {
    return out.put("relative_l2", d.relative())
        .put("max_abs", d.largest())
        .put("count", d.count())
        .put("different", d.different());
  }

  private Map<String, Difference> compareFloats() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment x = map(a, arena);
      MemorySegment y = map(b, arena);
      if (x.byteSize() != y.byteSize() || x.byteSize() % 4 != 0) {
        throw new IllegalArgumentException(
            "expected two files of as many float32; found "
                + x.byteSize()
                + " bytes in "
                + a
                + " and "
                + y.byteSize()
                + " in "
                + b);
      }
      Difference d = new Difference();
      float[] p = new float[CHUNK];
      float[] q = new float[CHUNK];
      for (long at = 0; at < x.byteSize(); at += 4L * CHUNK) {
        int n = (int) Math.min(CHUNK, (x.byteSize() - at) / 4);
        MemorySegment.copy(x, FLOAT, at, p, 0, n);
        MemorySegment.copy(y, FLOAT, at, q, 0, n);
        d.add(p, q, n);
      }
      Map<String, Difference> out = new LinkedHashMap<>();
      out.put("logits", d);
      return out;
    }
  }

  private static MemorySegment map(Path file, Arena arena) {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
    } catch (IOException e) {
      throw new IllegalArgumentException(file + " cannot be read: " + FileFault.reason(e), e);
    }
  }

  private Map<String, Difference> compareCheckpoints() {
    try (Checkpoint x = Checkpoints.open(a);
        Checkpoint y = Checkpoints.open(b)) {
      Family family = Families.of(x);
      if (family != Families.of(y)) {
        throw new IllegalArgumentException(
            "expected two models of one family; found "
                + family.name()
                + " and "
                + Families.of(y).name());
      }
      ModelDescription model = family.describe(x);
      Map<String, ModelTensor> others =
          ModelTensor.of(y, family, family.describe(y)).stream()
              .collect(Collectors.toMap(ModelTensor::folderName, Function.identity()));
      Map<String, Difference> out = new LinkedHashMap<>();
      for (ModelTensor t : ModelTensor.of(x, family, model)) {
        ModelTensor other = others.remove(t.folderName());
        if (other == null || !other.view().shape().equals(t.view().shape())) {
          throw new IllegalArgumentException(
              "tensor "
                  + t.folderName()
                  + " is "
                  + t.view().shape()
                  + " in "
                  + a
                  + " and "
                  + (other == null ? "missing" : other.view().shape().toString())
                  + " in "
                  + b);
        }
        out.put(t.folderName(), compare(t, other, model.config().heads().headDim()));
      }
      if (!others.isEmpty()) {
        throw new IllegalArgumentException(
            "tensor " + others.keySet().iterator().next() + " is in " + b + " and not in " + a);
      }
      return out;
    }
  }

  private static Difference compare(ModelTensor x, ModelTensor y, int headDim) {
    int width = x.rowLength();
    float[] p = new float[width];
    float[] q = new float[width];
    Difference d = new Difference();
    for (long row = 0; row < x.view().elements() / Math.max(1, width); row++) {
      ElementCodec.decode(x.view(), row(x, row, headDim) * width, width, p);
      ElementCodec.decode(y.view(), row(y, row, headDim) * width, width, q);
      d.add(p, q, width);
    }
    return d;
  }

  private static long row(ModelTensor t, long row, int headDim) {
    return t.pairing().isEmpty()
        ? row
        : RotaryRows.source(row, headDim, t.pairing().get(), Rope.Pairing.HALF_SPLIT);
  }
}
