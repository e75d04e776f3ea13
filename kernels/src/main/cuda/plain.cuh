// SPDX-License-Identifier: Apache-2.0
// A block's share of a product without tensor cores: 64 × 64 sums, each thread 4 × 4, every sum over ascending k by
// fused multiply-adds.
#pragma once
#include "matmul.cuh"

namespace {

constexpr int kTile = 64, kDepth = 16;

struct PlainShared {
  float x[kTile][kDepth + 1];
  float w[kTile][kDepth + 1];
};

/// Rows of floats or bf16. What stands in its place has the same function: an element, 0 outside of the matrix.
template <class T>
struct PlainWeights {
  const T* from;
  int in, rows, stride;
  __device__ __forceinline__ float at(int row, int k) const {
    return row < rows && k < in ? widen(from[size_t(row) * stride + k]) : 0.0f;
  }
};

template <class W>
__device__ __forceinline__ void load(float (&to)[kTile][kDepth + 1], const W& from, int first, int k) {
#pragma unroll 2  // more loads at once would spill
  for (int i = threadIdx.x; i < kTile * kDepth; i += 256) {
    int r = i / kDepth, c = i % kDepth;
    to[r][c] = from.at(first + r, k + c);
  }
}

template <class T, class W>
__device__ __forceinline__ void multiplyPlain(const Product<T>& p, const W& weights, int epilogue) {
  PlainShared& s = SHARED(PlainShared);
  int firstRow = blockIdx.y * kTile, firstColumn = blockIdx.x * kTile;
  // A thread's four columns lie 8 apart: gate, up, gate, up.
  int row = (threadIdx.x >> 4) * 4, column = ((threadIdx.x >> 3) & 1) * 32 + (threadIdx.x & 7);
  float sums[4][4] = {};
  for (int k = 0; k < p.in; k += kDepth) {
    load(s.x, PlainWeights<T>{p.x, p.in, p.rows, p.in}, firstRow, k);
    load(s.w, weights, firstColumn, k);
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
    if (epilogue == int(Epilogue::Gated)) {
      UNROLL
      for (int c = 0; c < 4; c += 2) {
        p.putGated(firstRow + row + r, (firstColumn + column + 8 * c) / 16 * 8 + (column & 7), sums[r][c],
                   sums[r][c + 1]);
      }
    } else {
      UNROLL
      for (int c = 0; c < 4; c++) p.put(epilogue, firstRow + row + r, firstColumn + column + 8 * c, sums[r][c]);
    }
  }
}

}  // namespace
