/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.llamacpp;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BOOLEAN;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.file.Files;
import java.util.List;

/**
 * A model and a context of the real llama.cpp in this process, called through its public C API
 * ({@code llama.h}).
 *
 * <p>Its parameter structs travel by value. They are declared larger here than they are there,
 * which both calling conventions of 64-bit Linux allow for structs of this size, and the few words
 * that are set are checked against the library's own defaults first.
 */
final class LlamaModel implements AutoCloseable {
  /** Room for any parameter struct. */
  private static final StructLayout PARAMETERS =
      MemoryLayout.structLayout(MemoryLayout.sequenceLayout(128, JAVA_INT).withName("words"));

  /** {@code struct llama_batch}. */
  private static final StructLayout BATCH =
      MemoryLayout.structLayout(
          JAVA_INT.withName("n_tokens"),
          MemoryLayout.paddingLayout(4),
          ADDRESS.withName("token"),
          ADDRESS.withName("embd"),
          ADDRESS.withName("pos"),
          ADDRESS.withName("n_seq_id"),
          ADDRESS.withName("seq_id"),
          ADDRESS.withName("logits"));

  // Words of struct llama_context_params, and what llama_context_default_params() puts there.
  private static final int N_CTX = 0;
  private static final int N_BATCH = 1;
  private static final int N_UBATCH = 2;
  private static final int N_THREADS = 7;
  private static final int N_THREADS_BATCH = 8;
  private static final int DEFAULT_N_BATCH = 2048;
  private static final int DEFAULT_N_UBATCH = 512;

  private final Arena arena = Arena.ofConfined();
  private final LlamaLibraries libraries;
  private final int capacity;
  private final MemorySegment model;
  private final MemorySegment context;
  private final int vocabulary;

  private final MemorySegment batch = arena.allocate(BATCH);
  private final MemorySegment ids;
  private final MemorySegment positions;
  private final MemorySegment wanted;
  private final MethodHandle decode;
  private final MethodHandle memory;
  private final MethodHandle clear;
  private final MethodHandle synchronize;
  private final MethodHandle logitsOf;
  private boolean closed;

  /**
   * Loads a model.
   *
   * @throws PeerException if the libraries or the model cannot be used; the message says what to do
   */
  LlamaModel(Setup setup) {
    if (!Files.isRegularFile(setup.model())) {
      throw new PeerException("llama.cpp wants a GGUF file; " + setup.model() + " is none");
    }
    libraries = new LlamaLibraries(setup.folder());
    capacity = Math.max(64, setup.context());
    try {
      quieten();
      loadBackend(setup);
      call("llama_backend_init", FunctionDescriptor.ofVoid()).invokeExact();
      model =
          (MemorySegment)
              call(
                      "llama_model_load_from_file",
                      FunctionDescriptor.of(ADDRESS, ADDRESS, PARAMETERS))
                  .invokeExact(
                      arena.allocateFrom(setup.model().toString()),
                      defaults("llama_model_default_params"));
      if (model.address() == 0) {
        throw new PeerException("llama.cpp does not load " + setup.model());
      }
      vocabulary = readVocabulary();
      context =
          (MemorySegment)
              call("llama_init_from_model", FunctionDescriptor.of(ADDRESS, ADDRESS, PARAMETERS))
                  .invokeExact(model, contextParameters(setup.threads()));
      if (context.address() == 0) {
        throw new PeerException("llama.cpp opens no context of " + capacity + " tokens");
      }
      call("llama_set_causal_attn", FunctionDescriptor.ofVoid(ADDRESS, JAVA_BOOLEAN))
          .invokeExact(context, setup.causal());
    } catch (Throwable failure) {
      arena.close();
      throw LlamaLibraries.rethrown(failure);
    }
    ids = arena.allocate(JAVA_INT, capacity);
    positions = arena.allocate(JAVA_INT, capacity);
    wanted = arena.allocate(JAVA_BYTE, capacity);
    layOutBatch();
    decode = call("llama_decode", FunctionDescriptor.of(JAVA_INT, ADDRESS, BATCH));
    memory = call("llama_get_memory", FunctionDescriptor.of(ADDRESS, ADDRESS));
    clear = call("llama_memory_clear", FunctionDescriptor.ofVoid(ADDRESS, JAVA_BOOLEAN));
    synchronize = call("llama_synchronize", FunctionDescriptor.ofVoid(ADDRESS));
    logitsOf = call("llama_get_logits_ith", FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_INT));
  }

  int vocabulary() {
    return vocabulary;
  }

  /** Forgets keys and values of earlier calls, if the architecture keeps any. */
  void clear() {
    try {
      MemorySegment cache = (MemorySegment) memory.invokeExact(context);
      if (cache.address() != 0) {
        clear.invokeExact(cache, true);
      }
    } catch (Throwable failure) {
      throw LlamaLibraries.rethrown(failure);
    }
  }

  /**
   * Feeds {@code tokens} at positions {@code first}, {@code first + 1}, …
   *
   * @param rows indices into {@code tokens} whose logits are computed
   * @return nanoseconds that llama.cpp took
   * @throws PeerException if llama.cpp refuses it
   */
  long feed(int[] tokens, int first, int[] rows) {
    if (tokens.length > capacity) {
      throw new PeerException(
          tokens.length + " tokens do not fit into a context of " + capacity + " tokens");
    }
    batch.set(JAVA_INT, 0, tokens.length);
    MemorySegment.copy(tokens, 0, ids, JAVA_INT, 0, tokens.length);
    wanted.fill((byte) 0);
    for (int i = 0; i < tokens.length; i++) {
      positions.setAtIndex(JAVA_INT, i, first + i);
    }
    for (int row : rows) {
      wanted.set(JAVA_BYTE, row, (byte) 1);
    }
    try {
      long start = System.nanoTime();
      int status = (int) decode.invokeExact(context, batch);
      synchronize.invokeExact(context);
      long nanos = System.nanoTime() - start;
      if (status != 0) {
        throw new PeerException(
            "llama_decode answers " + status + " for " + tokens.length + " tokens");
      }
      return nanos;
    } catch (Throwable failure) {
      throw LlamaLibraries.rethrown(failure);
    }
  }

  /**
   * Logits of a row of the last {@link #feed}: float32 {@code [vocabulary]}, valid until the next.
   */
  @SuppressWarnings("restricted")
  MemorySegment logits(int row) {
    try {
      MemorySegment found = (MemorySegment) logitsOf.invokeExact(context, row);
      if (found.address() == 0) {
        throw new PeerException("llama.cpp has no logits for row " + row);
      }
      return found.reinterpret(4L * vocabulary);
    } catch (Throwable failure) {
      throw LlamaLibraries.rethrown(failure);
    }
  }

  /** Frees model and context; idempotent. The libraries stay loaded. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    try {
      call("llama_free", FunctionDescriptor.ofVoid(ADDRESS)).invokeExact(context);
      call("llama_model_free", FunctionDescriptor.ofVoid(ADDRESS)).invokeExact(model);
    } catch (Throwable failure) {
      throw LlamaLibraries.rethrown(failure);
    } finally {
      arena.close();
    }
  }

  private MethodHandle call(String name, FunctionDescriptor type) {
    return libraries.function(name, type);
  }

  private void loadBackend(Setup setup) throws Throwable {
    String file = LlamaLibraries.backendFile(setup.folder(), setup.backend()).toString();
    MemorySegment loaded =
        (MemorySegment)
            call("ggml_backend_load", FunctionDescriptor.of(ADDRESS, ADDRESS))
                .invokeExact(arena.allocateFrom(file));
    if (loaded.address() == 0) {
      throw new PeerException("llama.cpp's backend " + file + " does not load");
    }
  }

  private int readVocabulary() throws Throwable {
    MemorySegment words =
        (MemorySegment)
            call("llama_model_get_vocab", FunctionDescriptor.of(ADDRESS, ADDRESS))
                .invokeExact(model);
    return (int)
        call("llama_vocab_n_tokens", FunctionDescriptor.of(JAVA_INT, ADDRESS)).invokeExact(words);
  }

  private MemorySegment defaults(String function) throws Throwable {
    return (MemorySegment)
        call(function, FunctionDescriptor.of(PARAMETERS)).invokeExact((SegmentAllocator) arena);
  }

  private MemorySegment contextParameters(int threads) throws Throwable {
    MemorySegment parameters = defaults("llama_context_default_params");
    List<Integer> found =
        List.of(
            parameters.getAtIndex(JAVA_INT, N_BATCH), parameters.getAtIndex(JAVA_INT, N_UBATCH));
    if (!found.equals(List.of(DEFAULT_N_BATCH, DEFAULT_N_UBATCH))
        || parameters.getAtIndex(JAVA_INT, N_THREADS)
            != parameters.getAtIndex(JAVA_INT, N_THREADS_BATCH)) {
      throw new PeerException(
          "this llama.cpp lays its context parameters out differently (batch sizes "
              + found
              + "); use the version that bench/peers/llama-cpp/install fetches");
    }
    parameters.setAtIndex(JAVA_INT, N_CTX, capacity);
    parameters.setAtIndex(JAVA_INT, N_BATCH, capacity);
    parameters.setAtIndex(JAVA_INT, N_UBATCH, capacity);
    parameters.setAtIndex(JAVA_INT, N_THREADS, threads);
    parameters.setAtIndex(JAVA_INT, N_THREADS_BATCH, threads);
    return parameters;
  }

  /** Everything in sequence 0; tokens, positions and wanted rows are filled in call by call. */
  private void layOutBatch() {
    MemorySegment counts = arena.allocate(JAVA_INT, capacity);
    MemorySegment sequences = arena.allocate(ADDRESS, capacity);
    MemorySegment zero = arena.allocateFrom(JAVA_INT, 0);
    for (int i = 0; i < capacity; i++) {
      counts.setAtIndex(JAVA_INT, i, 1);
      sequences.setAtIndex(ADDRESS, i, zero);
    }
    put("token", ids);
    put("embd", MemorySegment.NULL);
    put("pos", positions);
    put("n_seq_id", counts);
    put("seq_id", sequences);
    put("logits", wanted);
  }

  private void put(String field, MemorySegment value) {
    batch.set(ADDRESS, BATCH.byteOffset(MemoryLayout.PathElement.groupElement(field)), value);
  }

  /** Drops llama.cpp's log; the stub lives as long as the libraries, which is for ever. */
  @SuppressWarnings("restricted")
  private void quieten() throws Throwable {
    FunctionDescriptor callback = FunctionDescriptor.ofVoid(JAVA_INT, ADDRESS, ADDRESS);
    MethodHandle drop =
        MethodHandles.empty(
            MethodType.methodType(void.class, int.class, MemorySegment.class, MemorySegment.class));
    MemorySegment stub = Linker.nativeLinker().upcallStub(drop, callback, Arena.global());
    call("llama_log_set", FunctionDescriptor.ofVoid(ADDRESS, ADDRESS))
        .invokeExact(stub, MemorySegment.NULL);
  }
}
