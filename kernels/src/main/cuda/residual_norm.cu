// SPDX-License-Identifier: Apache-2.0
// Adds to the residual stream and normalises what comes of it: x = (x + y) + bias, out = x / sqrt(mean(x²) + eps) ·
// weight. A block a row. The bits are those of the additions and of rms_norm after each other.
#include "norm.cuh"

namespace {

/// Elements of a row that a block keeps between its sum and its norm; those of wider rows are read again.
constexpr int kKept = 8192;

struct ResidualShared {
  NormShared norm;
  float kept[kKept];  // as many as the row is wide
};

template <class T>
__device__ __forceinline__ void residualNorm(float* __restrict__ x, const float* __restrict__ y,
                                             const float* __restrict__ bias, const float* __restrict__ weight,
                                             T* __restrict__ out, int width, float eps) {
  ResidualShared& s = SHARED(ResidualShared);
  size_t row = size_t(blockIdx.x) * width;
  x += row;
  out += row;
  if (y != nullptr) y += row;
  float squares = 0.0f;
  for (int i = threadIdx.x; i < width; i += blockDim.x) {
    float e = x[i];
    if (y != nullptr) e = e + y[i];
    if (bias != nullptr) e = e + bias[i];
    x[i] = e;
    if (i < kKept) s.kept[i] = e;
    squares = fmaf(e, e, squares);
  }
  squares = blockSum(squares, s.norm);
  float inverse = 1.0f / sqrtf(squares / float(width) + eps);
  for (int i = threadIdx.x; i < width; i += blockDim.x) {
    float e = i < kKept ? s.kept[i] : x[i];
    store(out + i, e * inverse * weight[i]);
  }
}

}  // namespace

/// `y`, rows as wide as x's, and `bias`, one row, may be null.
KERNEL(residual_norm_f32, 256)(float* x, const float* y, const float* bias, const float* weight, float* out, int width,
                               float eps) {
  residualNorm(x, y, bias, weight, out, width, eps);
}
REGISTER(residual_norm_f32)

KERNEL(residual_norm_bf16, 256)(float* x, const float* y, const float* bias, const float* weight, bf16* out, int width,
                                float eps) {
  residualNorm(x, y, bias, weight, out, width, eps);
}
REGISTER(residual_norm_bf16)
