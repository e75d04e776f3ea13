/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import java.lang.management.ManagementFactory;
import java.util.Objects;

/**
 * How an engine runs.
 *
 * @param device where to compute
 * @param dtype precision of matrix products
 * @param threads worker threads, 1024 at most; 0 takes all processors
 * @param vectorApi whether ops beside the matrix products may use the Vector API. They are faster
 *     by it once the JIT has compiled them, which takes seconds; false suits a process that writes
 *     one text with a small model and ends
 * @param maxBatchTokens most token rows in one network call; requests beyond it wait for the next
 *     one, and fewer rows make it shorter; at least 1
 * @param maxQueued most requests taking part at a time; as many again may wait, more are refused or
 *     made to wait by who submits them; at least 1
 * @param kvCacheBytes most memory for the K/V caches of all requests together, or for their
 *     latents, taken as it is needed; requests that cache wait for room in it. 0 means a quarter of
 *     the machine's memory, or of what is free on the GPU once the weights are there
 * @param loop who goes from step to step within a block of masked diffusion; the tokens are the
 *     same
 */
public record EngineOptions(
    DeviceChoice device,
    ComputeType dtype,
    int threads,
    boolean vectorApi,
    int maxBatchTokens,
    int maxQueued,
    long kvCacheBytes,
    Loop loop) {
  /** Where to compute. */
  public enum DeviceChoice {
    /** A CUDA device where there is one that can be used, else the processor. */
    AUTO,
    /** The processor. */
    CPU,
    /** An NVIDIA GPU; without one that can be used, opening fails and says why. */
    CUDA
  }

  /** Precision of matrix products; sums are f32 unless said otherwise. */
  public enum ComputeType {
    /** bf16 on a GPU and where the processor multiplies it natively, else f32. */
    AUTO,
    /** Weights, inputs and products in 32 bits. */
    F32,
    /** Weights and inputs in bf16. */
    BF16,
    /**
     * Weights of matrix products as s8 with a scale for each output. On the processor their inputs
     * are rounded to u8 row by row, sums are s32, and everything between is as with {@link #AUTO}.
     * On a GPU inputs stay bf16 and sums f32, and what a checkpoint has in Q8_0 and Q4_0 stays as
     * it is stored.
     */
    INT8
  }

  /**
   * Who goes from step to step within a block of masked diffusion. Requests that the device cannot
   * write by itself (with guidance, a correction, drawn positions, a limit of time, or {@link
   * GenerationRequest#previews}) are stepped by the host whatever this says, and so is the first
   * step of a block with a cache.
   */
  public enum Loop {
    /**
     * {@link #GRAPH} on a GPU whose driver can do that, {@link #LAGGED} on another, else the host.
     */
    AUTO,
    /** The host: it reads what was predicted and chooses, step by step. */
    HOST,
    /** A GPU chooses; the host starts each step without waiting for the one before. */
    LAGGED,
    /** A GPU, to the end of the block: a graph that repeats itself. */
    GRAPH
  }

  /**
   * The fastest device there is, all processors, batches of 8192 rows, 1024 requests at a time and
   * as many waiting, a quarter of the memory for caches.
   */
  public static final EngineOptions DEFAULT =
      new EngineOptions(DeviceChoice.AUTO, ComputeType.AUTO, 0, true, 8192, 1024, 0, Loop.AUTO);

  /**
   * @throws IllegalArgumentException if a number is out of its range; the message names it, what
   *     was found and what it can be
   */
  public EngineOptions {
    Objects.requireNonNull(device, "device");
    Objects.requireNonNull(dtype, "dtype");
    Objects.requireNonNull(loop, "loop");
    if (threads < 0 || threads > 1024) {
      throw new IllegalArgumentException(
          "threads must be between 0 (all processors) and 1024; found " + threads);
    }
    if (maxBatchTokens < 1) {
      throw new IllegalArgumentException(
          "maxBatchTokens must be positive; found " + maxBatchTokens);
    }
    if (maxQueued < 1) {
      throw new IllegalArgumentException("maxQueued must be positive; found " + maxQueued);
    }
    if (kvCacheBytes < 0) {
      throw new IllegalArgumentException(
          "kvCacheBytes must be 0 (a quarter of the memory) or positive; found " + kvCacheBytes);
    }
  }

  /** These with another {@link #device}. */
  public EngineOptions withDevice(DeviceChoice value) {
    return new EngineOptions(
        value, dtype, threads, vectorApi, maxBatchTokens, maxQueued, kvCacheBytes, loop);
  }

  /** These with another {@link #dtype}. */
  public EngineOptions withDtype(ComputeType value) {
    return new EngineOptions(
        device, value, threads, vectorApi, maxBatchTokens, maxQueued, kvCacheBytes, loop);
  }

  /** These with another {@link #threads}. */
  public EngineOptions withThreads(int value) {
    return new EngineOptions(
        device, dtype, value, vectorApi, maxBatchTokens, maxQueued, kvCacheBytes, loop);
  }

  /** These with another {@link #vectorApi}. */
  public EngineOptions withVectorApi(boolean value) {
    return new EngineOptions(
        device, dtype, threads, value, maxBatchTokens, maxQueued, kvCacheBytes, loop);
  }

  /** These with another {@link #maxBatchTokens}. */
  public EngineOptions withMaxBatchTokens(int value) {
    return new EngineOptions(
        device, dtype, threads, vectorApi, value, maxQueued, kvCacheBytes, loop);
  }

  /** These with another {@link #maxQueued}. */
  public EngineOptions withMaxQueued(int value) {
    return new EngineOptions(
        device, dtype, threads, vectorApi, maxBatchTokens, value, kvCacheBytes, loop);
  }

  /** These with another {@link #kvCacheBytes}. */
  public EngineOptions withKvCacheBytes(long value) {
    return new EngineOptions(
        device, dtype, threads, vectorApi, maxBatchTokens, maxQueued, value, loop);
  }

  /** These with another {@link #loop}. */
  public EngineOptions withLoop(Loop value) {
    return new EngineOptions(
        device, dtype, threads, vectorApi, maxBatchTokens, maxQueued, kvCacheBytes, value);
  }

  /** The budget that {@link #kvCacheBytes} stands for on this machine's processor. */
  long kvCacheBudget() {
    if (kvCacheBytes > 0) {
      return kvCacheBytes;
    }
    return ManagementFactory.getOperatingSystemMXBean()
            instanceof com.sun.management.OperatingSystemMXBean system
        ? system.getTotalMemorySize() / 4
        : 1L << 30;
  }
}
