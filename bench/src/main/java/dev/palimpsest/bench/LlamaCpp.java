/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BOOLEAN;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * The real llama.cpp as a peer: its shared libraries, called through its public C API ({@code
 * llama.h}) with bidirectional attention. One model and one context for a fixed number of tokens.
 *
 * <p>Its parameter structs travel by value. They are declared larger here than they are there,
 * which both calling conventions of 64-bit Linux allow for structs of this size, and the few words
 * that are set are checked against the library's own defaults first.
 */
final class LlamaCpp implements AutoCloseable {
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

  private static final Linker LINKER = Linker.nativeLinker();

  private final Arena arena = Arena.ofShared();
  private final Libraries libraries;
  private final MemorySegment model;
  private final MemorySegment context;
  private final MemorySegment batch;
  private final int tokens;
  private final MethodHandle decode;
  private final MethodHandle memory;
  private final MethodHandle clear;
  private final MethodHandle synchronize;
  private final MethodHandle logitsOf;
  private boolean closed;

  /** Entry points, found once by name; a missing one is named in the message. */
  private static final class Libraries {
    private final SymbolLookup symbols;
    private final Path folder;

    Libraries(Path folder) {
      this.folder = folder;
      SymbolLookup base = load(folder, name -> name.startsWith("libggml-base"));
      SymbolLookup ggml =
          load(folder, name -> name.matches("libggml(\\.v?[0-9.]+)?\\.so(\\.[0-9.]+)?"));
      SymbolLookup llama =
          load(folder, name -> name.matches("libllama(\\.v?[0-9.]+)?\\.so(\\.[0-9.]+)?"));
      symbols = llama.or(ggml).or(base);
    }

    @SuppressWarnings("restricted")
    private static SymbolLookup load(Path folder, Predicate<String> named) {
      Path library;
      try (Stream<Path> files = Files.list(folder)) {
        library =
            files
                .filter(file -> named.test(file.getFileName().toString()))
                .sorted()
                .findFirst()
                .orElseThrow(() -> missing(folder, "it holds no such files"));
      } catch (IOException e) {
        throw missing(folder, "it is no readable folder");
      }
      try {
        return SymbolLookup.libraryLookup(library.toAbsolutePath(), Arena.global());
      } catch (IllegalArgumentException e) {
        throw missing(folder, library.getFileName() + " does not load: " + e.getMessage());
      }
    }

    private static PeerException missing(Path folder, String reason) {
      return new PeerException(
          "llama.cpp's libraries (libllama*.so, libggml*.so, libggml-base*.so) cannot be used from "
              + folder
              + ": "
              + reason
              + "; run bench/peers/llama-cpp/install and pass the folder it prints as --llama-cpp");
    }

    @SuppressWarnings("restricted")
    MethodHandle function(String name, FunctionDescriptor type) {
      MemorySegment symbol =
          symbols
              .find(name)
              .orElseThrow(() -> missing(folder, "this build has no function " + name));
      return LINKER.downcallHandle(symbol, type);
    }
  }

  /**
   * Loads a model for forwards over {@code tokens}.
   *
   * @param folder that holds the libraries
   * @param gguf the checkpoint
   * @param logitRows the last so many positions get logits
   * @throws PeerException if the libraries or the model cannot be used; the message says what to do
   */
  LlamaCpp(Path folder, Path gguf, int[] tokens, int logitRows, int threads) {
    if (!Files.isRegularFile(gguf)) {
      throw new PeerException("llama.cpp wants a GGUF file; " + gguf + " is none");
    }
    libraries = new Libraries(folder);
    this.tokens = tokens.length;
    try {
      quieten();
      call("ggml_backend_load_all_from_path", FunctionDescriptor.ofVoid(ADDRESS))
          .invokeExact(arena.allocateFrom(folder.toString()));
      call("llama_backend_init", FunctionDescriptor.ofVoid()).invokeExact();
      model =
          (MemorySegment)
              call(
                      "llama_model_load_from_file",
                      FunctionDescriptor.of(ADDRESS, ADDRESS, PARAMETERS))
                  .invokeExact(
                      arena.allocateFrom(gguf.toString()), defaults("llama_model_default_params"));
      if (model.address() == 0) {
        throw new PeerException("llama.cpp does not load " + gguf);
      }
      context =
          (MemorySegment)
              call("llama_init_from_model", FunctionDescriptor.of(ADDRESS, ADDRESS, PARAMETERS))
                  .invokeExact(model, contextParameters(threads));
      if (context.address() == 0) {
        throw new PeerException("llama.cpp opens no context of " + this.tokens + " tokens");
      }
      call("llama_set_causal_attn", FunctionDescriptor.ofVoid(ADDRESS, JAVA_BOOLEAN))
          .invokeExact(context, false);
    } catch (Throwable failure) {
      arena.close();
      throw rethrown(failure);
    }
    batch = batch(tokens, logitRows);
    decode = call("llama_decode", FunctionDescriptor.of(JAVA_INT, ADDRESS, BATCH));
    memory = call("llama_get_memory", FunctionDescriptor.of(ADDRESS, ADDRESS));
    clear = call("llama_memory_clear", FunctionDescriptor.ofVoid(ADDRESS, JAVA_BOOLEAN));
    synchronize = call("llama_synchronize", FunctionDescriptor.ofVoid(ADDRESS));
    logitsOf = call("llama_get_logits_ith", FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_INT));
  }

  /**
   * One forward over all tokens, from an empty cache.
   *
   * @throws PeerException if llama.cpp refuses it
   */
  void forward() {
    try {
      MemorySegment cache = (MemorySegment) memory.invokeExact(context);
      if (cache.address() != 0) {
        clear.invokeExact(cache, true);
      }
      int status = (int) decode.invokeExact(context, batch);
      if (status != 0) {
        throw new PeerException("llama_decode answers " + status + " for " + tokens + " tokens");
      }
      synchronize.invokeExact(context);
    } catch (Throwable failure) {
      throw rethrown(failure);
    }
  }

  /** Logits of a position of the last {@link #forward}: float32 {@code [vocabulary]}. */
  @SuppressWarnings("restricted")
  MemorySegment logits(int position, int vocabulary) {
    try {
      MemorySegment row = (MemorySegment) logitsOf.invokeExact(context, position);
      if (row.address() == 0) {
        throw new PeerException("llama.cpp has no logits for position " + position);
      }
      return row.reinterpret(4L * vocabulary);
    } catch (Throwable failure) {
      throw rethrown(failure);
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
      throw rethrown(failure);
    } finally {
      arena.close();
    }
  }

  private MethodHandle call(String name, FunctionDescriptor type) {
    return libraries.function(name, type);
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
    int length = Math.max(64, tokens);
    parameters.setAtIndex(JAVA_INT, N_CTX, length);
    parameters.setAtIndex(JAVA_INT, N_BATCH, length);
    parameters.setAtIndex(JAVA_INT, N_UBATCH, length);
    parameters.setAtIndex(JAVA_INT, N_THREADS, threads);
    parameters.setAtIndex(JAVA_INT, N_THREADS_BATCH, threads);
    return parameters;
  }

  /** All tokens in sequence 0 at positions 0, 1, … */
  private MemorySegment batch(int[] tokens, int logitRows) {
    int n = tokens.length;
    MemorySegment ids = arena.allocateFrom(JAVA_INT, tokens);
    MemorySegment positions = arena.allocate(JAVA_INT, n);
    MemorySegment counts = arena.allocate(JAVA_INT, n);
    MemorySegment sequences = arena.allocate(ADDRESS, n);
    MemorySegment wanted = arena.allocate(JAVA_BYTE, n);
    MemorySegment zero = arena.allocateFrom(JAVA_INT, 0);
    for (int i = 0; i < n; i++) {
      positions.setAtIndex(JAVA_INT, i, i);
      counts.setAtIndex(JAVA_INT, i, 1);
      sequences.setAtIndex(ADDRESS, i, zero);
      wanted.set(JAVA_BYTE, i, (byte) (i >= n - logitRows ? 1 : 0));
    }
    MemorySegment struct = arena.allocate(BATCH);
    struct.set(JAVA_INT, 0, n);
    put(struct, "token", ids);
    put(struct, "embd", MemorySegment.NULL);
    put(struct, "pos", positions);
    put(struct, "n_seq_id", counts);
    put(struct, "seq_id", sequences);
    put(struct, "logits", wanted);
    return struct;
  }

  private static void put(MemorySegment struct, String field, MemorySegment value) {
    struct.set(ADDRESS, BATCH.byteOffset(MemoryLayout.PathElement.groupElement(field)), value);
  }

  /** Drops llama.cpp's log; the stub lives as long as the libraries, which is for ever. */
  @SuppressWarnings("restricted")
  private void quieten() throws Throwable {
    FunctionDescriptor callback = FunctionDescriptor.ofVoid(JAVA_INT, ADDRESS, ADDRESS);
    MethodHandle drop =
        MethodHandles.empty(
            MethodType.methodType(void.class, int.class, MemorySegment.class, MemorySegment.class));
    MemorySegment stub = LINKER.upcallStub(drop, callback, Arena.global());
    call("llama_log_set", FunctionDescriptor.ofVoid(ADDRESS, ADDRESS))
        .invokeExact(stub, MemorySegment.NULL);
  }

  private static RuntimeException rethrown(Throwable failure) {
    if (failure instanceof Error error) {
      throw error;
    }
    return failure instanceof RuntimeException known
        ? known
        : new PeerException("llama.cpp: " + failure.getMessage());
  }
}
