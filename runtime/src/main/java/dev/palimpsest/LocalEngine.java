/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest;

import dev.palimpsest.GenerationRequest.Piece;
import dev.palimpsest.cache.KvPool;
import dev.palimpsest.cache.LatentPool;
import dev.palimpsest.family.Families;
import dev.palimpsest.family.HybridDescription;
import dev.palimpsest.family.HybridFamily;
import dev.palimpsest.family.ModelDescription;
import dev.palimpsest.kernels.Device;
import dev.palimpsest.network.HybridConfig;
import dev.palimpsest.network.HybridModel;
import dev.palimpsest.network.ModelConfig;
import dev.palimpsest.network.Transformer;
import dev.palimpsest.process.Canvas;
import dev.palimpsest.schedule.Scheduler;
import dev.palimpsest.schedule.Steps;
import dev.palimpsest.schedule.Terms;
import dev.palimpsest.text.ChatFormat;
import dev.palimpsest.text.Tokenizer;
import dev.palimpsest.text.Tokenizers;
import dev.palimpsest.weights.Checkpoint;
import dev.palimpsest.weights.Checkpoints;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import java.util.stream.IntStream;

/** An engine in this process: one checkpoint, one device, one scheduler. */
final class LocalEngine implements Engine {
  private static final Executor CALLBACKS =
      task -> Thread.ofVirtual().name("palimpsest-callback").start(task);

  /** A thread that owns no memory. */
  private static final Thread ELSEWHERE = Thread.ofPlatform().unstarted(() -> {});

  private final Checkpoint checkpoint;
  private final Served model;
  private final Optional<Tokenizer> tokenizer;
  private final Device device;
  private final Scheduler scheduler;
  private final int[] endTokens;
  private final Outstanding unmade = new Outstanding();
  private final AtomicBoolean closed = new AtomicBoolean();

  private LocalEngine(
      Checkpoint checkpoint,
      Served model,
      Optional<Tokenizer> tokenizer,
      Device device,
      EngineOptions options,
      LongSupplier clock) {
    this.checkpoint = checkpoint;
    this.model = model;
    this.tokenizer = tokenizer;
    this.device = device;
    this.endTokens = endTokens(model, tokenizer);
    this.scheduler =
        new Scheduler(
            model,
            model.config().shiftedLogits(),
            options.maxBatchTokens(),
            options.maxQueued(),
            clock);
  }

  static LocalEngine open(Path path, EngineOptions options, LoadListener listener) {
    return open(path, options, listener, System::nanoTime);
  }

  /**
   * @param clock nanoseconds, which deadlines are measured by
   */
  static LocalEngine open(
      Path path, EngineOptions options, LoadListener listener, LongSupplier clock) {
    List<AutoCloseable> opened = new ArrayList<>();
    try {
      Checkpoint checkpoint = Checkpoints.open(path);
      opened.add(checkpoint);
      return HybridFamily.is(checkpoint)
          ? openHybrid(checkpoint, options, listener, clock, opened)
          : openTransformer(checkpoint, options, listener, clock, opened);
    } catch (RuntimeException | Error e) {
      closeAll(opened.reversed(), e);
      throw e;
    }
  }

  private static LocalEngine openTransformer(
      Checkpoint checkpoint,
      EngineOptions options,
      LoadListener listener,
      LongSupplier clock,
      List<AutoCloseable> opened) {
    ModelDescription model = Families.describe(checkpoint);
    Optional<Tokenizer> tokenizer = Tokenizers.open(checkpoint);
    tokenizer.ifPresent(opened::add);
    Device device = ComputeDevice.open(options, cuda -> WeightMemory.bytes(model.weights(), cuda));
    opened.add(device);
    long start = System.nanoTime();
    ModelConfig config = model.config();
    Transformer network =
        new Transformer(
            device, config, model.weights(), done -> listener.packed(done, config.layers()));
    ComputeDevice.loaded(device, System.nanoTime() - start);
    KvPool pages =
        new KvPool(
            device, config.layers(), config.heads(), ComputeDevice.kvCacheBudget(device, options));
    Served served = new ServedTransformer(model, network, pages, options.maxBatchTokens());
    return new LocalEngine(checkpoint, served, tokenizer, device, options, clock);
  }

  private static LocalEngine openHybrid(
      Checkpoint checkpoint,
      EngineOptions options,
      LoadListener listener,
      LongSupplier clock,
      List<AutoCloseable> opened) {
    HybridDescription model = HybridFamily.describe(checkpoint);
    Optional<Tokenizer> tokenizer = Tokenizers.open(checkpoint);
    tokenizer.ifPresent(opened::add);
    Device device = ComputeDevice.open(options, cuda -> WeightMemory.atMost(checkpoint));
    opened.add(device);
    HybridModel network = new HybridModel(device, model.config(), model.weights());
    listener.packed(1, 1);
    LatentPool pool =
        new LatentPool(
            device, model.config().width(), ComputeDevice.kvCacheBudget(device, options));
    return new LocalEngine(
        checkpoint, new ServedHybrid(network, pool), tokenizer, device, options, clock);
  }

  /** End-of-text, and for a chat model the end of a turn. */
  private static int[] endTokens(Served model, Optional<Tokenizer> tokenizer) {
    IntStream.Builder ends = IntStream.builder();
    if (model.config().endToken() >= 0) {
      ends.add(model.config().endToken());
    }
    Optional<String> endOfTurn = model.chatFormat().flatMap(ChatFormat::endOfTurn);
    if (endOfTurn.isPresent() && tokenizer.isPresent()) {
      tokenizer.get().id(endOfTurn.get()).ifPresent(ends::add);
    }
    return ends.build().distinct().toArray();
  }

  @Override
  public ModelConfig config() {
    return model.config();
  }

  @Override
  public String chatFormat() {
    return model.chatFormat().map(ChatFormat::name).orElse("");
  }

  /** Pages of all requests' caches, of a model that has them. */
  KvPool cachePages() {
    return switch (model) {
      case ServedTransformer transformer -> transformer.cachePages();
      case ServedHybrid _ -> throw new IllegalStateException("a latent model caches nothing");
    };
  }

  /** What steps all requests. */
  Scheduler scheduler() {
    return scheduler;
  }

  @Override
  public Optional<HybridConfig> latent() {
    return model.latent();
  }

  @Override
  public String device() {
    return device.describe();
  }

  @Override
  public Tokenizer tokenizer() {
    return tokenizer.orElseThrow(
        () ->
            new IllegalStateException(
                checkpoint.path()
                    + " has no tokenizer: put the model's tokenizer.json beside its weights, or give token ids"));
  }

  @Override
  public Generation submit(GenerationRequest request) {
    Prepared prepared = prepare(request);
    unmade.add();
    try {
      scheduler.submit(prepared.steps, terms(request), prepared.generation);
    } catch (RuntimeException e) {
      unmade.remove();
      throw e;
    }
    return prepared.generation;
  }

  @Override
  public Generation submit(GenerationRequest request, Duration patience)
      throws InterruptedException {
    Prepared prepared = prepare(request);
    unmade.add();
    try {
      scheduler.submit(prepared.steps, terms(request), prepared.generation, patience);
    } catch (RuntimeException | InterruptedException e) {
      unmade.remove();
      throw e;
    }
    return prepared.generation;
  }

  /** A request as the scheduler takes it. */
  private record Prepared(Steps steps, RunningGeneration generation) {}

  private Prepared prepare(GenerationRequest request) {
    long submitted = System.nanoTime();
    ModelConfig config = model.config();
    CanvasPlan plan = CanvasPlan.of(request.pieces(), config, model.mostPositions(), this::encode);
    Steps steps = model.steps(request, plan, suppressed(request, plan), endTokens);
    RunningGeneration generation =
        new RunningGeneration(
            config.maskToken(),
            (canvas, calls) ->
                result(
                    request, plan, canvas, calls, Duration.ofNanos(System.nanoTime() - submitted)),
            partial ->
                new DeadlineExceededException(
                    request.deadline().orElseThrow(), plan.asked(), partial),
            CALLBACKS,
            unmade::remove);
    return new Prepared(steps, generation);
  }

  private static Terms terms(GenerationRequest request) {
    return new Terms(request.priority(), request.deadline(), request.finishWithin());
  }

  private int[] encode(Piece piece) {
    return switch (piece) {
      case Piece.Text text -> tokenizer().encode(text.text());
      case Piece.Chat chat -> encodeChat(chat.messages());
      case Piece.Tokens tokens -> tokens.ids().stream().mapToInt(Integer::intValue).toArray();
      case Piece.Hole _, Piece.Draft _ ->
          throw new IllegalArgumentException("what is to be written is no text");
    };
  }

  private int[] encodeChat(List<GenerationRequest.Message> messages) {
    ChatFormat format =
        model
            .chatFormat()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        checkpoint.path()
                            + " is a base model without a chat format: give it text to complete"
                            + " instead"));
    return format.encode(messages, tokenizer());
  }

  private int[] suppressed(GenerationRequest request, CanvasPlan plan) {
    if (!request.plainTextOnly()) {
      return new int[0];
    }
    IntStream mask = IntStream.of(model.config().maskToken()).filter(token -> token >= 0);
    return (plan.infills() ? IntStream.concat(mask, Arrays.stream(endTokens)) : mask).toArray();
  }

  private GenerationResult result(
      GenerationRequest request, CanvasPlan plan, Canvas canvas, int calls, Duration elapsed) {
    // Nothing is on the canvas of a request that has never started.
    int[] tokens = canvas.length() == 0 ? plan.tokens() : canvas.tokens();
    List<String> holes = new ArrayList<>();
    int written = 0;
    for (CanvasPlan.Span hole : plan.holes()) {
      int[] part = Arrays.copyOfRange(tokens, hole.from(), hole.to());
      written += (int) Arrays.stream(part).filter(token -> token != canvas.maskToken()).count();
      holes.add(decode(request.stopAtEnd() ? untilEnd(part) : part));
    }
    return new GenerationResult(
        Arrays.stream(tokens).boxed().toList(), decode(tokens), holes, written, calls, elapsed);
  }

  private int[] untilEnd(int[] tokens) {
    int length = 0;
    while (length < tokens.length && !isEnd(tokens[length])) {
      length++;
    }
    return Arrays.copyOf(tokens, length);
  }

  private boolean isEnd(int token) {
    return Arrays.stream(endTokens).anyMatch(end -> end == token);
  }

  /**
   * Text of tokens; empty for a model without a tokenizer, whose users read the tokens. What has
   * not been written by a model without MASK has no text.
   */
  private String decode(int[] tokens) {
    int[] written = Arrays.stream(tokens).filter(token -> token >= 0).toArray();
    return tokenizer.map(t -> t.decode(written, false)).orElse("");
  }

  @Override
  public GenerationResult generate(GenerationRequest request) {
    return await(submit(request).result());
  }

  @Override
  public void logits(int[] tokens, MemorySegment out) {
    int[] canvas =
        CanvasPlan.of(
                List.of(new Piece.Tokens(Arrays.stream(tokens).boxed().toList())),
                model.config(),
                model.mostPositions(),
                this::encode)
            .tokens();
    int length = canvas.length;
    long bytes = 4L * length * model.config().vocabulary();
    if (out.byteSize() < bytes || out.isReadOnly()) {
      throw new IllegalArgumentException(
          "logits: out must be writable and hold %d x %d floats, %d bytes; found %d%s"
              .formatted(
                  length,
                  model.config().vocabulary(),
                  bytes,
                  out.byteSize(),
                  out.isReadOnly() ? ", read-only" : ""));
    }
    if (out.isAccessibleBy(ELSEWHERE)) {
      await(scheduler.call(() -> forward(canvas, out)));
      return;
    }
    // Memory of the caller's thread alone, which this thread has to write.
    try (Arena arena = Arena.ofShared()) {
      MemorySegment mine = arena.allocate(bytes, 64);
      await(scheduler.call(() -> forward(canvas, mine)));
      MemorySegment.copy(mine, 0, out, 0, bytes);
    }
  }

  private Boolean forward(int[] tokens, MemorySegment out) {
    model.logits(tokens, out);
    return true;
  }

  private static <T> T await(CompletableFuture<T> future) {
    try {
      return future.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        cause.addSuppressed(e);
        throw cause;
      }
      throw e;
    }
  }

  @Override
  public EngineLoad load() {
    return model.load(scheduler.running(), scheduler.waiting());
  }

  @Override
  public boolean closeGracefully(Duration patience) {
    boolean finished = scheduler.drain(patience);
    close();
    return finished;
  }

  @Override
  public void close() {
    scheduler.close();
    if (closed.compareAndSet(false, true)) {
      // Texts are made with the tokenizer.
      unmade.awaitNone();
      List<AutoCloseable> parts = new ArrayList<>(List.of(device));
      tokenizer.ifPresent(parts::add);
      parts.add(checkpoint);
      closeAll(parts, null);
    }
  }

  /**
   * Closes all parts even if some fail; their failures go to {@code cause}, or are thrown when
   * there is none.
   */
  private static void closeAll(List<AutoCloseable> parts, Throwable cause) {
    RuntimeException failure = null;
    for (AutoCloseable part : parts) {
      try {
        part.close();
      } catch (Exception e) {
        if (cause != null) {
          cause.addSuppressed(e);
        } else if (failure == null) {
          failure = new IllegalStateException("closing " + part + " failed", e);
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
  }
}
