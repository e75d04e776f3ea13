// SPDX-License-Identifier: Apache-2.0
// Rotary position embedding of the query and key heads of fused rows, in place; a block a row.
#include "portable.cuh"

namespace {
/// Element `pair` of a head turns with its partner, at first + stride.
template <bool kHalves>
__device__ __forceinline__ void rotate(float* fused, const int* positions, const float* cosines, const float* sines,
                                       int turned, int headDim, int half, int fusedWidth) {
  float* row = fused + size_t(blockIdx.x) * fusedWidth;
  size_t angles = size_t(positions[blockIdx.x]) * half;
  for (int i = threadIdx.x; i < turned * half; i += blockDim.x) {
    int head = i / half, pair = i % half;
    float* first = row + head * headDim + (kHalves ? pair : 2 * pair);
    float* second = first + (kHalves ? half : 1);
    float a = *first, b = *second;
    float c = cosines[angles + pair], s = sines[angles + pair];
    *first = a * c - b * s;
    *second = b * c + a * s;
  }
}
}  // namespace

KERNEL(rotate_halves, 256)(float* fused, const int* positions, const float* cosines, const float* sines, int turned,
                           int headDim, int half, int fusedWidth) {
  rotate<true>(fused, positions, cosines, sines, turned, headDim, half, fusedWidth);
}
REGISTER(rotate_halves)

KERNEL(rotate_pairs, 256)(float* fused, const int* positions, const float* cosines, const float* sines, int turned,
                          int headDim, int half, int fusedWidth) {
  rotate<false>(fused, positions, cosines, sines, turned, headDim, half, fusedWidth);
}
REGISTER(rotate_pairs)
