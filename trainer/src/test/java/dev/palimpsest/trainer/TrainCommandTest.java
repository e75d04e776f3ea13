/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The commands, against a Maven repository made up for the test. */
class TrainCommandTest {
  private static final String APACHE =
      "<project><licenses><license><name>Apache License, Version 2.0</name></license></licenses>"
          + "</project>";

  @TempDir Path folder;

  private final Map<String, byte[]> repository = new TreeMap<>();
  private HttpServer server;

  @BeforeEach
  void serve() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/",
        exchange -> {
          byte[] body = repository.get(exchange.getRequestURI().getPath());
          exchange.sendResponseHeaders(body == null ? 404 : 200, body == null ? -1 : body.length);
          if (body != null) {
            exchange.getResponseBody().write(body);
          }
          exchange.close();
        });
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  @Test
  void aModelThatIsNotThereIsSaidInWords() {
    StringWriter err = new StringWriter();
    Path missing = folder.resolve("missing");
    int status =
        TrainCommand.commandLine()
            .setErr(new PrintWriter(err, true))
            .execute("compare", missing.toString());
    assertEquals(1, status);
    assertEquals(
        "palimpsest train: " + missing.resolve("tokenizer.json") + ": no such file or folder",
        err.toString().strip());
  }

  private void publish(String name, String pom) throws IOException {
    ByteArrayOutputStream jar = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(jar)) {
      for (int i = 0; i < 120; i++) {
        zip.putNextEntry(new ZipEntry("a/File" + i + ".java"));
        zip.write(file(name, i).getBytes(StandardCharsets.UTF_8));
      }
      zip.putNextEntry(new ZipEntry("META-INF/NOTICE.txt"));
      zip.write(("notice of " + name).getBytes(StandardCharsets.UTF_8));
      zip.putNextEntry(new ZipEntry("a/package-info.java"));
      zip.write("/** Not wanted. */ package a;".repeat(20).getBytes(StandardCharsets.UTF_8));
    }
    repository.put("/g/r/" + name + "/1/" + name + "-1-sources.jar", jar.toByteArray());
    repository.put("/g/r/" + name + "/1/" + name + "-1.pom", pom.getBytes(StandardCharsets.UTF_8));
  }

  private static String file(String name, int i) {
    StringBuilder text =
        new StringBuilder("/* licence */\npackage a;\n\npublic class File")
            .append(letters(i))
            .append(" {\n    private int value;\n");
    for (int m = 0; m < 6; m++) {
      text.append("\n    /** Doc. */\n    public int ")
          .append(name)
          .append(letters(m + i))
          .append("(int first, int second) {\n        if (first > second) {\n")
          .append("            return value + first;\n        }\n")
          .append("        int sum = first + second;\n        this.value = sum;\n")
          .append("        return sum * value;\n    }\n");
    }
    return text.append("}\n").toString();
  }

  private static String letters(int i) {
    return "" + (char) ('A' + i % 26) + (char) ('a' + i / 26 % 26);
  }

  private record Outcome(int status, String err) {}

  private static Outcome execute(String... arguments) {
    StringWriter err = new StringWriter();
    CommandLine line = TrainCommand.commandLine().setErr(new PrintWriter(err, true));
    return new Outcome(line.execute(arguments), err.toString());
  }

  private String address() {
    return "http://localhost:" + server.getAddress().getPort();
  }

  @Test
  void fromJarsToAModelAndItsCard() throws IOException {
    publish("one", APACHE);
    publish(
        "two",
        "<project><parent><groupId>g.r</groupId><artifactId>up</artifactId><version>7</version>"
            + "</parent></project>");
    repository.put("/g/r/up/7/up-7.pom", APACHE.getBytes(StandardCharsets.UTF_8));
    String work = folder.resolve("work").toString();
    Path model = folder.resolve("work/model");
    Outcome trained =
        execute(
            "--work=" + work,
            "--repository=" + address(),
            "--library=g.r:one:1",
            "--library=g.r:two:1",
            "--vocabulary=300",
            "--hidden=16",
            "--heads=2",
            "--layers=1",
            "--ffn=24",
            "--length=32",
            "--batch=4",
            "--steps=6",
            "--log-every=2",
            "--evaluate-every=3");
    assertEquals("", trained.err());
    assertEquals(0, trained.status());
    for (String name : new String[] {"config.json", "tokenizer.json", "model.safetensors"}) {
      assertTrue(Files.size(model.resolve(name)) > 100, name);
    }
    Corpus corpus = new Corpus(folder.resolve("work/corpus"));
    Corpus.Manifest manifest = corpus.manifest();
    assertEquals(240, manifest.trainFiles() + manifest.heldOutFiles());
    assertTrue(manifest.heldOutFiles() > 0 && manifest.heldOutFiles() < 40);
    assertEquals("pom of g.r:up:7", manifest.libraries().get(1).licenceSource());
    assertEquals(manifest.trainFiles(), corpus.train().size());
    assertFalse(corpus.train().stream().anyMatch(t -> t.contains("Doc.") || t.contains("licence")));
    assertTrue(Files.readString(folder.resolve("work/run/log.jsonl")).contains("held_out_nats"));

    begunWith(
        model,
        "model.transformer.wte.weight",
        "",
        "--hidden=16",
        "--heads=2",
        "--layers=1",
        "--ffn=24",
        "--length=24",
        "--batch=4");
    Outcome measured =
        execute(
            "evaluate",
            "--work=" + work,
            "--model=" + model,
            "--rows=1",
            "--infills=2",
            "--methods=2");
    assertEquals("", measured.err());
    String card = Files.readString(model.resolve("README.md"));
    assertTrue(card.contains("| 8 tokens | 2 |"), card);
    assertTrue(card.contains("| g.r:two:1 |"), card);
    assertTrue(Files.readString(model.resolve("card.json")).contains("\"similarity\""));
    leftToRight(work);
  }

  /**
   * On another corpus a run begins where a model is: hardly moved, it is that model still. Neither
   * another size nor another tokenizer will do.
   *
   * @param command "latent", or nothing
   */
  private void begunWith(Path model, String tensor, String command, String... sizes)
      throws IOException {
    Path work = folder.resolve("second " + command);
    List<String> words = new ArrayList<>(command.isEmpty() ? List.of() : List.of(command));
    words.add("--work=" + work);
    words.add("--init=" + model);
    words.add("--repository=" + address());
    words.add("--library=g.r:two:1");
    words.addAll(List.of(sizes));
    words.addAll(List.of("--steps=1", "--rate=1e-12", "--dtype=F32"));
    Outcome begun = execute(words.toArray(String[]::new));
    assertEquals("", begun.err());
    Path second = work.resolve(command).resolve("model");
    assertEquals(
        Files.readString(model.resolve("tokenizer.json")),
        Files.readString(second.resolve("tokenizer.json")));
    assertArrayEquals(
        TensorFile.read(model.resolve("model.safetensors")).require(tensor),
        TensorFile.read(second.resolve("model.safetensors")).require(tensor),
        1e-9f);
    words.replaceAll(word -> word.replace("--ffn=24", "--ffn=32"));
    Outcome other = execute(words.toArray(String[]::new));
    assertTrue(other.err().contains("give the same sizes"), other.err());
    Path changed = folder.resolve("changed " + command);
    Files.createDirectories(changed);
    for (String file : new String[] {"config.json", "model.safetensors"}) {
      Files.copy(model.resolve(file), changed.resolve(file));
    }
    Files.writeString(
        changed.resolve("tokenizer.json"),
        Files.readString(model.resolve("tokenizer.json")).replaceFirst("\\{", "{ "));
    words.add("--init=" + changed);
    words.remove("--init=" + model);
    Outcome foreign = execute(words.toArray(String[]::new));
    assertTrue(foreign.err().contains("different tokenizers"), foreign.err());
  }

  /** The same corpus from left to right: a card of what such a model can be asked. */
  private static void leftToRight(String work) throws IOException {
    Path run = Path.of(work).resolve("run");
    for (String file : new String[] {"checkpoint.safetensors", "log.jsonl"}) {
      Files.delete(run.resolve(file));
    }
    String[] sizes = {
      "--work=" + work,
      "--hidden=16",
      "--heads=2",
      "--layers=1",
      "--ffn=24",
      "--length=32",
      "--batch=4",
      "--steps=2",
      "--objective=causal"
    };
    String[] words = new String[sizes.length + 1];
    words[0] = "run";
    System.arraycopy(sizes, 0, words, 1, sizes.length);
    assertEquals("", execute(words).err());
    Path model = Path.of(work).resolve("causal");
    assertEquals("", execute("export", "--work=" + work, "--out=" + model).err());
    Outcome measured =
        execute("evaluate", "--work=" + work, "--model=" + model, "--infills=2", "--methods=2");
    assertEquals("", measured.err());
    String card = Files.readString(model.resolve("README.md"));
    assertTrue(card.contains("| causal | left to right | "), card);
    assertTrue(card.contains("knows no right side") && card.contains("| g.r:two:1 |"), card);
    assertTrue(Files.readString(model.resolve("card.json")).contains("\"tokensPerSecond\""));
  }

  /** Corpus, tokenizer, VQ-VAE, denoiser, model, card and student, and the gate between them. */
  @Test
  void aLatentModelFromNothing() throws IOException {
    publish("one", APACHE);
    publish("two", APACHE);
    String work = "--work=" + folder.resolve("work");
    Path model = folder.resolve("work/latent/model");
    String[] sizes = {
      "latent",
      work,
      "--repository=" + address(),
      "--library=g.r:one:1",
      "--library=g.r:two:1",
      "--vocabulary=300",
      "--codes=32",
      "--width=8",
      "--vq-hidden=16",
      "--vq-heads=2",
      "--vq-ffn=24",
      "--vq-encoder-layers=1",
      "--vq-decoder-layers=1",
      "--vq-length=32",
      "--vq-steps=6",
      "--hidden=16",
      "--heads=2",
      "--ffn=24",
      "--half-hidden=24",
      "--half-heads=2",
      "--half-ffn=32",
      "--before=1",
      "--half=1",
      "--after=1",
      "--length=96",
      "--batch=4",
      "--steps=5",
      "--log-every=1",
      "--evaluate-every=4"
    };
    Outcome refused = execute(sizes);
    assertEquals(1, refused.status());
    assertTrue(refused.err().contains("--ignore-gates"), refused.err());
    assertTrue(refused.err().contains("codes that nothing uses"), refused.err());
    String[] anyway = Arrays.copyOf(sizes, sizes.length + 1);
    anyway[sizes.length] = "--ignore-gates";
    Outcome trained = execute(anyway);
    assertEquals("", trained.err());
    for (String name : new String[] {"config.json", "tokenizer.json", "model.safetensors"}) {
      assertTrue(Files.size(model.resolve(name)) > 100, name);
    }
    String config = Files.readString(model.resolve("config.json"));
    assertTrue(config.contains("\"palimpsest-hybrid\""), config);
    assertTrue(config.contains("\"latent_codes\" : 32"), config);
    List<String> same = new ArrayList<>(List.of("--ignore-gates"));
    for (String size : sizes) {
      if (size.matches("--((half-)?(hidden|heads|ffn)|before|half|after|length|batch)=.*")) {
        same.add(size);
      }
    }
    begunWith(model, "denoiser.in", "latent", same.toArray(String[]::new));
    String log = Files.readString(folder.resolve("work/latent/run/log.jsonl"));
    assertTrue(log.contains("code_0") && log.contains("held_out_code"), log);
    assertEquals(
        "", execute("latent", "sample", work, "--count=1", "--tokens=8", "--calls=2").err());
    Outcome distilled =
        execute(
            "latent", "distill", work, "--from=4", "--to=2", "--round-steps=2", "--log-every=1");
    assertEquals("", distilled.err());
    model = folder.resolve("student");
    Outcome student = execute("latent", "export", work, "--out=" + model, "--distilled=2");
    assertEquals("", student.err());
    config = Files.readString(model.resolve("config.json"));
    assertTrue(config.contains("\"steps\" : 2,"), config);
    assertTrue(config.contains("\"temperature\" : 1.0"), config);
    Outcome measured =
        execute(
            "latent",
            "evaluate",
            work,
            "--model=" + model,
            "--rows=2",
            "--infills=2",
            "--methods=2");
    assertEquals("", measured.err());
    String card = Files.readString(model.resolve("README.md"));
    assertTrue(card.contains("| 8 tokens |") && card.contains("| g.r:two:1 |"), card);
    assertTrue(Files.readString(model.resolve("card.json")).contains("\"perplexity\""));
    ablation(work, sizes);
  }

  /** Each switch is a run of its own, on the rows and the VQ-VAE that are there. */
  private void ablation(String work, String... sizes) throws IOException {
    List<String> words = new ArrayList<>(List.of("latent", "ablate", work, "--ignore-gates"));
    for (String size : sizes) {
      String name = size.split("=")[0];
      if (name.matches("--((half-)?(hidden|heads|ffn)|before|half|after|length|batch)")) {
        words.add(size);
      }
    }
    words.addAll(
        List.of(
            "--steps=3",
            "--vary=velocity-loss=0,no-u-net",
            "--calls=2",
            "--rows=2",
            "--infills=2",
            "--methods=2"));
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    TrainCommand.commandLine()
        .setOut(new PrintWriter(out, true))
        .setErr(new PrintWriter(err, true))
        .execute(words.toArray(String[]::new));
    assertEquals("", err.toString());
    assertTrue(out.toString().contains("| no-u-net | 2 calls |"), out.toString());
    words.add("--vary=batch=4");
    Outcome nothing = execute(words.toArray(String[]::new));
    assertEquals(1, nothing.status());
    assertTrue(nothing.err().contains("--vary batch=4 changes nothing"), nothing.err());
    JsonNode results =
        JsonMapper.shared()
            .readTree(Files.readString(folder.resolve("work/latent/ablation/results.json")))
            .path("results");
    assertEquals(3, results.size());
    assertEquals("usual", results.get(0).path("model").asString());
    for (int i = 1; i < 3; i++) {
      assertEquals(3, results.get(i).path("steps").asInt());
      assertEquals(8 + 6, results.get(i).path("scores").size());
      assertFalse(results.get(i).path("scores").equals(results.get(0).path("scores")));
    }
    assertEquals(results.get(0).path("parameters"), results.get(1).path("parameters"));
    assertFalse(results.get(0).path("parameters").equals(results.get(2).path("parameters")));
  }

  /** Files that no training step sees, with the header and without the comments. */
  @Test
  void aSampleIsHeldOut() throws IOException {
    publish("one", APACHE);
    String work = "--work=" + folder.resolve("work");
    execute("corpus", work, "--repository=" + address(), "--library=g.r:one:1");
    Path out = folder.resolve("sample");
    Outcome sampled = execute("sample", work, "--per-mille=40", "--out=" + out);
    assertEquals("", sampled.err());
    Corpus corpus = new Corpus(folder.resolve("work/corpus"));
    Path home = out.resolve("one-1");
    int files = 0;
    for (int i = 0; i < 120; i++) {
      String path = "a/File" + i + ".java";
      boolean heldOut = Corpus.isHeldOut("g.r:one:1", path);
      assertEquals(heldOut, Files.exists(home.resolve(path)));
      if (heldOut) {
        files++;
        String text = Files.readString(home.resolve(path));
        assertTrue(text.startsWith("/* licence */\npackage a;"), text);
        String code = text.substring("/* licence */\n".length());
        assertTrue(corpus.heldOut().contains(code), code);
        assertFalse(corpus.train().contains(code));
      }
    }
    assertTrue(files > 0, "some are held out");
    assertEquals("notice of one", Files.readString(home.resolve("NOTICE.txt")));
    Outcome more = execute("sample", work, "--per-mille=41", "--out=" + out);
    assertEquals(1, more.status());
    assertTrue(more.err().contains("between 1 and 40"), more.err());
  }

  @Test
  void noticesOfOthersAreLeftOut() {
    String code = "package a;\nclass A {\n" + "    int value;\n".repeat(20) + "}\n";
    String header = "/* Copyright A. */\n";
    assertEquals(Optional.of(header + code), HeldOutSample.sampled(header + code));
    assertEquals(Optional.of(code), HeldOutSample.sampled(code));
    assertEquals(Optional.empty(), HeldOutSample.sampled(header + "/* Copyright B. */\n" + code));
    assertEquals(Optional.empty(), HeldOutSample.sampled(header + "class B {}\n"));
  }

  /** The files beside the model in this repository are out of its training. */
  @Test
  void theSampleInTheRepositoryIsHeldOut() throws IOException {
    Path home = Path.of("../models/java-tiny/held-out");
    int files = 0;
    for (String library : Corpus.libraries()) {
      String[] parts = library.split(":");
      Path folder = home.resolve(parts[1] + "-" + parts[2]);
      if (Files.exists(folder)) {
        try (var all = Files.walk(folder)) {
          for (Path file : all.filter(f -> f.toString().endsWith(".java")).toList()) {
            String path = folder.relativize(file).toString().replace('\\', '/');
            assertTrue(Corpus.isHeldOut(library, path), path);
            files++;
          }
        }
      }
    }
    try (var all = Files.walk(home)) {
      assertEquals(all.filter(f -> f.toString().endsWith(".java")).count(), files);
    }
    assertTrue(files > 50, "it is there");
  }

  @Test
  void otherLicencesStopTheBuild() throws IOException {
    publish(
        "gpl", "<project><licenses><license><name>GPL 2.0</name></license></licenses></project>");
    publish("bare", "<project></project>");
    for (String name : new String[] {"gpl", "bare"}) {
      Outcome outcome =
          execute(
              "corpus",
              "--work=" + folder.resolve(name),
              "--repository=" + address(),
              "--library=g.r:" + name + ":1");
      assertEquals(1, outcome.status());
      assertTrue(outcome.err().contains("licence"), outcome.err());
      assertFalse(Files.exists(folder.resolve(name).resolve("corpus/train.txt")));
    }
  }

  @Test
  void whatIsMissingIsNamedWithTheCommandThatMakesIt() {
    String work = "--work=" + folder.resolve("empty");
    Outcome missing = execute("corpus", work, "--repository=" + address(), "--library=g.r:none:1");
    assertEquals(1, missing.status());
    assertTrue(missing.err().contains("none-1.pom answered 404"), missing.err());
    assertTrue(execute("tokenizer", work).err().contains("palimpsest train corpus"));
    assertTrue(execute("run", work).err().contains("palimpsest train tokenizer"));
    assertTrue(execute("export", work).err().contains("palimpsest train run"));
    assertTrue(execute("sample", work).err().contains("palimpsest train corpus"));
    assertTrue(execute("evaluate", work).err().contains("palimpsest train"));
    assertTrue(execute("latent", "run", work).err().contains("palimpsest train tokenizer"));
    assertTrue(execute("latent", "export", work).err().contains("palimpsest train"));
    assertEquals(2, execute("run", "--steps=many").status());
  }

  @Test
  void everyOptionHasHelp() {
    CommandLine line = TrainCommand.commandLine();
    checkAll(line);
  }

  private static void checkAll(CommandLine line) {
    check(line);
    line.getSubcommands().values().forEach(TrainCommandTest::checkAll);
  }

  private static void check(CommandLine line) {
    line.getCommandSpec()
        .options()
        .forEach(o -> assertTrue(o.description().length > 0, o.longestName()));
    String place =
        switch (line.getCommandName()) {
          case "fixture" -> "--out";
          case "compare" -> "--text";
          default -> "--work";
        };
    assertTrue(line.getUsageMessage().contains(place));
  }
}
