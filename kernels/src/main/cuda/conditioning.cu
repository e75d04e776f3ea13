// SPDX-License-Identifier: Apache-2.0
// What conditions the rows of a latent network on time: adaptive norms, gates, the input of its convolutions. Row i
// goes by row rowOf[i] of the modulation; scale and shift lie there side by side.
#include "norm.cuh"

namespace {

template <class T>
__device__ __forceinline__ void embedAdd(const T* table, const int* index, float* x, int width) {
  const T* from = table + size_t(index[blockIdx.x]) * width;
  float* to = x + size_t(blockIdx.x) * width;
  for (int i = threadIdx.x; i < width; i += blockDim.x) to[i] = to[i] + widen(from[i]);
}

/// RMS norm without a weight, scaled and shifted (DiT's AdaLN; Peebles and Xie, 2022); a block a row.
template <class T>
__device__ __forceinline__ void adaNorm(const float* x, const int* index, const float* modulation, const int* rowOf,
                                        T* out, int width, int columns, int column, float eps) {
  int row = index != nullptr ? index[blockIdx.x] : int(blockIdx.x);
  const float* from = x + size_t(row) * width;
  const float* scale = modulation + size_t(rowOf[row]) * columns + column;
  const float* shift = scale + width;
  T* to = out + size_t(blockIdx.x) * width;
  float squares = 0.0f;
  for (int i = threadIdx.x; i < width; i += blockDim.x) squares = fmaf(from[i], from[i], squares);
  squares = blockSum(squares, SHARED(NormShared));
  float inverse = 1.0f / sqrtf(squares / float(width) + eps);
  for (int i = threadIdx.x; i < width; i += blockDim.x) {
    store(to + i, fmaf(from[i] * inverse, 1.0f + scale[i], shift[i]));
  }
}

/// Which neighbours of its sequence a row has.
enum { kLeft = 1, kRight = 2 };

/// Group norm (Wu and He, 2018) of a row, FiLM (Perez et al., 2017) where there is a modulation, SiLU; what comes of
/// it goes to the middle of its own output row, to the right of the one before and to the left of the one after. A
/// block a row, a warp a group of channels.
template <class T>
__device__ __forceinline__ void convolutionInput(const float* x, const int* neighbours, const float* modulation,
                                                 const int* rowOf, T* out, int width, int groups, int columns,
                                                 int column, float eps) {
  int row = blockIdx.x, lane = threadIdx.x & 31, warp = threadIdx.x >> 5, n = width / groups;
  int has = neighbours[row];
  const float* scale = modulation != nullptr ? modulation + size_t(rowOf[row]) * columns + column : nullptr;
  T* own = out + size_t(row) * 3 * width;
  for (int g = warp; g < groups; g += int(blockDim.x) >> 5) {
    const float* from = x + size_t(row) * width + g * n;
    float sum = 0.0f, squares = 0.0f;
    for (int i = lane; i < n; i += 32) sum += from[i];
    float mean = warpSum(sum) / float(n);
    for (int i = lane; i < n; i += 32) squares = fmaf(from[i] - mean, from[i] - mean, squares);
    float inverse = 1.0f / sqrtf(warpSum(squares) / float(n) + eps);
    for (int i = lane; i < n; i += 32) {
      int c = g * n + i;
      float y = (from[i] - mean) * inverse;
      if (scale != nullptr) y = fmaf(y, 1.0f + scale[c], scale[width + c]);
      y = y / (1.0f + exponential(-y));
      store(own + width + c, y);
      if (has & kLeft) {
        store(own - width + c, y);  // the last third of the row before
      } else {
        store(own + c, 0.0f);
      }
      if (has & kRight) {
        store(own + 3 * width + c, y);  // the first third of the row after
      } else {
        store(own + 2 * width + c, 0.0f);
      }
    }
  }
}

template <class T>
__device__ __forceinline__ void timeFeatures(const float* times, T* out, int width) {
  int half = width / 2;
  for (int j = threadIdx.x; j < half; j += blockDim.x) {
    double angle = 1000 * pow(10000.0, -double(j) / half) * double(times[blockIdx.x]);
    store(out + size_t(blockIdx.x) * width + 2 * j, float(cos(angle)));
    store(out + size_t(blockIdx.x) * width + 2 * j + 1, float(sin(angle)));
  }
}

}  // namespace

/// x[i] += table[index[i]]; a block a row.
KERNEL(embed_add_f32, 256)(const float* table, const int* index, float* x, int width) {
  embedAdd(table, index, x, width);
}
REGISTER(embed_add_f32)
KERNEL(embed_add_bf16, 256)(const bf16* table, const int* index, float* x, int width) {
  embedAdd(table, index, x, width);
}
REGISTER(embed_add_bf16)

#define CONDITIONING(T, type)                                                                                          \
  KERNEL(ada_norm_##type, 256)(const float* x, const int* index, const float* modulation, const int* rowOf, T* out,    \
                               int width, int columns, int column, float eps) {                                        \
    adaNorm(x, index, modulation, rowOf, out, width, columns, column, eps);                                            \
  }                                                                                                                    \
  REGISTER(ada_norm_##type)                                                                                            \
  KERNEL(convolution_input_##type, 256)(const float* x, const int* neighbours, const float* modulation,                \
                                        const int* rowOf, T* out, int width, int groups, int columns, int column,      \
                                        float eps) {                                                                   \
    convolutionInput(x, neighbours, modulation, rowOf, out, width, groups, columns, column, eps);                      \
  }                                                                                                                    \
  REGISTER(convolution_input_##type)                                                                                   \
  KERNEL(time_features_##type, 64)(const float* times, T* out, int width) { timeFeatures(times, out, width); }         \
  REGISTER(time_features_##type)

CONDITIONING(float, f32)
CONDITIONING(bf16, bf16)

/// x[i] += gate · y[i]; a block a row.
KERNEL(gate_add, 256)(float* x, const float* y, const float* modulation, const int* rowOf, int width, int columns,
                      int column) {
  const float* gate = modulation + size_t(rowOf[blockIdx.x]) * columns + column;
  size_t row = size_t(blockIdx.x) * width;
  for (int i = threadIdx.x; i < width; i += blockDim.x) x[row + i] = fmaf(gate[i], y[row + i], x[row + i]);
}
REGISTER(gate_add)
