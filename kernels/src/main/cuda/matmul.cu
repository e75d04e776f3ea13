// SPDX-License-Identifier: Apache-2.0
// Products of bf16 on tensor cores (mma.m16n8k16, sums in f32), tiles brought by cp.async in a ring of stages.
// Every sum runs over ascending k in steps of 16 whatever the tile, so a row has the same bits in all of them.
// Needs `in` and `stride` in multiples of 8.
#include "matmul.cuh"

namespace {

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
};

template <int kRows, int kDepth, int kThreads>
__device__ __forceinline__ void load(bf16 (&to)[kRows][kDepth + 8], const bf16* from, int first, int rows, int k,
                                     int in, int stride) {
  for (int i = threadIdx.x; i < kRows * kDepth / 8; i += kThreads) {
    int r = i / (kDepth / 8), c = i % (kDepth / 8) * 8;
    bool valid = first + r < rows && k + c < in;
    copyAsync16(&to[r][c], valid ? from + size_t(first + r) * stride + k + c : from, valid);
  }
}

template <class T, Epilogue E>
__device__ __forceinline__ void multiply(const Product<bf16>& p) {
  T& s = SHARED(T);
  int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  int firstRow = blockIdx.y * T::kRows, firstColumn = blockIdx.x * T::kColumns;
  int warpRow = warp / T::kWarpsAcross * T::kDown * 16, warpColumn = warp % T::kWarpsAcross * T::kAcross * 16;
  int steps = (p.in + T::kDepth - 1) / T::kDepth;

  auto bring = [&](int step) {
    int stage = step % T::kStages, k = step * T::kDepth;
    if (step < steps) {
      load<T::kRows, T::kDepth, T::kThreads>(s.x[stage], p.x, firstRow, p.rows, k, p.in, p.in);
      load<T::kColumns, T::kDepth, T::kThreads>(s.w[stage], p.w, firstColumn, p.packed, k, p.in, p.stride);
    }
    commitCopies();  // an empty group too, so that the count of groups under way is the same at the end
  };

  float sums[T::kDown][2 * T::kAcross][4] = {};
  for (int step = 0; step < T::kStages - 1; step++) bring(step);
  for (int step = 0; step < steps; step++) {
    waitForCopies<T::kStages - 2>();
    __syncthreads();
    bring(step + T::kStages - 1);
    int stage = step % T::kStages;
    UNROLL
    for (int k = 0; k < T::kDepth; k += 16) {
      uint32_t x[T::kDown][4];
      UNROLL
      for (int i = 0; i < T::kDown; i++) {
        loadMatrices(x[i], &s.x[stage][warpRow + i * 16 + (lane & 15)][k + (lane >> 4) * 8]);
      }
      UNROLL
      for (int j = 0; j < T::kAcross; j++) {
        uint32_t w[4];
        loadMatrices(w, &s.w[stage][warpColumn + j * 16 + (lane & 7) + (lane >> 4) * 8][k + ((lane >> 3) & 1) * 8]);
        UNROLL
        for (int i = 0; i < T::kDown; i++) {
          multiplyAdd(sums[i][2 * j], x[i], w[0], w[1]);
          multiplyAdd(sums[i][2 * j + 1], x[i], w[2], w[3]);
        }
      }
    }
  }
  UNROLL
  for (int i = 0; i < T::kDown; i++) {
    UNROLL
    for (int j = 0; j < T::kAcross; j++) {
      UNROLL
      for (int e = 0; e < 4; e++) {
        int row = firstRow + warpRow + i * 16 + (lane >> 2) + (e >> 1) * 8;
        int column = firstColumn + warpColumn + j * 16, offset = (lane & 3) * 2 + (e & 1);
        if (E == Epilogue::Gated) {
          p.putGated(row, column / 2 + offset, sums[i][2 * j][e], sums[i][2 * j + 1][e]);
        } else {
          p.template put<E>(row, column + offset, sums[i][2 * j][e]);
          p.template put<E>(row, column + 8 + offset, sums[i][2 * j + 1][e]);
        }
      }
    }
  }
}

using Small = Tile<32, 32, 128, 2, 2, 3>;    // a block of a canvas: few rows, so many columns at once
using Middle = Tile<64, 64, 64, 2, 2, 3>;
using Large = Tile<128, 128, 32, 2, 4, 4>;

}  // namespace

#define MATMUL(name, T, epilogue)                                                                                   \
  KERNEL(name, T::kThreads)(const bf16* x, const bf16* w, const float* bias, void* out, int rows, int in, int stride, \
                            int packed, int columns) {                                                              \
    multiply<T, epilogue>({x, w, bias, out, rows, in, stride, packed, columns});                                     \
  }                                                                                                                 \
  REGISTER(name)

MATMUL(matmul_small_store, Small, Epilogue::Store)
MATMUL(matmul_small_bias, Small, Epilogue::Bias)
MATMUL(matmul_small_add, Small, Epilogue::Add)
MATMUL(matmul_small_gated, Small, Epilogue::Gated)
MATMUL(matmul_middle_store, Middle, Epilogue::Store)
MATMUL(matmul_middle_bias, Middle, Epilogue::Bias)
MATMUL(matmul_middle_add, Middle, Epilogue::Add)
MATMUL(matmul_middle_gated, Middle, Epilogue::Gated)
MATMUL(matmul_large_store, Large, Epilogue::Store)
MATMUL(matmul_large_bias, Large, Epilogue::Bias)
MATMUL(matmul_large_add, Large, Epilogue::Add)
MATMUL(matmul_large_gated, Large, Epilogue::Gated)
