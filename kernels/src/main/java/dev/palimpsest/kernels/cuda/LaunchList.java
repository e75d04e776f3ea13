/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.palimpsest.bindings.CudaDriver;
import dev.palimpsest.bindings.CudaStatus;
import dev.palimpsest.bindings.cuda.Cuda;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUstreamCaptureMode;
import jcuda.driver.JCudaDriver;

/**
 * The launches of a step, kept until something needs their results. A list that came before, down
 * to the last argument, is replayed as one CUDA graph: a denoising step repeats its launches
 * exactly until the batch changes, and what varies from step to step is read from device memory. So
 * network code makes its calls op by op and knows nothing of graphs.
 */
final class LaunchList {
  /** Graphs kept; the one that was not used for the longest time goes first. */
  private static final int GRAPHS = 32;

  private static final int HEADER = 6;

  /** The first one brings its input and lets memory grow; in the second nothing may be left. */
  private static final int MOST_RECORDINGS = 4;

  private final CudaContext context;
  private final boolean graphs;
  private final List<Kernel> kernels = new ArrayList<>();
  private final List<Call> calls = new ArrayList<>();
  // Of each launch: its kernel's number, grid, shared bytes, number of arguments, the arguments.
  private long[] words = new long[1024];
  private int size;
  private int launches;
  private long flushes;
  private boolean oneByOne;
  private boolean recording;
  private final Key probe = new Key();
  private final Map<Key, Replay> seen =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Key, Replay> eldest) {
          if (size() > GRAPHS) {
            eldest.getValue().close();
            return true;
          }
          return false;
        }
      };
  private MemorySegment values = MemorySegment.NULL;
  private MemorySegment pointers = MemorySegment.NULL;
  private int mostArguments;
  private final Arena arena;

  /** Work that somebody else gives to the stream, such as a library; its number is negative. */
  interface Call {
    /**
     * Does it, with the words it was added with from {@code at} on.
     *
     * @throws IllegalStateException if it fails; the message has its shapes
     */
    void call(long[] words, int at);
  }

  /** What a list of launches is known by. */
  private static final class Key {
    private long[] words = {};
    private int size;

    @Override
    public int hashCode() {
      int hash = size;
      for (int i = 0; i < size; i++) {
        hash = 31 * hash + Long.hashCode(words[i]);
      }
      return hash;
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Key key && Arrays.equals(words, 0, size, key.words, 0, key.size);
    }
  }

  /** A list that was launched before, and its graph from the second time on. */
  private static final class Replay {
    private CUgraphExec graph;

    void close() {
      if (graph != null) {
        JCudaDriver.cuGraphExecDestroy(graph);
      }
    }
  }

  /**
   * @param graphs false: every launch goes to the stream at once
   */
  LaunchList(CudaContext context, boolean graphs, Arena arena) {
    this.context = context;
    this.graphs = graphs;
    this.arena = arena;
  }

  /** Makes a kernel known; the answer is its number. */
  int register(Kernel kernel, int arguments) {
    if (arguments > mostArguments) {
      mostArguments = arguments;
      values = arena.allocate(JAVA_LONG, arguments);
      pointers = arena.allocate(ADDRESS, arguments);
      for (int i = 0; i < arguments; i++) {
        pointers.setAtIndex(ADDRESS, i, values.asSlice(8L * i));
      }
    }
    kernels.add(kernel);
    return kernels.size() - 1;
  }

  /** Makes a call known; the answer is its number. */
  int register(Call call) {
    calls.add(call);
    return -calls.size();
  }

  /** Keeps a call of five words. */
  void add(int call, long a, long b, long c, long d, long e) {
    if (size + HEADER + 5 > words.length) {
      words = Arrays.copyOf(words, 2 * words.length);
    }
    words[size] = call;
    words[size + 5] = 5;
    words[size + HEADER] = a;
    words[size + HEADER + 1] = b;
    words[size + HEADER + 2] = c;
    words[size + HEADER + 3] = d;
    words[size + HEADER + 4] = e;
    Arrays.fill(words, size + 1, size + 5, 0);
    size += HEADER + 5;
    launches++;
    if (!graphs) {
      flush();
    }
  }

  /** Keeps a launch, with the arguments as they are now. */
  void add(int kernel, int gridX, int gridY, int gridZ, int shared, MemorySegment arguments) {
    int n = (int) (arguments.byteSize() / 8);
    if (size + HEADER + n > words.length) {
      words = Arrays.copyOf(words, 2 * words.length);
    }
    words[size] = kernel;
    words[size + 1] = gridX;
    words[size + 2] = gridY;
    words[size + 3] = gridZ;
    words[size + 4] = shared;
    words[size + 5] = n;
    MemorySegment.copy(arguments, JAVA_LONG, 0, words, size + HEADER, n);
    size += HEADER + n;
    launches++;
    if (!graphs) {
      flush();
    }
  }

  /** How often {@link #flush} has given something to the stream. */
  long flushes() {
    return flushes;
  }

  /** Gives what was kept to the stream. */
  void flush() {
    if (size == 0 || recording) {
      return;
    }
    flushes++;
    try {
      if (!oneByOne) {
        context.begin();
      }
      if (launches == 1 || !graphs || oneByOne) {
        launch();
        return;
      }
      probe.words = words;
      probe.size = size;
      Replay known = seen.get(probe);
      if (known == null) {
        Key key = new Key();
        key.words = Arrays.copyOf(words, size);
        key.size = size;
        seen.put(key, new Replay());
        launch();
      } else {
        if (known.graph == null) {
          known.graph = capture();
        }
        CudaDriver.check(
            JCudaDriver.cuGraphLaunch(known.graph, context.stream()),
            "replaying a step of "
                + launches
                + " launches; run with -D"
                + CudaOptions.CHECKED_PROPERTY
                + "=true to learn which one failed");
      }
    } finally {
      size = 0;
      launches = 0;
    }
  }

  /**
   * Launches that can be made again and again, as a {@link #record} kept them: known by all that
   * they are, down to the last argument.
   */
  static final class Recording {
    private final Key key;
    private final int launches;

    private Recording(Key key, int launches) {
      this.key = key;
      this.launches = launches;
    }

    int launches() {
      return launches;
    }

    @Override
    public int hashCode() {
      return key.hashCode();
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Recording recording && key.equals(recording.key);
    }
  }

  /**
   * The launches that {@code work} adds; the stream gets none of them. What else the work does
   * (memory that grows, input that is brought along) is done, and the work repeated until there is
   * nothing of that.
   *
   * @throws IllegalStateException if it always does something beside its launches
   */
  Recording record(Runnable work) {
    flush();
    for (int i = 0; i < MOST_RECORDINGS; i++) {
      long copies = context.copies();
      recording = true;
      try {
        work.run();
        if (copies == context.copies()) {
          Key key = new Key();
          key.words = Arrays.copyOf(words, size);
          key.size = size;
          return new Recording(key, launches);
        }
      } finally {
        recording = false;
        size = 0;
        launches = 0;
      }
    }
    throw new IllegalStateException(
        "what is to be repeated on the device brings something along each time");
  }

  /** Gives launches to the stream one by one: it is being captured. */
  void launch(Recording recorded) {
    oneByOne(
        () -> {
          words = Arrays.copyOf(recorded.key.words, Math.max(1024, recorded.key.size));
          size = recorded.key.size;
          launches = recorded.launches;
        });
  }

  /** What {@code work} adds goes to the stream launch by launch: it is being captured. */
  void oneByOne(Runnable work) {
    oneByOne = true;
    try {
      work.run();
      flush();
    } finally {
      oneByOne = false;
      size = 0;
      launches = 0;
    }
  }

  private CUgraphExec capture() {
    CUgraph graph = new CUgraph();
    CudaDriver.check(
        JCudaDriver.cuStreamBeginCapture(
            context.stream(), CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
        "cuStreamBeginCapture");
    try {
      launch();
    } finally {
      CudaDriver.check(
          JCudaDriver.cuStreamEndCapture(context.stream(), graph), "cuStreamEndCapture");
    }
    CUgraphExec executable = new CUgraphExec();
    int status = JCudaDriver.cuGraphInstantiate(executable, graph, 0);
    JCudaDriver.cuGraphDestroy(graph);
    CudaDriver.check(status, "instantiating a graph of " + launches + " launches");
    return executable;
  }

  private void launch() {
    // What is being captured cannot be waited for.
    boolean waits = !graphs && !oneByOne;
    for (int at = 0; at < size; ) {
      if (words[at] < 0) {
        calls.get((int) (-words[at] - 1)).call(words, at + HEADER);
        if (waits) {
          CudaDriver.check(
              Cuda.cuStreamSynchronize(context.stream().segment()), "waiting for a library's call");
        }
        at += HEADER + (int) words[at + 5];
        continue;
      }
      Kernel kernel = kernels.get((int) words[at]);
      int n = (int) words[at + 5];
      MemorySegment.copy(words, at + HEADER, values, JAVA_LONG, 0, n);
      int status =
          give(
              kernel,
              (int) words[at + 1],
              (int) words[at + 2],
              (int) words[at + 3],
              (int) words[at + 4]);
      if (status == 0 && waits) {
        status = Cuda.cuStreamSynchronize(context.stream().segment());
      }
      if (status != 0) {
        throw new IllegalStateException(
            "CUDA kernel %s failed: %s (%d); %s"
                .formatted(
                    kernel.name(),
                    new CudaStatus(status).name(),
                    status,
                    kernel.shapes(
                        (int) words[at + 1],
                        (int) words[at + 2],
                        (int) words[at + 3],
                        (int) words[at + 4],
                        values)));
      }
      at += HEADER + n;
    }
  }

  /** A launch with the arguments in {@link #values}; the answer is the driver's status. */
  private int give(Kernel kernel, int gridX, int gridY, int gridZ, int shared) {
    MemorySegment stream = context.stream().segment();
    if (kernel.config().isPresent()) {
      return kernel
          .config()
          .get()
          .launch(kernel.function(), gridX, gridY, gridZ, shared, stream, pointers);
    }
    return Cuda.cuLaunchKernel(
        kernel.function(),
        gridX,
        gridY,
        gridZ,
        kernel.threads(),
        1,
        1,
        shared,
        stream,
        pointers,
        MemorySegment.NULL);
  }

  /** Forgets what was kept, and all graphs. */
  void close() {
    size = 0;
    launches = 0;
    seen.values().forEach(Replay::close);
    seen.clear();
  }
}
