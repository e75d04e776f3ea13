/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.sun.management.ThreadMXBean;
import dev.palimpsest.family.Families;
import dev.palimpsest.kernels.WeightView;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Damaged files of every kind: each opens fine or is answered by an exception that names the file
 * and a field, in bounded memory and time.
 */
class CheckpointFuzzTest {
  private static final int ROUNDS = 2000;

  /** The files have a few kilobytes; an answer must not cost much more. */
  private static final long MOST_BYTES = 6 << 20;

  /** Of processor time: a busy machine is not the reader's fault. */
  private static final long MOST_NANOS = 3_000_000_000L;

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  /** After the path and ": ", a message goes on with what it is about. */
  private static final Pattern FIELD =
      Pattern.compile(
          "header|data_offsets|weight_map|tensor|magic|version|metadata_kv_count|key |"
              + "not valid JSON|expected a JSON object|is neither a .safetensors|has \\d+ bytes|"
              + "(\\S+: )*(field |\\S+ (is|are) )");

  private static final long[] EVIL = {
    0,
    1,
    -1,
    2,
    7,
    8,
    31,
    32,
    255,
    4096,
    1L << 20,
    1L << 31,
    (1L << 31) - 1,
    1L << 32,
    1L << 33,
    1L << 40,
    1L << 61,
    1L << 62,
    Long.MAX_VALUE,
    Long.MIN_VALUE,
    Long.MAX_VALUE - 7
  };

  private static final String[] EVIL_JSON = {
    "-1",
    "0",
    "1e308",
    "1e400",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "-9223372036854775808",
    "4294967296",
    "1.5",
    "null",
    "true",
    "\"\"",
    "[]",
    "{}",
    "[[[[[[[[]]]]]]]]",
    "\"F32\"",
    "\"F64\"",
    "\"../x\"",
    "NaN",
    "\"\\u0000\"",
    "99999999999999999999999999999999999999999999999999999999999999999999999999999999999999"
  };

  @TempDir Path temp;
  private int opened;
  private int refused;

  @Test
  void safetensors() throws IOException {
    Path folder = TinyModel.folder(temp, TinyModel.config(), TinyModel.folderTensors());
    fuzz(folder.resolve("model.safetensors"), folder, 1, headerBytes(folder), true);
    fuzzJson(folder.resolve("model.safetensors"), folder, 2, 8);
  }

  /** Bytes with scales: the header, and what says how to read them. */
  @Test
  void quantized() throws IOException {
    Path folder = TinyModel.folder(temp, TinyModel.quantizedConfig(), TinyModel.quantizedTensors());
    fuzz(folder.resolve("model.safetensors"), folder, 9, headerBytes(folder), true);
    fuzzJson(folder.resolve("model.safetensors"), folder, 10, 8);
    // Everything behind the header, scales among it: any bytes are numbers, of some kind.
    int size = (int) Files.size(folder.resolve("model.safetensors"));
    fuzz(folder.resolve("model.safetensors"), folder, 11, size, false);
    Path config = folder.resolve("config.json");
    fuzz(config, folder, 12, (int) Files.size(config), false);
    fuzzJson(config, folder, 13, 0);
  }

  @Test
  void gguf() throws IOException {
    Path file = temp.resolve("m.gguf");
    TinyModel.gguf(file, TinyModel.ggufMetadata(), TinyModel.ggufTensors());
    int header = (int) (Files.size(file) - 4 * 1024);
    fuzz(file, file, 3, Math.max(header, 1000), true);
    fuzz(file, file, 4, Math.max(header, 1000), false);
  }

  @Test
  void config() throws IOException {
    Path folder = TinyModel.folder(temp, TinyModel.config(), TinyModel.folderTensors());
    Path config = folder.resolve("config.json");
    fuzz(config, folder, 5, (int) Files.size(config), false);
    fuzzJson(config, folder, 6, 0);
  }

  @Test
  void index() throws IOException {
    Path folder = TinyModel.folder(temp, TinyModel.config(), TinyModel.folderTensors());
    Files.move(folder.resolve("model.safetensors"), folder.resolve("m-1.safetensors"));
    ObjectNode index = JsonMapper.shared().createObjectNode();
    ObjectNode map = index.putObject("weight_map");
    TinyModel.folderTensors().forEach(t -> map.put(t.name(), "m-1.safetensors"));
    Path file = folder.resolve("model.safetensors.index.json");
    Files.writeString(file, index.toString());
    Checkpoints.open(folder).close();
    fuzz(file, folder, 7, (int) Files.size(file), false);
    fuzzJson(file, folder, 8, 0);
  }

  /** Bombs that mutation would hardly find. */
  @Test
  void bombs() throws IOException {
    Path folder = TinyModel.folder(temp, TinyModel.config(), TinyModel.folderTensors());
    Path config = folder.resolve("config.json");
    Path weights = folder.resolve("model.safetensors");
    for (String bomb :
        new String[] {
          "[".repeat(1_000_000),
          "{\"a\":".repeat(1_000_000),
          "{\"d_model\":" + "9".repeat(1_000_000) + "}",
          "{\"a\":1,\"a\":1}"
        }) {
      Files.writeString(config, bomb);
      probe(folder, 40 << 20);
      byte[] json = bomb.getBytes(StandardCharsets.UTF_8);
      Files.write(
          weights,
          ByteBuffer.allocate(8 + json.length)
              .order(ByteOrder.LITTLE_ENDIAN)
              .putLong(json.length)
              .put(json)
              .array());
      Files.writeString(config, TinyModel.config().toString());
      probe(folder, 40 << 20);
    }
    assertEquals(8, refused, "every bomb is refused");
    Path gguf = temp.resolve("bomb.gguf");
    // One array of arrays of arrays ….
    ByteBuffer nest = ByteBuffer.allocate(100_000).order(ByteOrder.LITTLE_ENDIAN);
    nest.put("GGUF".getBytes(StandardCharsets.US_ASCII)).putInt(3).putLong(0).putLong(1);
    nest.putLong(1).put((byte) 'k').putInt(9);
    while (nest.remaining() >= 12) {
      nest.putInt(9).putLong(1);
    }
    Files.write(gguf, nest.array());
    probe(gguf, MOST_BYTES);
    // A list said to have four million entries, in a file of a hundred kilobytes.
    nest.clear().position(24 + 9 + 4).putInt(0).putLong(4 << 20);
    Files.write(gguf, nest.array());
    probe(gguf, MOST_BYTES);
    assertEquals(10, refused, "every bomb is refused");
  }

  private int headerBytes(Path folder) throws IOException {
    byte[] bytes = Files.readAllBytes(folder.resolve("model.safetensors"));
    return (int) ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong() + 8;
  }

  /** Overwrites bytes and whole numbers of the header, shifts pieces of it, cuts the file short. */
  private void fuzz(Path file, Path open, long seed, int header, boolean cut) throws IOException {
    byte[] good = Files.readAllBytes(file);
    SplittableRandom random = new SplittableRandom(seed);
    int range = Math.min(header, good.length);
    probe(open, MOST_BYTES);
    assertTrue(opened > 0, "the file opens before it is damaged");
    int before = refused;
    for (int round = 0; round < ROUNDS; round++) {
      byte[] bad = good.clone();
      switch (random.nextInt(cut ? 6 : 5)) {
        case 0 -> bad[random.nextInt(range)] ^= (byte) (1 << random.nextInt(8));
        case 1 -> {
          for (int i = random.nextInt(1, 8); i > 0; i--) {
            bad[random.nextInt(range)] = (byte) random.nextInt();
          }
        }
        case 2 ->
            ByteBuffer.wrap(bad)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(random.nextInt(range - 8), EVIL[random.nextInt(EVIL.length)]);
        case 3 ->
            ByteBuffer.wrap(bad)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(random.nextInt(range - 4), (int) EVIL[random.nextInt(EVIL.length)]);
        case 4 -> {
          int n = random.nextInt(1, Math.min(64, range / 2));
          System.arraycopy(good, random.nextInt(range - n), bad, random.nextInt(range - n), n);
        }
        default -> bad = Arrays.copyOf(bad, random.nextInt(good.length));
      }
      Files.write(file, bad);
      probe(open, MOST_BYTES);
    }
    Files.write(file, good);
    assertTrue(refused - before > ROUNDS / 4, "mutations bite: " + (refused - before));
    System.Logger log = System.getLogger("fuzz");
    log.log(System.Logger.Level.INFO, "{0}: {1} opened, {2} refused", file, opened, refused);
  }

  /** Replaces one value of a JSON text by another, or drops or doubles a piece between commas. */
  private void fuzzJson(Path file, Path open, long seed, int prefix) throws IOException {
    byte[] good = Files.readAllBytes(file);
    int length = prefix == 0 ? good.length : headerBytes(open) - prefix;
    String json = new String(good, prefix, length, StandardCharsets.UTF_8);
    byte[] rest = Arrays.copyOfRange(good, prefix + length, good.length);
    Pattern value = Pattern.compile("(?<=[:,\\[])\\s*(\"[^\"]*\"|[-0-9.eE]+|true|false|null)");
    int[][] spans =
        value
            .matcher(json)
            .results()
            .map(m -> new int[] {m.start(1), m.end(1)})
            .toArray(int[][]::new);
    SplittableRandom random = new SplittableRandom(seed);
    for (int round = 0; round < ROUNDS / 2; round++) {
      int[] a = spans[random.nextInt(spans.length)];
      int[] b = spans[random.nextInt(spans.length)];
      String with =
          random.nextBoolean()
              ? EVIL_JSON[random.nextInt(EVIL_JSON.length)]
              : json.substring(b[0], b[1]);
      byte[] text =
          (json.substring(0, a[0]) + with + json.substring(a[1])).getBytes(StandardCharsets.UTF_8);
      ByteBuffer out =
          ByteBuffer.allocate(prefix + text.length + (prefix == 0 ? 0 : rest.length))
              .order(ByteOrder.LITTLE_ENDIAN);
      if (prefix == 8) {
        out.putLong(text.length);
      }
      out.put(text);
      if (prefix == 8) {
        out.put(rest);
      }
      Files.write(file, out.array());
      probe(open, MOST_BYTES);
    }
    Files.write(file, good);
  }

  /** Opens, understands, and touches both ends of every tensor. */
  private void probe(Path path, long mostBytes) {
    long allocated = THREADS.getCurrentThreadAllocatedBytes();
    long began = THREADS.getCurrentThreadCpuTime();
    try (Checkpoint checkpoint = Checkpoints.open(path)) {
      for (WeightView view : checkpoint.tensors().values()) {
        if (view.memory().byteSize() > 0) {
          view.memory().get(ValueLayout.JAVA_BYTE, 0);
          view.memory().get(ValueLayout.JAVA_BYTE, view.memory().byteSize() - 1);
        }
      }
      Families.describe(checkpoint);
      opened++;
    } catch (CheckpointException e) {
      refused++;
      String message = e.getMessage();
      int colon = message.indexOf(": ");
      boolean named =
          message.startsWith(temp.toString())
              && colon > 0
              && FIELD.matcher(message.substring(colon + 2)).lookingAt();
      if (!named) {
        fail("the message names no file or field: " + message, e);
      }
      assertTrue(message.length() < 1500, () -> "too long: " + message);
    } catch (RuntimeException | Error e) {
      fail("answered by " + e, e);
    }
    long bytes = THREADS.getCurrentThreadAllocatedBytes() - allocated;
    assertTrue(bytes < mostBytes, () -> bytes + " bytes were allocated");
    long nanos = THREADS.getCurrentThreadCpuTime() - began;
    assertTrue(nanos < MOST_NANOS, () -> nanos + " ns");
  }
}
