/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Sampling;
import java.io.IOException;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Loops keep to themselves whatever the JIT compiler would like to inline. */
@Timeout(600)
class CompiledAloneTest {
  private static final int VOCABULARY = 8192;
  private static final Duration PATIENCE = Duration.ofMinutes(4);

  private static double failing(float[] x, float[] y, int n, double a, double b) {
    throw new IllegalArgumentException("loop " + n);
  }

  private static double sum(float[] x, float[] y, int n, double a, double b) {
    return x[n] + y[n] + a + b;
  }

  @Test
  void itPassesArgumentsResultsAndExceptions() {
    MethodHandles.Lookup here = MethodHandles.lookup();
    CompiledAlone sum = CompiledAlone.loop(here, "sum");
    assertEquals(1111, sum.run(new float[] {0, 1}, new float[] {0, 10}, 1, 100, 1000));
    CompiledAlone failing = CompiledAlone.loop(here, "failing");
    float[] none = {};
    assertEquals(
        "loop 7",
        assertThrows(IllegalArgumentException.class, () -> failing.run(none, none, 7, 0, 0))
            .getMessage());
    assertThrows(IllegalStateException.class, () -> CompiledAlone.loop(here, "absent"));
  }

  /** A row of logits must not become a heap of vectors, whatever is inlined. */
  @Test
  void predictingLeavesNoVectorsBehind() throws IOException, InterruptedException {
    inlineAll(Predicting.class);
  }

  @Test
  void aMethodIsFoundByItsNameAndNumberOfParameters() throws Throwable {
    MethodHandle substring =
        CompiledAlone.method(MethodHandles.lookup(), String.class, "substring", 1);
    assertEquals("cd", (String) substring.invokeExact("abcd", 2));
    assertThrows(
        IllegalStateException.class,
        () -> CompiledAlone.method(MethodHandles.lookup(), String.class, "substring", 3));
  }

  /** Runs a main in a process whose compiler inlines all it can, as it may of its own accord. */
  private static void inlineAll(Class<?> main) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-Xmx256m",
                "-XX:InlineSmallCode=100000",
                "-XX:FreqInlineSize=2000",
                "-cp",
                System.getProperty("java.class.path"),
                main.getName())
            .redirectErrorStream(true)
            .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
    assertTrue(output.contains("bytes a row: "), output);
  }

  /** Exits with 1 unless rows come to leave next to no garbage. */
  private static void untilFewBytes(long few, LongSupplier bytesPerRow) {
    long begun = System.nanoTime();
    long bytes;
    do {
      bytes = bytesPerRow.getAsLong();
    } while (bytes > few && System.nanoTime() - begun < PATIENCE.toNanos());
    System.out.println("bytes a row: " + bytes);
    System.exit(bytes > few ? 1 : 0);
  }

  /** Bytes that one of {@code rows} runs allocates. */
  private static long allocated(int rows, Runnable row) {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long id = Thread.currentThread().threadId();
    long before = threads.getThreadAllocatedBytes(id);
    for (int i = 0; i < rows; i++) {
      row.run();
    }
    return (threads.getThreadAllocatedBytes(id) - before) / rows;
  }

  static final class Predicting {
    private static final Sampling WARM = new Sampling(0.8f, 0, 1f, Sampling.Distribution.RAW);
    private static final Sampling FILTERED =
        new Sampling(0.8f, 50, 0.9f, Sampling.Distribution.FILTERED);

    public static void main(String[] arguments) {
      // Short rows first, and by two kinds of kernels: the caller is compiled before its loops.
      for (RowKernels kernels : List.of(new PlainRowKernels(), new VectorRowKernels())) {
        for (int round = 0; round < 50; round++) {
          bytes(kernels, 64, 2000);
        }
      }
      untilFewBytes(4096, () -> bytes(new VectorRowKernels(), VOCABULARY, 200));
    }

    private static long bytes(RowKernels kernels, int n, int rows) {
      long most = 0;
      for (Sampling sampling : List.of(Sampling.GREEDY, WARM, FILTERED)) {
        Sampler sampler = new Sampler(kernels);
        Random random = new Random(1);
        float[] logits = sampler.logits(n);
        for (int i = 0; i < n; i++) {
          logits[i] = (float) random.nextGaussian();
        }
        PredictionRows wanted = new PredictionRows();
        wanted.add(0, sampling, 1, 0, 0);
        Predictions out = new Predictions();
        out.resize(1);
        sampler.predict(n, wanted, 0, out);
        most = Math.max(most, allocated(rows, () -> sampler.predict(n, wanted, 0, out)));
      }
      return most;
    }
  }
}
