// SPDX-License-Identifier: Apache-2.0
// RMS norms of rows and of heads.
#include "norm.cuh"

namespace {

template <class T>
__device__ __forceinline__ void rmsNorm(const float* x, const int* index, const float* weight, T* out, int width,
                                        float eps) {
  size_t row = index != nullptr ? size_t(index[blockIdx.x]) : size_t(blockIdx.x);
  const float* from = x + row * width;
  T* to = out + size_t(blockIdx.x) * width;
  float squares = 0.0f;
  for (int i = threadIdx.x; i < width; i += blockDim.x) squares = fmaf(from[i], from[i], squares);
  squares = blockSum(squares, SHARED(NormShared));
  float inverse = 1.0f / sqrtf(squares / float(width) + eps);
  for (int i = threadIdx.x; i < width; i += blockDim.x) store(to + i, from[i] * inverse * weight[i]);
}

}  // namespace

/// A block a row; `index` names the rows of x, or is null for the first ones.
KERNEL(rms_norm_f32, 256)(const float* x, const int* index, const float* weight, float* out, int width, float eps) {
  rmsNorm(x, index, weight, out, width, eps);
}
REGISTER(rms_norm_f32)

KERNEL(rms_norm_bf16, 256)(const float* x, const int* index, const float* weight, bf16* out, int width, float eps) {
  rmsNorm(x, index, weight, out, width, eps);
}
REGISTER(rms_norm_bf16)

/// RMS norm of each query and key head of fused rows, in place; a warp a head, gridDim.x rows.
KERNEL(head_norm, 128)(float* fused, const float* queryWeight, const float* keyWeight, int queryHeads, int turned,
                       int headDim, int fusedWidth, float eps) {
  int head = int(blockIdx.y) * 4 + (threadIdx.x >> 5), lane = threadIdx.x & 31;
  if (head >= turned) return;
  float* x = fused + size_t(blockIdx.x) * fusedWidth + head * headDim;
  const float* weight = head < queryHeads ? queryWeight : keyWeight;
  float squares = 0.0f;
  for (int i = lane; i < headDim; i += 32) squares = fmaf(x[i], x[i], squares);
  squares = warpSum(squares);
  float inverse = 1.0f / sqrtf(squares / float(headDim) + eps);
  for (int i = lane; i < headDim; i += 32) x[i] = x[i] * inverse * weight[i];
}
REGISTER(head_norm)
