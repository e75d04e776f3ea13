/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.palimpsest.bindings.CudaDriver;
import dev.palimpsest.bindings.cuda.CUDA_CONDITIONAL_NODE_PARAMS;
import dev.palimpsest.bindings.cuda.CUgraphNodeParams;
import dev.palimpsest.bindings.cuda.Cuda;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;
import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.JCudaDriver;

/**
 * Launches that are repeated while an int in device memory is not 0. All that changes from turn to
 * turn lies in device memory, so that every turn is the same launches: one graph replay for the
 * host, or the body of a WHILE node.
 *
 * <p>The body is ended by what it computes. Once the flag is 0 another turn must change nothing:
 * {@link LoopWay#LAGGED} makes one turn too many.
 */
final class DeviceLoop implements AutoCloseable {
  private static final int THREAD_LOCAL_CAPTURE = 1;

  /** Graphs kept; the one that was not used for the longest time goes first. */
  private static final int GRAPHS = 32;

  private final CudaContext context;
  private final LoopWay way;
  private final Runnable body;
  private final long flag;
  private final Kernel again;
  private final MemorySegment seen;
  private final CUevent[] read = new CUevent[2];
  private final Map<LaunchList.Recording, MemorySegment> executables =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<LaunchList.Recording, MemorySegment> eldest) {
          if (size() > GRAPHS) {
            Cuda.cuGraphExecDestroy(eldest.getValue());
            return true;
          }
          return false;
        }
      };
  private int turns;

  /**
   * @param body makes the launches of a turn, the same ones each time within a {@link #run}; called
   *     once or more often
   * @param flag device address of the int
   * @param again a kernel of one block that takes a conditional handle and the flag's address, and
   *     sets the condition; used by {@link LoopWay#DEVICE}
   */
  DeviceLoop(
      CudaContext context,
      DeviceMemory memory,
      LoopWay way,
      Runnable body,
      long flag,
      Kernel again) {
    this.context = context;
    this.way = way;
    this.body = body;
    this.flag = flag;
    this.again = again;
    seen = memory.pinned(2 * JAVA_INT.byteSize());
    for (int i = 0; i < read.length; i++) {
      read[i] = new CUevent();
      CudaContext.check(
          JCudaDriver.cuEventCreate(read[i], CUevent_flags.CU_EVENT_DISABLE_TIMING),
          "cuEventCreate");
    }
  }

  /**
   * Runs turns until the flag is 0; at least one. Returns when the device is done.
   *
   * @param most turns that the host makes before it gives up
   * @throws IllegalStateException if the flag is not 0 after so many
   */
  void run(int most) {
    turns = 0;
    switch (way) {
      case HOST -> host(most);
      case LAGGED -> lagged(most);
      case DEVICE -> device();
    }
  }

  /** Turns that the host enqueued in the last {@link #run}; 1 where the device repeats. */
  int turns() {
    return turns;
  }

  /** Graphs that are kept, one for each list of launches that a turn has been. */
  int graphs() {
    return executables.size();
  }

  private void turn() {
    turns++;
    body.run();
  }

  private void host(int most) {
    do {
      giveUp(most);
      turn();
      context.download(flag, seen, 0, JAVA_INT.byteSize());
      context.synchronize("waiting for a turn of a loop");
    } while (seen.get(JAVA_INT, 0) != 0);
  }

  private void lagged(int most) {
    boolean last = false;
    for (int i = 0; !last; i++) {
      giveUp(most);
      turn();
      context.download(flag, seen, 4L * (i & 1), JAVA_INT.byteSize());
      CudaContext.check(JCudaDriver.cuEventRecord(read[i & 1], context.stream()), "cuEventRecord");
      if (i > 0) {
        int before = i - 1 & 1;
        CudaContext.check(
            JCudaDriver.cuEventSynchronize(read[before]), "waiting for a turn of a loop");
        last = seen.getAtIndex(JAVA_INT, before) == 0;
      }
    }
    context.synchronize("waiting for a loop to end");
  }

  private void giveUp(int most) {
    if (turns >= most) {
      throw new IllegalStateException(
          "a loop on the device has not ended after " + most + " turns");
    }
  }

  private void device() {
    LaunchList.Recording turn = context.launches().record(body);
    context.begin();
    MemorySegment executable = executables.get(turn);
    if (executable == null) {
      executable = instantiate(turn);
      executables.put(turn, executable);
    }
    turns++;
    CudaDriver.check(
        Cuda.cuGraphLaunch(executable, context.stream().segment()), "launching a loop");
    context.synchronize("waiting for a loop to end");
  }

  /** A graph of one WHILE node, whose body is captured from a turn. */
  private MemorySegment instantiate(LaunchList.Recording turn) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ADDRESS);
      CudaDriver.check(Cuda.cuGraphCreate(out, 0), "cuGraphCreate");
      MemorySegment graph = out.get(ADDRESS, 0);
      try {
        MemorySegment handle = arena.allocate(JAVA_LONG);
        CudaDriver.check(
            Cuda.cuGraphConditionalHandleCreate(
                handle, graph, context.segment(), 1, Cuda.CU_GRAPH_COND_ASSIGN_DEFAULT()),
            "cuGraphConditionalHandleCreate");
        MemorySegment params = CUgraphNodeParams.allocate(arena);
        CUgraphNodeParams.type(params, Cuda.CU_GRAPH_NODE_TYPE_CONDITIONAL());
        MemorySegment conditional = CUgraphNodeParams.conditional(params);
        CUDA_CONDITIONAL_NODE_PARAMS.handle(conditional, handle.get(JAVA_LONG, 0));
        CUDA_CONDITIONAL_NODE_PARAMS.type(conditional, Cuda.CU_GRAPH_COND_TYPE_WHILE());
        CUDA_CONDITIONAL_NODE_PARAMS.size(conditional, 1);
        CUDA_CONDITIONAL_NODE_PARAMS.ctx(conditional, context.segment());
        CudaDriver.check(
            Cuda.cuGraphAddNode_v2(out, graph, MemorySegment.NULL, MemorySegment.NULL, 0, params),
            "cuGraphAddNode of a WHILE node");
        capture(turn, body(conditional), handle.get(JAVA_LONG, 0), out);
        CudaDriver.check(Cuda.cuGraphInstantiateWithFlags(out, graph, 0), "instantiating a loop");
        return out.get(ADDRESS, 0);
      } finally {
        Cuda.cuGraphDestroy(graph);
      }
    }
  }

  @SuppressWarnings("restricted")
  private static MemorySegment body(MemorySegment conditional) {
    return CUDA_CONDITIONAL_NODE_PARAMS
        .phGraph_out(conditional)
        .reinterpret(ADDRESS.byteSize())
        .get(ADDRESS, 0);
  }

  private void capture(
      LaunchList.Recording turn, MemorySegment graph, long handle, MemorySegment out) {
    MemorySegment stream = context.stream().segment();
    CudaDriver.check(
        Cuda.cuStreamBeginCaptureToGraph(
            stream, graph, MemorySegment.NULL, MemorySegment.NULL, 0, THREAD_LOCAL_CAPTURE),
        "cuStreamBeginCaptureToGraph");
    int status;
    try {
      context.launches().launch(turn);
      context.launches().oneByOne(() -> again.set(0, handle).set(1, flag).launch(1));
    } finally {
      status = Cuda.cuStreamEndCapture(stream, out);
    }
    CudaDriver.check(status, "capturing a turn of a loop");
  }

  @Override
  public void close() {
    for (CUevent event : read) {
      JCudaDriver.cuEventDestroy(event);
    }
    executables.values().forEach(Cuda::cuGraphExecDestroy);
    executables.clear();
  }
}
