// SPDX-License-Identifier: Apache-2.0
// Half resolution, back to full, and rows gathered by number; a block a row.
#include "portable.cuh"

namespace {

/// Where the four rows that a half row is made of begin, and which of them its sequence has, a bit each.
struct Window {
  int first, has;
};

template <class T>
__device__ __forceinline__ void downsample(const float* x, const Window* windows, const float* taps, T* out,
                                           int width) {
  Window w = windows[blockIdx.x];
  const float* from = x + int64_t(w.first) * width;
  for (int i = threadIdx.x; i < width; i += blockDim.x) {
    float y = 0.0f;
    UNROLL
    for (int k = 0; k < 4; k++) {
      if (w.has >> k & 1) y = fmaf(taps[k * width + i], from[k * width + i], y);
    }
    store(out + size_t(blockIdx.x) * width + i, y);
  }
}

template <class T>
__device__ __forceinline__ void gather(const float* x, const int* index, T* out, int width) {
  int row = index[blockIdx.x];
  T* to = out + size_t(blockIdx.x) * width;
  for (int i = threadIdx.x; i < width; i += blockDim.x) store(to + i, row < 0 ? 0.0f : x[size_t(row) * width + i]);
}

}  // namespace

#define RESAMPLING(T, type)                                                                                      \
  KERNEL(downsample_##type, 256)(const float* x, const Window* windows, const float* taps, T* out, int width) {  \
    downsample(x, windows, taps, out, width);                                                                    \
  }                                                                                                              \
  REGISTER(downsample_##type)                                                                                    \
  KERNEL(gather_latents_##type, 256)(const float* x, const int* index, T* out, int width) {                      \
    gather(x, index, out, width);                                                                                \
  }                                                                                                              \
  REGISTER(gather_latents_##type)

RESAMPLING(float, f32)
RESAMPLING(bf16, bf16)

/// x[i] += gate · h[from[i]]
KERNEL(upsample_add, 256)(const float* h, const int* from, const float* gate, float* x, int width) {
  const float* y = h + size_t(from[blockIdx.x]) * width;
  float* to = x + size_t(blockIdx.x) * width;
  for (int i = threadIdx.x; i < width; i += blockDim.x) to[i] = fmaf(gate[i], y[i], to[i]);
}
REGISTER(upsample_add)
