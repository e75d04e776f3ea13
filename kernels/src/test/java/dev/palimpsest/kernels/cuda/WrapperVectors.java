/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.palimpsest.bindings.CudaLibrary;
import dev.palimpsest.bindings.TensorMap;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;

/**
 * What the wrappers of {@code portable.cuh} give, word by word ({@code instruments.cu}): run on a
 * GPU to be kept, and on the emulator to be compared.
 */
final class WrapperVectors implements AutoCloseable {
  /** {@code InstrumentShared}, or {@code GroupShared}. */
  private static final int SHARED = 2 * 64 * 32 * 4;

  /** Copies in bulk, from here on; wgmma, there alone. */
  private static final int HOPPER = 90;

  private final CudaContext context;
  private final Modules modules;
  private final DeviceMemory memory;

  /**
   * One run of one wrapper.
   *
   * @param exact false where the order of a sum is the chip's own
   */
  record Vector(String kernel, boolean exact, int[] in, int[] out) {
    /** Tab-separated: kernel, exact or near, words in and out as hexadecimal. */
    String line() {
      return String.join("\t", kernel, exact ? "exact" : "near", hex(in), hex(out));
    }

    static Vector parse(String line) {
      String[] cells = line.split("\t");
      if (cells.length != 4) {
        throw new IllegalArgumentException("a vector has four cells; found " + cells.length);
      }
      return new Vector(cells[0], cells[1].equals("exact"), words(cells[2]), words(cells[3]));
    }

    private static String hex(int[] words) {
      StringBuilder text = new StringBuilder();
      for (int word : words) {
        text.append(HexFormat.of().toHexDigits(word));
      }
      return text.toString();
    }

    private static int[] words(String hex) {
      int[] words = new int[hex.length() / 8];
      for (int i = 0; i < words.length; i++) {
        words[i] = HexFormat.fromHexDigits(hex, 8 * i, 8 * i + 8);
      }
      return words;
    }
  }

  WrapperVectors() throws IOException {
    CudaLibrary.find().orThrow();
    JCudaLibrary.load();
    context = new CudaContext(0, true);
    context.enter();
    modules = new Modules(context);
    memory = new DeviceMemory(context);
  }

  /**
   * A box of a tensor of bf16 and where it begins, dimensions from the innermost; all leave the
   * tensor on some side.
   *
   * @param rowBytes of the box
   */
  record Box(
      List<Long> dimensions,
      List<Integer> box,
      TensorMap.Swizzle swizzle,
      int rowBytes,
      List<Integer> first) {
    int bytes() {
      return 2 * box.stream().mapToInt(Integer::intValue).reduce(1, (a, b) -> a * b);
    }

    int elements() {
      return (int) dimensions.stream().mapToLong(Long::longValue).reduce(1, (a, b) -> a * b);
    }
  }

  /** By the names of their vectors; what precedes the slash is the kernel's. */
  static final Map<String, Box> BOXES =
      new TreeMap<>(
          Map.of(
              "copy_box_2/none",
              new Box(List.of(32L, 9L), List.of(24, 5), TensorMap.Swizzle.NONE, 48, List.of(16, 6)),
              "copy_box_2/128",
              new Box(
                  List.of(64L, 30L),
                  List.of(64, 16),
                  TensorMap.Swizzle.BYTES_128,
                  128,
                  List.of(-8, -3)),
              "copy_box_3/64",
              new Box(
                  List.of(48L, 8L, 5L),
                  List.of(32, 4, 2),
                  TensorMap.Swizzle.BYTES_64,
                  64,
                  List.of(20, 6, 4)),
              "copy_box_4/32",
              new Box(
                  List.of(16L, 4L, 4L, 6L),
                  List.of(16, 2, 4, 2),
                  TensorMap.Swizzle.BYTES_32,
                  32,
                  List.of(0, 3, -1, 5))));

  /** The wrappers on inputs drawn from fixed seeds. */
  List<Vector> record() {
    List<Vector> vectors = new ArrayList<>();
    for (int seed = 0; seed < 4; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      vectors.add(run("multiply_add", true, products(random, true), 128));
      vectors.add(run("multiply_add", false, products(random, false), 128));
      vectors.add(run("load_matrices", true, random.ints(128).toArray(), 128));
      vectors.add(run("load_matrices_transposed", true, random.ints(128).toArray(), 128));
      vectors.add(run("copy_async", true, random.ints(128).toArray(), 128));
      if (context.capability() >= HOPPER) {
        vectors.add(run("copy_bulk", true, random.ints(128).toArray(), 128));
      }
      if (context.capability() >= HOPPER && seed == 0) {
        BOXES.forEach(
            (name, box) ->
                vectors.add(copyBox(name, box, random.ints(box.elements() / 2).toArray())));
      }
      if (context.capability() == HOPPER && seed < 2) {
        boolean whole = seed == 0;
        vectors.add(run("multiply_group", whole, pairs(random, 4096, whole), 4096));
        vectors.add(run("multiply_group_registers", whole, pairs(random, 512 + 2048, whole), 4096));
      }
      vectors.add(run("arithmetic", true, numbers(random, seed), 192));
      vectors.add(run("reduce", true, numbers(random, 0), 64));
    }
    return vectors;
  }

  /** Runs one again; nothing where this device lacks what it needs. */
  List<Vector> again(Vector vector) {
    if (BOXES.containsKey(vector.kernel)) {
      return context.capability() >= HOPPER
          ? List.of(copyBox(vector.kernel, BOXES.get(vector.kernel), vector.in))
          : List.of();
    }
    boolean there =
        switch (vector.kernel) {
          case "copy_bulk" -> context.capability() >= HOPPER;
          case "multiply_group", "multiply_group_registers" -> context.capability() == HOPPER;
          default -> true;
        };
    return there
        ? List.of(run(vector.kernel, vector.exact, vector.in, vector.out.length))
        : List.of();
  }

  /** Fragments of A, B and D: small whole numbers, whose sums are exact in any order, or any. */
  private static int[] products(SplittableRandom random, boolean whole) {
    int[] words = new int[320];
    for (int i = 0; i < words.length; i++) {
      boolean sum = i % 10 >= 6;
      float first = number(random, whole);
      float second = number(random, whole);
      words[i] =
          sum
              ? Float.floatToRawIntBits(first)
              : Float.floatToRawIntBits(first) >>> 16
                  | Float.floatToRawIntBits(second) & 0xFFFF0000;
    }
    return words;
  }

  /** Words of two bf16 each. */
  private static int[] pairs(SplittableRandom random, int words, boolean whole) {
    int[] pairs = new int[words];
    for (int i = 0; i < words; i++) {
      pairs[i] =
          Float.floatToRawIntBits(number(random, whole)) >>> 16
              | Float.floatToRawIntBits(number(random, whole)) & 0xFFFF0000;
    }
    return pairs;
  }

  private static float number(SplittableRandom random, boolean whole) {
    return whole ? random.nextInt(-8, 9) : (float) random.nextGaussian();
  }

  /** Numbers of ever wider range; the last seed has the odd ones among them. */
  private static int[] numbers(SplittableRandom random, int seed) {
    float[] odd = {0f, -0f, Float.MIN_VALUE, Float.MIN_NORMAL, 88.5f, -87.4f, 3.3895314e38f};
    int[] words = new int[32];
    for (int i = 0; i < words.length; i++) {
      float x = (float) (random.nextGaussian() * Math.pow(8, seed));
      words[i] = Float.floatToRawIntBits(seed == 3 && i < odd.length ? odd[i] : x);
    }
    return words;
  }

  private Vector run(String name, boolean exact, int[] in, int out) {
    // On the emulator every module has every kernel.
    Kernel kernel =
        modules.kernel(
            Emulator.chip() ? "instruments" : "embed",
            "instrument_" + name,
            name.startsWith("multiply_group") ? 128 : 32,
            SHARED,
            "in*",
            "out*");
    MemorySegment from = memory.allocate(4L * in.length);
    MemorySegment to = memory.allocate(4L * out);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment words = arena.allocateFrom(JAVA_INT, in);
      context.upload(words, 0, from.address(), words.byteSize());
      kernel.set(0, from).set(1, to).launch(1);
      MemorySegment found = arena.allocate(JAVA_INT, out);
      context.download(to.address(), found, 0, found.byteSize());
      context.synchronize(name);
      return new Vector(name, exact, in, found.toArray(JAVA_INT));
    } finally {
      memory.free(from);
      memory.free(to);
    }
  }

  private Vector copyBox(String name, Box box, int[] in) {
    Kernel kernel =
        modules.kernel(
            Emulator.chip() ? "instruments" : "embed",
            "instrument_" + name.substring(0, name.indexOf('/')),
            32,
            SHARED,
            "map*",
            "out*",
            "bytes",
            "x",
            "y",
            "z",
            "w");
    MemorySegment from = memory.allocate(4L * in.length);
    MemorySegment at = memory.allocate(TensorMap.ALIGNMENT);
    MemorySegment to = memory.allocate(box.bytes());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment words = arena.allocateFrom(JAVA_INT, in);
      context.upload(words, 0, from.address(), words.byteSize());
      MemorySegment map =
          TensorMap.dense(TensorMap.Type.BF16, from.address(), box.dimensions, box.box, box.swizzle)
              .encode(arena);
      context.upload(map, 0, at.address(), map.byteSize());
      kernel.set(0, at).set(1, to).set(2, box.bytes());
      for (int i = 0; i < 4; i++) {
        kernel.set(3 + i, i < box.first.size() ? box.first.get(i) : 0);
      }
      kernel.launch(1);
      MemorySegment found = arena.allocate(JAVA_INT, box.bytes() / 4);
      context.download(to.address(), found, 0, found.byteSize());
      context.synchronize(name);
      return new Vector(name, true, in, found.toArray(JAVA_INT));
    } finally {
      memory.free(from);
      memory.free(at);
      memory.free(to);
    }
  }

  @Override
  public void close() {
    modules.close();
    memory.close();
    context.close();
  }
}
