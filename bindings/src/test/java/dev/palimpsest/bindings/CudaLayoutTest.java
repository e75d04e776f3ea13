/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.bindings.cuda.Cuda;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import org.junit.jupiter.api.Test;

/** Layouts of the generated structs against a C compiler's. */
class CudaLayoutTest {

  /** Name, sizeof, alignof as gcc gives them on x86-64 for the cuda.h of toolkit 13.0. */
  private static final String C_LAYOUTS =
      """
        CUDA_BATCH_MEM_OP_NODE_PARAMS_v2_st 32 8
        CUDA_CHILD_GRAPH_NODE_PARAMS_st 16 8
        CUDA_CONDITIONAL_NODE_PARAMS 32 8
        CUDA_EVENT_RECORD_NODE_PARAMS_st 8 8
        CUDA_EVENT_WAIT_NODE_PARAMS_st 8 8
        CUDA_EXT_SEM_SIGNAL_NODE_PARAMS_v2_st 24 8
        CUDA_EXT_SEM_WAIT_NODE_PARAMS_v2_st 24 8
        CUDA_GRAPH_INSTANTIATE_PARAMS_st 32 8
        CUDA_HOST_NODE_PARAMS_st 16 8
        CUDA_HOST_NODE_PARAMS_v2_st 16 8
        CUDA_KERNEL_NODE_PARAMS_v2_st 72 8
        CUDA_KERNEL_NODE_PARAMS_v3_st 72 8
        CUDA_LAUNCH_PARAMS_st 56 8
        CUDA_MEMCPY2D_st 128 8
        CUDA_MEMCPY3D_st 200 8
        CUDA_MEMCPY_NODE_PARAMS_st 216 8
        CUDA_MEMSET_NODE_PARAMS_st 40 8
        CUDA_MEMSET_NODE_PARAMS_v2_st 48 8
        CUDA_MEM_ALLOC_NODE_PARAMS_v1_st 120 8
        CUDA_MEM_ALLOC_NODE_PARAMS_v2_st 120 8
        CUDA_MEM_FREE_NODE_PARAMS_st 8 8
        CUaccessPolicyWindow_st 32 8
        CUctxCigParam_st 16 8
        CUctxCreateParams_st 24 8
        CUexecAffinityParam_st 8 4
        CUexecAffinitySmCount_st 4 4
        CUgraphEdgeData_st 8 1
        CUgraphExecUpdateResultInfo_st 24 8
        CUgraphNodeParams_st 256 8
        CUlaunchAttributeValue_union 64 8
        CUlaunchAttribute_st 72 8
        CUlaunchConfig_st 56 8
        CUlaunchMemSyncDomainMap_st 2 1
        CUmemAccessDesc_st 12 4
        CUmemAllocationProp_st 32 8
        CUmemLocation_st 8 4
        CUmemPoolProps_st 88 8
        CUmemcpyAttributes_st 24 4
        CUstreamBatchMemOpParams_union 48 8
        CUtensorMap_st 128 128
        CUuuid_st 16 1
      """;

  @Test
  void everyStructHasTheSizeAndAlignmentOfC() throws ReflectiveOperationException {
    int checked = 0;
    for (String line : C_LAYOUTS.lines().toList()) {
      String[] words = line.strip().split(" ");
      Class<?> struct = Class.forName(Cuda.class.getPackageName() + "." + words[0]);
      MemoryLayout layout = (MemoryLayout) struct.getMethod("layout").invoke(null);
      assertEquals(Long.parseLong(words[1]), layout.byteSize(), words[0] + " size");
      if (!words[0].startsWith("CUtensorMap")) { // see the next test
        assertEquals(Long.parseLong(words[2]), layout.byteAlignment(), words[0] + " alignment");
      }
      checked++;
    }
    IncludeList list = IncludeList.read("cuda.includes");
    assertEquals(list.names("struct").size() + list.names("union").size(), checked);
  }

  @Test
  void tensorMapsAreAlignedTo128Bytes() {
    try (Arena arena = Arena.ofConfined()) {
      SegmentAllocator odd = SegmentAllocator.slicingAllocator(arena.allocate(1024, 128));
      for (int i = 0; i < 3; i++) {
        odd.allocate(8, 8); // the next free byte is now off the boundary
        MemorySegment map = TensorMap.allocate(odd);
        assertEquals(0, map.address() % 128);
        assertEquals(128, map.byteSize());
      }
    }
  }
}
