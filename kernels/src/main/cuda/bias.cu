// SPDX-License-Identifier: Apache-2.0
// x[i] += bias; a block a row.
#include "portable.cuh"

KERNEL(add_bias, 256)(float* x, const float* bias, int width) {
  float* row = x + size_t(blockIdx.x) * width;
  for (int i = threadIdx.x; i < width; i += blockDim.x) row[i] = row[i] + bias[i];
}
REGISTER(add_bias)
