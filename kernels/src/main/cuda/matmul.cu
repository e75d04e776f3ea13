// SPDX-License-Identifier: Apache-2.0
// Products of bf16 on tensor cores.
#include "matmul.cuh"
#include "tile.cuh"

namespace {

template <class T, Epilogue E>
__device__ __forceinline__ void multiply(const Product<bf16>& p) {
  int lane = threadIdx.x & 31;
  int firstRow = blockIdx.y * T::kRows, firstColumn = blockIdx.x * T::kColumns;
  typename T::Sums sums = {};
  multiplyTile(SHARED(T), Rows{p.x, firstRow, p.rows, p.in}, Rows{p.w, firstColumn, p.packed, p.stride}, p.in, sums);
  UNROLL
  for (int i = 0; i < T::kDown; i++) {
    UNROLL
    for (int j = 0; j < T::kAcross; j++) {
      UNROLL
      for (int e = 0; e < 4; e++) {
        int row = firstRow + T::warpRow() + i * 16 + (lane >> 2) + (e >> 1) * 8;
        int column = firstColumn + T::warpColumn() + j * 16, offset = (lane & 3) * 2 + (e & 1);
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
