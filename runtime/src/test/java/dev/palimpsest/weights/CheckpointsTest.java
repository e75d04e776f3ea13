/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.family.Families;
import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.WeightView;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

class CheckpointsTest {
  @TempDir Path temp;

  @Test
  void opensFolderFileAndGguf() throws IOException {
    Path folder = TinyModel.folder(temp, TinyModel.config(), TinyModel.folderTensors());
    Files.writeString(folder.resolve("tokenizer.json"), "{}");
    Path gguf = Files.createDirectory(temp.resolve("only")).resolve("x.gguf");
    TinyModel.gguf(gguf, TinyModel.ggufMetadata(), TinyModel.ggufTensors());
    for (Path path : List.of(folder, folder.resolve("model.safetensors"), gguf, gguf.getParent())) {
      try (Checkpoint c = Checkpoints.open(path)) {
        assertEquals(path, c.path());
        assertEquals(path.toString().contains("only") ? "gguf" : "safetensors", c.format());
        assertEquals(12, c.tensors().size());
        assertEquals(c.format().equals("safetensors"), c.tokenizerFile().isPresent());
        assertTrue(c.tensors().values().stream().allMatch(v -> v.memory().isReadOnly()));
      }
    }
  }

  @Test
  void aPointerOfGitLfsIsCalledThat() throws IOException {
    String pointer =
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 16060522752\n";
    Path folder = TinyModel.folder(temp, TinyModel.config(), TinyModel.folderTensors());
    for (Path file :
        List.of(
            folder.resolve("model.safetensors"),
            temp.resolve("x.gguf"),
            folder.resolve("config.json"))) {
      Files.writeString(file, pointer);
      Path opened = file.endsWith("config.json") ? folder : file;
      assertEquals(
          file + ": is a pointer of Git LFS, not the file itself: run git lfs pull in its folder",
          assertThrows(CheckpointException.class, () -> Checkpoints.open(opened)).getMessage());
    }
  }

  @Test
  void whatTheDiskHasNoRoomForIsNotBegun() throws IOException {
    Path file = Files.createDirectory(temp.resolve("full")).resolve("model.safetensors");
    List<TensorSpec> huge = List.of(new TensorSpec("w", DType.F32, List.of(1L << 50)));
    String message =
        assertThrows(
                UncheckedIOException.class,
                () -> SafetensorsWriter.open(file, huge, Map.of()).close())
            .getMessage();
    assertTrue(message.contains("take 4503599627370496 bytes"), message);
    try (var left = Files.list(file.getParent())) {
      assertEquals(0, left.count());
    }
  }

  @Test
  void closesOnceAndSaysSo() {
    Path folder = TinyModel.folder(temp, TinyModel.config(), TinyModel.folderTensors());
    Checkpoint c = Checkpoints.open(folder);
    WeightView view = c.tensors().values().iterator().next();
    c.close();
    c.close();
    String message = assertThrows(IllegalStateException.class, c::tensors).getMessage();
    assertTrue(message.contains("closed") && message.contains(folder.toString()), message);
    assertThrows(IllegalStateException.class, () -> view.memory().get(ValueLayout.JAVA_BYTE, 0));
  }

  @Test
  void shardsAreOneCheckpoint() throws IOException {
    List<TensorSpec> all = TinyModel.folderTensors();
    TinyModel.folder(temp, TinyModel.config(), all.subList(0, 5));
    Files.move(temp.resolve("model.safetensors"), temp.resolve("model-00001-of-00002.safetensors"));
    TinyModel.folder(temp, TinyModel.config(), all.subList(5, 12));
    Files.move(temp.resolve("model.safetensors"), temp.resolve("model-00002-of-00002.safetensors"));
    ObjectNode index = JsonMapper.shared().createObjectNode();
    ObjectNode map = index.putObject("weight_map");
    for (int i = 0; i < all.size(); i++) {
      map.put(all.get(i).name(), "model-0000" + (i < 5 ? 1 : 2) + "-of-00002.safetensors");
    }
    Path file = temp.resolve("model.safetensors.index.json");
    Files.writeString(file, index.toString());
    try (Checkpoint c = Checkpoints.open(temp)) {
      assertEquals(12, c.tensors().size());
      assertEquals(2, c.files().size());
      Families.describe(c);
    }
    refused(temp.resolve("model-00001-of-00002.safetensors"), "one shard of several");
    map.put(all.get(3).name(), "../model-00001-of-00002.safetensors");
    Files.writeString(file, index.toString());
    refused(temp, "weight_map", all.get(3).name(), "in the same folder");
    map.put(all.get(3).name(), "model-00002-of-00002.safetensors");
    Files.writeString(file, index.toString());
    refused(temp, "weight_map", all.get(3).name(), "no tensor of that name");
  }

  @Test
  void mapsBeyondTwoGigabytes() throws IOException {
    long rows = 3L << 20;
    String header =
        "{\"big\":{\"dtype\":\"F16\",\"shape\":[%d,512],\"data_offsets\":[0,%d]},"
                .formatted(rows, rows * 1024)
            + "\"end\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[%d,%d]}}"
                .formatted(rows * 1024, rows * 1024 + 4);
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    Path file = temp.resolve("model.safetensors");
    // A sparse file: it takes no disk.
    try (RandomAccessFile f = new RandomAccessFile(file.toFile(), "rw")) {
      f.setLength(8 + json.length + rows * 1024 + 4);
      f.write(little(8).putLong(json.length).array());
      f.write(json);
      f.seek(8 + json.length + rows * 1024);
      f.write(little(4).putFloat(2.5f).array());
    }
    Files.writeString(temp.resolve("config.json"), "{}");
    try (Checkpoint c = Checkpoints.open(file)) {
      WeightView big = c.tensor("big");
      assertEquals(rows * 1024, big.memory().byteSize());
      assertEquals(0, big.memory().get(ValueLayout.JAVA_BYTE, rows * 1024 - 1));
      float[] out = new float[1];
      ElementCodec.decode(c.tensor("end"), 0, 1, out);
      assertEquals(2.5f, out[0]);
    } finally {
      Files.delete(file);
    }
  }

  @Test
  void ggufKeepsEveryKindOfValue() {
    ObjectNode m = JsonMapper.shared().createObjectNode();
    m.put("u32", 7);
    m.put("i32", -7);
    m.put("u64", 1L << 40);
    m.put("i64", -(1L << 40));
    m.put("f32", 1.25f);
    m.put("f64", 1e-300);
    m.put("yes", true);
    m.put("text", "snö ☃");
    m.putArray("ints").add(1).add(-2);
    m.putArray("floats").add(0.5f);
    m.putArray("texts").add("a").add("");
    m.putArray("empty");
    m.putArray("nested").addArray().add(1).add(2);
    Path file = TinyModel.gguf(temp.resolve("m.gguf"), m, List.of());
    try (Checkpoint c = Checkpoints.open(file)) {
      assertEquals(m, c.metadata());
    }
  }

  @Test
  void ggufReadsSmallIntegersVersionTwoAndAlignment() throws IOException {
    ByteBuffer b = little(4096);
    b.put("GGUF".getBytes(StandardCharsets.US_ASCII)).putInt(2).putLong(2).putLong(5);
    key(b, "u8", 0).put((byte) 200);
    key(b, "i8", 1).put((byte) -3);
    key(b, "u16", 2).putShort((short) 50_000);
    key(b, "i16", 3).putShort((short) -300);
    key(b, "general.alignment", 4).putInt(64);
    text(b, "a").putInt(2).putLong(2).putLong(3).putInt(0).putLong(0);
    text(b, "k").putInt(1).putLong(256).putInt(12).putLong(64);
    int data = (b.position() + 63) / 64 * 64;
    b.putFloat(data + 20, 6.5f);
    Path file = temp.resolve("m.gguf");
    Files.write(file, java.util.Arrays.copyOf(b.array(), data + 64 + 144));
    try (Checkpoint c = Checkpoints.open(file)) {
      JsonNode m = c.metadata();
      assertEquals(
          List.of(200, -3, 50_000, -300),
          List.of(
              m.get("u8").intValue(),
              m.get("i8").intValue(),
              m.get("u16").intValue(),
              m.get("i16").intValue()));
      assertEquals(List.of(3L, 2L), c.tensor("a").shape(), "innermost first in the file");
      float[] out = new float[6];
      ElementCodec.decode(c.tensor("a"), 0, 6, out);
      assertEquals(6.5f, out[5]);
      assertEquals(Map.of("k", "Q4_K"), c.unreadable());
      String message = assertThrows(CheckpointException.class, () -> c.tensor("k")).getMessage();
      assertTrue(message.contains("tensor k") && message.contains("Q4_K"), message);
    }
    b.putInt(4, 1);
    Files.write(file, b.array());
    refused(file, "version", "1 is not supported", "2 or 3");
    b.putInt(4, Integer.reverseBytes(3));
    Files.write(file, b.array());
    refused(file, "version", "big-endian");
  }

  @Test
  void safetensorsTypesNobodyReadsAreRefusedOnlyWhenNeeded() throws IOException {
    write("{\"x\":{\"dtype\":\"F8_E4M3\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4);
    try (Checkpoint c = Checkpoints.open(temp)) {
      assertEquals(Map.of("x", "F8_E4M3"), c.unreadable());
      String message = assertThrows(CheckpointException.class, () -> c.tensor("x")).getMessage();
      assertTrue(message.contains("tensor x") && message.contains("F8_E4M3"), message);
      message = assertThrows(CheckpointException.class, () -> c.tensor("y")).getMessage();
      assertTrue(message.contains("tensor y is missing"), message);
    }
  }

  @Test
  void damagedSafetensorsAreNamed() throws IOException {
    String a = "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}";
    write("{" + a + "}", 8);
    Checkpoints.open(temp).close();
    write("{" + a + "}", 7);
    refused(temp, "tensor a", "data_offsets [0, 8]", "7 bytes");
    write("{" + a + "}", 9);
    refused(temp, "data_offsets", "end at 8", "9 bytes");
    write("{" + a + "," + a + "}", 8);
    refused(temp, "uplicate", "\"a\"");
    write("{" + a + "," + a.replace("\"a\"", "\"b\"") + "}", 8);
    refused(temp, "tensor b", "overlap", "tensor a");
    write("{" + a + "," + a.replace("\"a\"", "\"b\"").replace("[0,8]", "[9,17]") + "}", 17);
    refused(temp, "tensor b", "hole");
    write("{" + a.replace("[2]", "[3]") + "}", 8);
    refused(temp, "tensor a", "shape [3]", "12 bytes", "hold 8");
    write("{" + a.replace("[2]", "[4611686018427387904,4]") + "}", 8);
    refused(temp, "tensor a", "overflows");
    write("{" + a.replace("[2]", "[-2]") + "}", 8);
    refused(temp, "tensor a shape", "-2");
    write("{" + a.replace("[2]", "[2.0]") + "}", 8);
    refused(temp, "tensor a shape", "a fraction");
    write("{" + a.replace("shape", "shap") + "}", 8);
    refused(temp, "tensor a", "shap;");
    byte[] good = Files.readAllBytes(temp.resolve("model.safetensors"));
    ByteBuffer.wrap(good).order(ByteOrder.LITTLE_ENDIAN).putLong(Long.MAX_VALUE);
    Files.write(temp.resolve("model.safetensors"), good);
    refused(temp, "header length", "9223372036854775807");
    Files.write(temp.resolve("model.safetensors"), new byte[5]);
    refused(temp, "header length", "5 bytes");
  }

  @Test
  void emptyAndForeignPlacesAreExplained() throws IOException {
    refused(temp.resolve("nothing"), "no such file or folder");
    refused(temp, "expected config.json with model.safetensors");
    Files.createFile(temp.resolve("notes.txt"));
    refused(temp.resolve("notes.txt"), "magic GGUF");
    Files.createFile(temp.resolve("a.gguf"));
    refused(temp.resolve("a.gguf"), "magic");
    Files.createFile(temp.resolve("b.gguf"));
    refused(temp, "2 .gguf files", "name one");
    Files.createFile(temp.resolve("model.safetensors"));
    refused(temp, "config.json", "is missing");
  }

  @Test
  void codecRoundsAsGgmlDoes() {
    float[] in = new float[32];
    // The largest is 127, so the scale is one and halves are ties: away from zero, as roundf.
    for (int i = 0; i < 32; i++) {
      in[i] = i == 0 ? -127 : (i - 16) / 2f;
    }
    byte[] bytes = new byte[34];
    ElementCodec.encode(in, 32, DType.Q8_0, MemorySegment.ofArray(bytes), 0);
    float[] out = new float[32];
    ElementCodec.decode(
        new WeightView("q", DType.Q8_0, List.of(32L), MemorySegment.ofArray(bytes)), 0, 32, out);
    for (int i = 0; i < 32; i++) {
      double expected = Math.signum(in[i]) * Math.floor(Math.abs(in[i]) + 0.5);
      assertEquals(expected, out[i], 0.0);
    }
    assertEquals(-127, bytes[2]);
    assertEquals(0x3C00, (bytes[1] << 8) | bytes[0], "one, as a half");
    // bf16: ties go to the even neighbour.
    float[] ties = {1 + 0x1p-8f, 1 + 3 * 0x1p-8f, Float.NaN, Float.NEGATIVE_INFINITY};
    byte[] two = new byte[8];
    ElementCodec.encode(ties, 4, DType.BF16, MemorySegment.ofArray(two), 0);
    float[] back = new float[4];
    ElementCodec.decode(
        new WeightView("b", DType.BF16, List.of(4L), MemorySegment.ofArray(two)), 0, 4, back);
    assertArrayEquals(new float[] {1, 1 + 0x1p-6f, Float.NaN, Float.NEGATIVE_INFINITY}, back);
  }

  /** Low nibbles are elements 0 to 15, high ones 16 to 31, all less 8. */
  @Test
  void codecReadsNibbles() {
    byte[] block = new byte[18];
    block[1] = 0x40; // two, as a half
    for (int i = 0; i < 16; i++) {
      block[2 + i] = (byte) (i | (15 - i) << 4);
    }
    float[] out = new float[32];
    ElementCodec.decode(
        new WeightView("q", DType.Q4_0, List.of(32L), MemorySegment.ofArray(block)), 0, 32, out);
    for (int i = 0; i < 16; i++) {
      assertEquals(2 * (i - 8), out[i]);
      assertEquals(2 * (7 - i), out[16 + i]);
    }
  }

  @Test
  void sinksRefuseTooMuchAndTooLittleAndLeaveNothing() throws IOException {
    List<TensorSpec> tensors = new ArrayList<>(List.of(TinyModel.spec("a", 2)));
    Path file = temp.resolve("model.safetensors");
    try (TensorSink sink = SafetensorsWriter.open(file, tensors, Map.of())) {
      sink.write(MemorySegment.ofArray(new byte[4]));
      assertThrows(IllegalStateException.class, sink::commit);
      assertThrows(
          IllegalStateException.class, () -> sink.write(MemorySegment.ofArray(new byte[5])));
    }
    try (var files = Files.list(temp)) {
      assertEquals(List.of(), files.toList());
    }
  }

  private void write(String header, int data) throws IOException {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    Files.write(
        temp.resolve("model.safetensors"),
        little(8 + json.length + data).putLong(json.length).put(json).array());
    Files.writeString(temp.resolve("config.json"), "{}");
  }

  private static ByteBuffer little(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static ByteBuffer key(ByteBuffer b, String key, int type) {
    return text(b, key).putInt(type);
  }

  private static ByteBuffer text(ByteBuffer b, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return b.putLong(bytes.length).put(bytes);
  }

  private static void refused(Path path, String... words) {
    String message =
        assertThrows(CheckpointException.class, () -> Checkpoints.open(path).close()).getMessage();
    assertTrue(message.startsWith(path.toString()), message);
    for (String word : words) {
      assertTrue(message.contains(word), () -> "no \"" + word + "\" in: " + message);
    }
  }
}
