// SPDX-License-Identifier: Apache-2.0
// A block's share of a product of bf16 on tensor cores (mma.m16n8k16, sums in f32): tiles of both sides are brought by
// cp.async in a ring of stages. Every sum runs over ascending k in steps of 16 whatever the tile, so a row has the
// same bits in all of them. Needs `in` and `stride` in multiples of 8.
#pragma once
#include "portable.cuh"

/// A block's tile of rows × columns × depth, its warps side by side, its stages.
template <int kRows_, int kColumns_, int kDepth_, int kWarpsDown_, int kWarpsAcross_, int kStages_>
struct Tile {
  static constexpr int kRows = kRows_, kColumns = kColumns_, kDepth = kDepth_;
  static constexpr int kWarpsDown = kWarpsDown_, kWarpsAcross = kWarpsAcross_, kStages = kStages_;
  static constexpr int kThreads = kWarpsDown * kWarpsAcross * 32;
  static constexpr int kDown = kRows / kWarpsDown / 16;          // fragments of 16 rows a warp
  static constexpr int kAcross = kColumns / kWarpsAcross / 16;   // pairs of fragments of 8 columns a warp
  // Rows end with 16 spare bytes: eight rows at one column then lie in different banks.
  bf16 x[kStages][kRows][kDepth + 8];
  bf16 w[kStages][kColumns][kDepth + 8];
  /// Of a thread: row i·16 + lane/4 + 8·(e/2) and column j·8 + lane%4·2 + e%2 of its warp's part, at [i][j][e].
  typedef float Sums[kDown][2 * kAcross][4];

  static __device__ __forceinline__ int warpRow() { return int(threadIdx.x >> 5) / kWarpsAcross * kDown * 16; }
  static __device__ __forceinline__ int warpColumn() { return int(threadIdx.x >> 5) % kWarpsAcross * kAcross * 16; }
};

/// Rows of a tile that lie one after the other. What stands in its place has the same two functions.
struct Rows {
  const bf16* from;
  int first, rows, stride;
  __device__ __forceinline__ bool has(int r) const { return first + r < rows; }
  __device__ __forceinline__ const bf16* row(int r) const { return from + size_t(first + r) * stride; }
};

template <int kRows, int kDepth, int kThreads, class From>
__device__ __forceinline__ void bringTile(bf16 (&to)[kRows][kDepth + 8], const From& from, int k, int in) {
  for (int i = threadIdx.x; i < kRows * kDepth / 8; i += kThreads) {
    int r = i / (kDepth / 8), c = i % (kDepth / 8) * 8;
    bool valid = from.has(r) && k + c < in;
    copyAsync16(&to[r][c], valid ? from.row(r) + k + c : from.from, valid);
  }
}

/// sums += x · wᵀ for the block's tile.
template <class T, class X>
__device__ __forceinline__ void multiplyTile(T& s, const X& x, const Rows& w, int in, typename T::Sums& sums) {
  int lane = threadIdx.x & 31, warpRow = T::warpRow(), warpColumn = T::warpColumn();
  int steps = (in + T::kDepth - 1) / T::kDepth;

  auto bring = [&](int step) {
    int stage = step % T::kStages, k = step * T::kDepth;
    if (step < steps) {
      bringTile<T::kRows, T::kDepth, T::kThreads>(s.x[stage], x, k, in);
      bringTile<T::kColumns, T::kDepth, T::kThreads>(s.w[stage], w, k, in);
    }
    commitCopies();  // an empty group too, so that the count of groups under way is the same at the end
  };

  for (int step = 0; step < T::kStages - 1; step++) bring(step);
  for (int step = 0; step < steps; step++) {
    waitForCopies<T::kStages - 2>();
    __syncthreads();
    bring(step + T::kStages - 1);
    int stage = step % T::kStages;
    UNROLL
    for (int k = 0; k < T::kDepth; k += 16) {
      uint32_t a[T::kDown][4];
      UNROLL
      for (int i = 0; i < T::kDown; i++) {
        loadMatrices(a[i], &s.x[stage][warpRow + i * 16 + (lane & 15)][k + (lane >> 4) * 8]);
      }
      UNROLL
      for (int j = 0; j < T::kAcross; j++) {
        uint32_t b[4];
        loadMatrices(b, &s.w[stage][warpColumn + j * 16 + (lane & 7) + (lane >> 4) * 8][k + ((lane >> 3) & 1) * 8]);
        UNROLL
        for (int i = 0; i < T::kDown; i++) {
          multiplyAdd(sums[i][2 * j], a[i], b[0], b[1]);
          multiplyAdd(sums[i][2 * j + 1], a[i], b[2], b[3]);
        }
      }
    }
  }
}
