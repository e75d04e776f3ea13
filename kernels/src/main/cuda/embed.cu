// SPDX-License-Identifier: Apache-2.0
// out[i] = table[tokens[i]]; a block a row.
#include "portable.cuh"

namespace {
template <class T>
__device__ __forceinline__ void embed(const T* table, const int* tokens, float* out, int width) {
  const T* from = table + size_t(tokens[blockIdx.x]) * width;
  float* to = out + size_t(blockIdx.x) * width;
  for (int i = threadIdx.x; i < width; i += blockDim.x) to[i] = widen(from[i]);
}
}  // namespace

KERNEL(embed_f32, 256)(const float* table, const int* tokens, float* out, int width) {
  embed(table, tokens, out, width);
}
REGISTER(embed_f32)

KERNEL(embed_bf16, 256)(const bf16* table, const int* tokens, float* out, int width) {
  embed(table, tokens, out, width);
}
REGISTER(embed_bf16)
