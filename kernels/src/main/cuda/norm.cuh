// SPDX-License-Identifier: Apache-2.0
// The sum that norms of rows begin with.
#pragma once
#include "portable.cuh"

struct NormShared {
  float partial[32];
};

/// The sum over the block, the same bits for every thread; the order depends on the block's size alone.
__device__ __forceinline__ float blockSum(float x, NormShared& s) {
  int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, warps = blockDim.x >> 5;
  x = warpSum(x);
  if (lane == 0) s.partial[warp] = x;
  __syncthreads();
  return warpSum(lane < warps ? s.partial[lane] : 0.0f);
}
