// SPDX-License-Identifier: Apache-2.0
// Products without tensor cores: f32, and bf16 of a width that asynchronous copies cannot take. A block computes
// 64 × 64 sums, each thread 4 × 4, every sum over ascending k by fused multiply-adds.
#include "matmul.cuh"

namespace {

constexpr int kTile = 64, kDepth = 16;

struct PlainShared {
  float x[kTile][kDepth + 1];
  float w[kTile][kDepth + 1];
};

template <class T>
__device__ __forceinline__ void load(float (&to)[kTile][kDepth + 1], const T* from, int first, int rows, int k, int in,
                                     int stride) {
  for (int i = threadIdx.x; i < kTile * kDepth; i += 256) {
    int r = i / kDepth, c = i % kDepth;
    to[r][c] = first + r < rows && k + c < in ? widen(from[size_t(first + r) * stride + k + c]) : 0.0f;
  }
}

template <class T, Epilogue E>
__device__ __forceinline__ void multiply(const Product<T>& p) {
  PlainShared& s = SHARED(PlainShared);
  int firstRow = blockIdx.y * kTile, firstColumn = blockIdx.x * kTile;
  // A thread's four columns lie 8 apart: gate, up, gate, up.
  int row = (threadIdx.x >> 4) * 4, column = ((threadIdx.x >> 3) & 1) * 32 + (threadIdx.x & 7);
  float sums[4][4] = {};
  for (int k = 0; k < p.in; k += kDepth) {
    load(s.x, p.x, firstRow, p.rows, k, p.in, p.in);
    load(s.w, p.w, firstColumn, p.packed, k, p.in, p.stride);
    __syncthreads();
    UNROLL
    for (int i = 0; i < kDepth; i++) {
      float x[4], w[4];
      UNROLL
      for (int e = 0; e < 4; e++) {
        x[e] = s.x[row + e][i];
        w[e] = s.w[column + 8 * e][i];
      }
      UNROLL
      for (int r = 0; r < 4; r++) {
        UNROLL
        for (int c = 0; c < 4; c++) sums[r][c] = fmaf(x[r], w[c], sums[r][c]);
      }
    }
    __syncthreads();
  }
  UNROLL
  for (int r = 0; r < 4; r++) {
    if (E == Epilogue::Gated) {
      UNROLL
      for (int c = 0; c < 4; c += 2) {
        p.putGated(firstRow + row + r, (firstColumn + column + 8 * c) / 16 * 8 + (column & 7), sums[r][c],
                   sums[r][c + 1]);
      }
    } else {
      UNROLL
      for (int c = 0; c < 4; c++) p.template put<E>(firstRow + row + r, firstColumn + column + 8 * c, sums[r][c]);
    }
  }
}

}  // namespace

#define PLAIN(name, T, epilogue)                                                                                   \
  KERNEL(name, 256)(const T* x, const T* w, const float* bias, void* out, int rows, int in, int stride, int packed, \
                    int columns) {                                                                                 \
    multiply<T, epilogue>({x, w, bias, out, rows, in, stride, packed, columns});                                    \
  }                                                                                                                \
  REGISTER(name)

PLAIN(matmul_plain_store_f32, float, Epilogue::Store)
PLAIN(matmul_plain_bias_f32, float, Epilogue::Bias)
PLAIN(matmul_plain_add_f32, float, Epilogue::Add)
PLAIN(matmul_plain_gated_f32, float, Epilogue::Gated)
PLAIN(matmul_plain_store_bf16, bf16, Epilogue::Store)
PLAIN(matmul_plain_bias_bf16, bf16, Epilogue::Bias)
PLAIN(matmul_plain_add_bf16, bf16, Epilogue::Add)
PLAIN(matmul_plain_gated_bf16, bf16, Epilogue::Gated)
