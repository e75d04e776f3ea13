// SPDX-License-Identifier: Apache-2.0
// out[i] = x[index[i]], rows of whole 2-byte elements; a block a row.
#include "portable.cuh"

KERNEL(gather_rows, 256)(const uint16_t* x, const int* index, uint16_t* out, int width) {
  const uint16_t* from = x + size_t(index[blockIdx.x]) * width;
  uint16_t* to = out + size_t(blockIdx.x) * width;
  for (int i = threadIdx.x; i < width; i += blockDim.x) to[i] = from[i];
}
REGISTER(gather_rows)
