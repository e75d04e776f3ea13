/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weightstool;

import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.Checkpoints;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** {@code weights quantize}: matrices in int8. */
@Command(
    name = "quantize",
    sortOptions = false,
    description = {
      "Writes a Hugging Face folder with the matrices in int8, a scale for each of their rows:"
          + " compressed-tensors' format int-quantized (W8A8).",
      "Embeddings, norms and biases stay as they are, and so does the head unless --head is given."
          + " For Q8_0 see convert."
    })
final class QuantizeCommand implements Callable<Integer> {
  /** What {@code --to} takes. */
  enum Type {
    int8
  }

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "MODEL",
      description = "Folder with config.json and *.safetensors, or a .gguf file.")
  private Path model;

  @Option(
      names = "--to",
      paramLabel = "TYPE",
      required = true,
      description = "${COMPLETION-CANDIDATES} (no default).")
  private Type to;

  @Option(
      names = {"-o", "--out"},
      paramLabel = "FOLDER",
      required = true,
      description = "Folder to write (no default).")
  private Path out;

  @Option(names = "--head", description = "Quantize the head, too (default: do not).")
  private boolean head;

  @Option(names = "--force", description = "Overwrite what is there (default: refuse).")
  private boolean force;

  @Option(names = "--json", description = "One JSON document (default: text).")
  private boolean json;

  @Override
  public Integer call() {
    long began = System.nanoTime();
    try (Checkpoint source = Checkpoints.open(model)) {
      Quantization quantization = new Quantization(source, head);
      List<Quantization.Loss> losses = quantization.write(out, force, spec.commandLine().getErr());
      double seconds = (System.nanoTime() - began) / 1e9;
      PrintWriter to = spec.commandLine().getOut();
      if (json) {
        to.println(json(quantization, losses, seconds));
      } else {
        print(to, quantization, losses, seconds);
      }
      to.flush();
    }
    return 0;
  }

  private ObjectNode json(
      Quantization quantization, List<Quantization.Loss> losses, double seconds) {
    Difference all = all(losses);
    ObjectNode doc = JsonNodeFactory.instance.objectNode();
    doc.put("path", out.toString());
    doc.put("bytes_before", quantization.sourceBytes());
    doc.put("bytes_after", quantization.bytes());
    doc.put("quantized_tensors", losses.size());
    doc.put("quantized_elements", all.count());
    doc.put("relative_l2", all.relative());
    doc.put("max_abs", all.largest());
    doc.put("seconds", seconds);
    doc.set("tensors", Quantization.json(losses));
    return doc;
  }

  private void print(
      PrintWriter to, Quantization quantization, List<Quantization.Loss> losses, double seconds) {
    Map<String, List<Quantization.Loss>> kinds = quantization.byKind(losses);
    int width = kinds.keySet().stream().mapToInt(String::length).max().orElse(0);
    kinds.forEach(
        (kind, some) -> {
          Quantization.Loss worst =
              some.stream()
                  .max(
                      (a, b) ->
                          Double.compare(a.difference().relative(), b.difference().relative()))
                  .orElseThrow();
          to.printf(
              Locale.ROOT,
              "%-" + width + "s  %3d matrices, relative L2 %.2e; worst %.2e in %s%n",
              kind,
              some.size(),
              all(some).relative(),
              worst.difference().relative(),
              worst.name());
        });
    to.printf(
        Locale.ROOT,
        "%s: %d matrices, %s elements in int8, relative L2 %.2e; %s before, %s after (%.0f %%), in"
            + " %.1f s%n",
        out,
        losses.size(),
        Sizes.count(all(losses).count()),
        all(losses).relative(),
        Sizes.bytes(quantization.sourceBytes()),
        Sizes.bytes(quantization.bytes()),
        100.0 * quantization.bytes() / quantization.sourceBytes(),
        seconds);
  }

  private static Difference all(List<Quantization.Loss> losses) {
    Difference sum = new Difference();
    losses.forEach(loss -> sum.add(loss.difference()));
    return sum;
  }
}
