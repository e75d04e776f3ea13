/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.bindings.cuda.CUlaunchAttribute;
import dev.palimpsest.bindings.cuda.CUlaunchAttributeValue_union;
import dev.palimpsest.bindings.cuda.CUlaunchConfig;
import dev.palimpsest.bindings.cuda.Cuda;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The {@code CUlaunchConfig} of a kernel with attributes, laid out once; its launches fill it in.
 */
final class LaunchConfig {
  private final LaunchAttributes attributes;
  private final MemorySegment config;

  LaunchConfig(Arena arena, LaunchAttributes attributes, int threads) {
    this.attributes = attributes;
    config = CUlaunchConfig.allocate(arena);
    MemorySegment list = CUlaunchAttribute.allocateArray(2, arena);
    int n = 0;
    if (attributes.clusters()) {
      MemorySegment one = CUlaunchAttribute.asSlice(list, n++);
      CUlaunchAttribute.id(one, Cuda.CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION());
      MemorySegment dimensions =
          CUlaunchAttributeValue_union.clusterDim(CUlaunchAttribute.value(one));
      CUlaunchAttributeValue_union.clusterDim.x(dimensions, attributes.clusterX());
      CUlaunchAttributeValue_union.clusterDim.y(dimensions, attributes.clusterY());
      CUlaunchAttributeValue_union.clusterDim.z(dimensions, attributes.clusterZ());
    }
    if (attributes.overlaps()) {
      MemorySegment one = CUlaunchAttribute.asSlice(list, n++);
      CUlaunchAttribute.id(one, Cuda.CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION());
      CUlaunchAttributeValue_union.programmaticStreamSerializationAllowed(
          CUlaunchAttribute.value(one), 1);
    }
    CUlaunchConfig.blockDimX(config, threads);
    CUlaunchConfig.blockDimY(config, 1);
    CUlaunchConfig.blockDimZ(config, 1);
    CUlaunchConfig.attrs(config, list);
    CUlaunchConfig.numAttrs(config, n);
  }

  LaunchAttributes attributes() {
    return attributes;
  }

  /**
   * Gives a launch to the stream.
   *
   * @return the driver's status
   */
  int launch(
      MemorySegment function,
      int gridX,
      int gridY,
      int gridZ,
      int shared,
      MemorySegment stream,
      MemorySegment arguments) {
    CUlaunchConfig.gridDimX(config, gridX);
    CUlaunchConfig.gridDimY(config, gridY);
    CUlaunchConfig.gridDimZ(config, gridZ);
    CUlaunchConfig.sharedMemBytes(config, shared);
    CUlaunchConfig.hStream(config, stream);
    return Cuda.cuLaunchKernelEx(config, function, arguments, MemorySegment.NULL);
  }
}
