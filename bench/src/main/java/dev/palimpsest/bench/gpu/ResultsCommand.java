/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.gpu;

import dev.palimpsest.bench.TextTable;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.node.ObjectNode;

/** {@code gpu results}: the parts' documents as one, and a short table of them. */
@Command(
    name = "results",
    description = "Put the parts' JSON together as results.json, and print a short table.")
final class ResultsCommand implements Callable<Integer> {
  /** Parts in the order they are told; each may be missing. */
  private static final List<String> PARTS =
      List.of(
          "run",
          "device",
          "launches",
          "suite",
          "memcheck",
          "racecheck",
          "kernels",
          "steps",
          "loop",
          "peer");

  @Spec private CommandSpec spec;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "FOLDER",
      description = "Where the parts have put their JSON, and results.json goes.")
  private Path out;

  private final ObjectMapper json = new ObjectMapper();

  @Override
  public Integer call() {
    ObjectNode all = json.createObjectNode();
    for (String part : PARTS) {
      all.set(part, read(part));
    }
    try {
      Files.writeString(
          out.resolve("results.json"), all.toPrettyString() + "\n", StandardCharsets.UTF_8);
      for (String part : PARTS) {
        Files.deleteIfExists(out.resolve(part + ".json"));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(out + " cannot be written: give another --out", e);
    }
    PrintWriter to = spec.commandLine().getOut();
    to.print(table(all));
    to.flush();
    return 0;
  }

  private JsonNode read(String part) {
    Path file = out.resolve(part + ".json");
    if (!Files.exists(file)) {
      return json.createObjectNode().put("missing", "this part wrote nothing; see run.log");
    }
    try {
      return json.readTree(Files.readString(file));
    } catch (IOException e) {
      throw new UncheckedIOException(file + " cannot be read", e);
    } catch (RuntimeException e) {
      return json.createObjectNode().put("missing", "not JSON: " + e.getMessage());
    }
  }

  static String table(JsonNode all) {
    StringBuilder text = new StringBuilder("\n");
    JsonNode device = all.path("device");
    text.append(
        format(
            "%s, %d SMs, driver %s, CUDA %d, SM %d of %d MHz, memory %d MHz, %.0f of %.0f W%n",
            device.path("device").asString("no device"),
            device.path("multiprocessors").asInt(),
            device.path("driver").asString("?"),
            device.path("cuda").asInt(),
            device.path("clock").asInt(),
            device.path("max_clock").asInt(),
            device.path("memory_clock").asInt(),
            device.path("watts").asDouble(),
            device.path("watts_allowed").asDouble()));
    JsonNode launches = all.path("launches");
    text.append(
        format(
            "launch %.2f us (JCuda %.2f), round trip %.1f us, replay of %d %.1f us + %.2f us a node, copy %.0f GB/s%n",
            launches.path("bindings_host").asDouble(),
            launches.path("jcuda_host").asDouble(),
            launches.path("round_trip").asDouble(),
            launches.path("nodes").asInt(),
            launches.path("replay_host").asDouble(),
            launches.path("replay_node").asDouble(),
            launches.path("copy_rate").asDouble()));
    JsonNode loop = launches.path("loop");
    text.append(
        format(
            "a turn of a loop: host %.1f us, lagged %.1f us, WHILE node %.1f us%s%n",
            loop.path("host").asDouble(),
            loop.path("lagged").asDouble(),
            loop.path("device").asDouble(),
            loop.path("trouble").asString("").isEmpty()
                ? ""
                : " (" + loop.path("trouble").asString() + ")"));
    for (String part : List.of("suite", "memcheck", "racecheck")) {
      JsonNode node = all.path(part);
      text.append(
          format(
              "%s: %s%n",
              part, node.path("summary").asString(node.path("missing").asString("nothing told"))));
    }
    kernels(all.path("kernels"), text);
    steps(all.path("steps"), all.path("peer"), text);
    for (JsonNode row : all.path("loop").path("blocks")) {
      text.append(
          format(
              "block of 32 in 32 steps, loop %s, B=%d L=%d: %.1f ms %s%n",
              row.path("loop").asString(""),
              row.path("sequences").asInt(),
              row.path("length").asInt(),
              row.path("milliseconds").asDouble(),
              row.path("refused").asString("")));
    }
    JsonNode parts = all.path("run").path("parts");
    StringBuilder status = new StringBuilder();
    for (JsonNode part : parts) {
      status
          .append(status.isEmpty() ? "parts: " : ", ")
          .append(part.path("name").asString())
          .append(' ')
          .append(part.path("status").asInt() == 0 ? "ok" : "status " + part.path("status").asInt())
          .append(format(" (%d s)", part.path("seconds").asInt()));
    }
    return text.append(status).append('\n').toString();
  }

  private static void kernels(JsonNode part, StringBuilder text) {
    TextTable table =
        new TextTable("kernel", "shape", "ms", "least", "share", "TFLOP/s", "GB/s").leftColumns(2);
    for (JsonNode row : part.path("kernels")) {
      table.row(
          row.path("op").asString(),
          row.path("shape").asString(),
          number("%.4f", row.path("milliseconds").asDouble()),
          number("%.4f", row.path("least").asDouble()),
          number("%.0f %%", 100 * row.path("share").asDouble()),
          number("%.0f", row.path("tflops").asDouble()),
          number("%.0f", row.path("gigabytes").asDouble()));
    }
    text.append('\n').append(table);
  }

  private static void steps(JsonNode part, JsonNode peer, StringBuilder text) {
    text.append(
        format(
            "%nload %.1f GB/s; weights made in %.2f s; peer: %s%n",
            part.path("load_rate").asDouble(),
            part.path("make_seconds").asDouble(),
            peer.path("describe").asString(peer.path("missing").asString("nothing told"))));
    TextTable table =
        new TextTable(
            "B",
            "L",
            "full ms",
            "least",
            "block ms",
            "least",
            "tok/s",
            "4 a step",
            "W",
            "$/M",
            "peer full",
            "block",
            "tok/s",
            "ratio");
    StringBuilder refusals = new StringBuilder();
    for (JsonNode row : part.path("steps")) {
      int sequences = row.path("sequences").asInt();
      int length = row.path("length").asInt();
      String refused = row.path("refused").asString("");
      if (!refused.isEmpty()) {
        refusals.append(format("B=%d L=%d: %s%n", sequences, length, refused));
        continue;
      }
      double ours = row.path("tokens_per_second").asDouble();
      double fullTheirs = 0;
      double blockTheirs = 0;
      double theirs = 0;
      for (JsonNode other : peer.path("steps")) {
        if (other.path("sequences").asInt() == sequences
            && other.path("length").asInt() == length) {
          fullTheirs = other.path("full_milliseconds").asDouble();
          blockTheirs = other.path("block_milliseconds").asDouble();
          theirs = other.path("tokens_per_second").asDouble();
          String peerRefused = other.path("refused").asString("");
          if (!peerRefused.isEmpty()) {
            refusals.append(format("peer, B=%d L=%d: %s%n", sequences, length, peerRefused));
          }
        }
      }
      table.row(
          String.valueOf(sequences),
          String.valueOf(length),
          number("%.2f", row.path("full_milliseconds").asDouble()),
          number("%.2f", row.path("least_full_milliseconds").asDouble()),
          number("%.2f", row.path("block_milliseconds").asDouble()),
          number("%.2f", row.path("least_block_milliseconds").asDouble()),
          number("%.0f", ours),
          number("%.0f", row.path("tokens_per_second_four").asDouble()),
          number("%.0f", row.path("watts").asDouble()),
          number("%.2f", row.path("dollars_per_million").asDouble()),
          number("%.2f", fullTheirs),
          number("%.2f", blockTheirs),
          number("%.0f", theirs),
          theirs == 0 ? "-" : number("%.2f", ours / theirs));
    }
    text.append(table).append(refusals);
  }

  private static String number(String pattern, double value) {
    return value == 0 ? "-" : format(pattern, value);
  }

  private static String format(String pattern, Object... values) {
    return String.format(Locale.ROOT, pattern, values);
  }
}
