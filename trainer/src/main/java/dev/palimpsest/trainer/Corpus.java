/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * The text the model learns from: Java files of Apache-2.0 libraries, taken from the {@code
 * -sources} jars of a Maven repository.
 *
 * <p>A folder with {@code train.txt} and {@code held-out.txt} (documents separated by U+0000) and
 * {@code manifest.json} (libraries, versions, licences, hashes and counts). Which side of the split
 * a file falls on depends only on its library's name and its path.
 */
public record Corpus(Path folder) {
  static final URI MAVEN_CENTRAL = URI.create("https://repo1.maven.org/maven2/");

  /** Of 1000 files, how many are held out. */
  static final int HELD_OUT_PER_MILLE = 40;

  private static final String SEPARATOR = "\0";
  private static final ObjectMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  /** What is recorded of one library. */
  public record Library(
      String coordinates,
      String licence,
      String licenceSource,
      String sha256,
      int files,
      long trainBytes,
      long heldOutBytes) {}

  /** What is recorded of the whole corpus. */
  public record Manifest(
      boolean commentsKept,
      String split,
      int trainFiles,
      int heldOutFiles,
      long trainBytes,
      long heldOutBytes,
      List<Library> libraries) {}

  List<String> train() throws IOException {
    return documents("train.txt");
  }

  /** The texts that no training step sees. */
  public List<String> heldOut() throws IOException {
    return documents("held-out.txt");
  }

  /** What is recorded of the corpus. */
  public Manifest manifest() throws IOException {
    return JSON.readValue(Files.readString(folder.resolve("manifest.json")), Manifest.class);
  }

  private List<String> documents(String name) throws IOException {
    Path file = folder.resolve(name);
    if (!Files.isRegularFile(file)) {
      throw new IOException(
          "no corpus at " + file + "; build it first with `palimpsest train corpus`");
    }
    return documents(file);
  }

  /** The documents of one of a corpus's files. */
  static List<String> documents(Path file) throws IOException {
    return List.of(Files.readString(file).split(SEPARATOR));
  }

  /** The Maven coordinates named in the trainer's own list. */
  static List<String> libraries() throws IOException {
    try (InputStream in = Corpus.class.getResourceAsStream("libraries.json")) {
      List<String> names = new ArrayList<>();
      for (JsonNode node : JSON.readTree(in).get("libraries")) {
        names.add(node.asString());
      }
      return names;
    }
  }

  /** True for the files that no training step may see. */
  static boolean isHeldOut(String library, String path) {
    return bucket(library, path) < HELD_OUT_PER_MILLE;
  }

  /** Which thousandth of all files this one falls into, 0 to 999; versions do not count. */
  static int bucket(String library, String path) {
    String[] parts = library.split(":");
    byte[] hash = sha256((parts[0] + ":" + parts[1] + "/" + path).getBytes(StandardCharsets.UTF_8));
    return ((hash[0] & 0xff) << 16 | (hash[1] & 0xff) << 8 | (hash[2] & 0xff)) % 1000;
  }

  /**
   * Downloads what is missing, reads the Java files, and writes the two splits.
   *
   * @param folder where the corpus goes; jars are kept in its {@code jars} subfolder
   * @param repository base address of a Maven repository
   * @param libraries {@code group:artifact:version} each
   * @param keepComments whether comments stay in the text
   * @throws IOException when a jar cannot be had, or declares no Apache-2.0 licence
   */
  static Corpus build(Path folder, URI repository, List<String> libraries, boolean keepComments)
      throws IOException, InterruptedException {
    Path jars = Files.createDirectories(folder.resolve("jars"));
    StringBuilder train = new StringBuilder();
    StringBuilder heldOut = new StringBuilder();
    List<Library> recorded = new ArrayList<>();
    Set<String> seen = new HashSet<>();
    int trainFiles = 0;
    int heldOutFiles = 0;
    try (HttpClient client =
        HttpClient.newBuilder()
            .connectTimeout(Duration.ofSeconds(30))
            .followRedirects(HttpClient.Redirect.NORMAL)
            .build()) {
      Repository source = new Repository(client, repository, jars);
      for (String library : libraries) {
        String licenceSource = source.apacheLicence(library);
        Path jar = source.file(library, "-sources.jar");
        int files = 0;
        long trainBytes = 0;
        long heldOutBytes = 0;
        TreeMap<String, String> texts = new TreeMap<>();
        try (ZipFile zip = new ZipFile(jar.toFile())) {
          for (ZipEntry entry : Collections.list(zip.entries())) {
            if (wanted(entry.getName())) {
              try (InputStream in = zip.getInputStream(entry)) {
                String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
                texts.put(
                    entry.getName(),
                    JavaSource.normalized(keepComments ? text : JavaSource.withoutComments(text)));
              }
            }
          }
        }
        for (var entry : texts.entrySet()) {
          String text = entry.getValue();
          String digest = hex(sha256(text.getBytes(StandardCharsets.UTF_8)));
          if (!JavaSource.usable(text) || text.contains(SEPARATOR) || !seen.add(digest)) {
            continue;
          }
          files++;
          if (isHeldOut(library, entry.getKey())) {
            heldOut.append(heldOut.isEmpty() ? "" : SEPARATOR).append(text);
            heldOutBytes += text.length();
            heldOutFiles++;
          } else {
            train.append(train.isEmpty() ? "" : SEPARATOR).append(text);
            trainBytes += text.length();
            trainFiles++;
          }
        }
        recorded.add(
            new Library(
                library,
                "Apache-2.0",
                licenceSource,
                hex(sha256(Files.readAllBytes(jar))),
                files,
                trainBytes,
                heldOutBytes));
      }
    }
    Files.writeString(folder.resolve("train.txt"), train);
    Files.writeString(folder.resolve("held-out.txt"), heldOut);
    Manifest manifest =
        new Manifest(
            keepComments,
            "sha256(group:artifact/path) mod 1000 < " + HELD_OUT_PER_MILLE + " is held out",
            trainFiles,
            heldOutFiles,
            train.length(),
            heldOut.length(),
            recorded);
    Files.writeString(folder.resolve("manifest.json"), JSON.writeValueAsString(manifest));
    return new Corpus(folder);
  }

  static boolean wanted(String name) {
    return name.endsWith(".java")
        && !name.endsWith("package-info.java")
        && !name.endsWith("module-info.java")
        && !name.startsWith("META-INF/");
  }

  /** Files of a Maven repository, kept in a folder once fetched. */
  private record Repository(HttpClient client, URI base, Path folder) {
    private static final Pattern PARENT = Pattern.compile("<parent>(.*?)</parent>", Pattern.DOTALL);
    private static final Pattern LICENCES =
        Pattern.compile("<licenses>(.*?)</licenses>", Pattern.DOTALL);

    Path file(String library, String suffix) throws IOException, InterruptedException {
      String[] parts = library.split(":");
      if (parts.length != 3) {
        throw new IOException(
            "library '" + library + "' is not of the form group:artifact:version");
      }
      String name = parts[1] + "-" + parts[2] + suffix;
      Path target = folder.resolve(name);
      if (Files.isRegularFile(target)) {
        return target;
      }
      URI address =
          base.resolve(parts[0].replace('.', '/') + "/" + parts[1] + "/" + parts[2] + "/" + name);
      Path part = folder.resolve(name + ".part");
      HttpResponse<Path> response =
          client.send(
              HttpRequest.newBuilder(address).timeout(Duration.ofMinutes(3)).build(),
              HttpResponse.BodyHandlers.ofFile(part));
      if (response.statusCode() != 200) {
        Files.deleteIfExists(part);
        throw new IOException(
            address
                + " answered "
                + response.statusCode()
                + "; check the version in libraries.json or name another repository with --repository");
      }
      return Files.move(part, target, StandardCopyOption.REPLACE_EXISTING);
    }

    /** The POM (its own or an ancestor's) that declares Apache-2.0; an error if none does. */
    String apacheLicence(String library) throws IOException, InterruptedException {
      String at = library;
      for (int depth = 0; depth < 6; depth++) {
        String pom = Files.readString(file(at, ".pom"));
        Matcher licences = LICENCES.matcher(pom);
        if (licences.find()) {
          String text = licences.group(1).toLowerCase(Locale.ROOT);
          if (text.contains("apache") && text.contains("2.0")) {
            return "pom of " + at;
          }
          throw new IOException(
              library + " declares another licence than Apache-2.0 in the pom of " + at);
        }
        Matcher parent = PARENT.matcher(pom);
        if (!parent.find()) {
          break;
        }
        at =
            String.join(
                ":",
                Arrays.asList(
                    field(parent.group(1), "groupId"),
                    field(parent.group(1), "artifactId"),
                    field(parent.group(1), "version")));
      }
      throw new IOException(library + " declares no licence; it may not be part of the corpus");
    }

    private static String field(String xml, String name) throws IOException {
      Matcher m = Pattern.compile("<" + name + ">\\s*(.*?)\\s*</" + name + ">").matcher(xml);
      if (!m.find()) {
        throw new IOException("a pom's <parent> has no <" + name + ">");
      }
      return m.group(1);
    }
  }

  private static byte[] sha256(byte[] bytes) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(bytes);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  private static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }
}
