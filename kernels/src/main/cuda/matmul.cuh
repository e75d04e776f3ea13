// SPDX-License-Identifier: Apache-2.0
// What a product does with its sums.
#pragma once
#include "portable.cuh"

enum class Epilogue { Store, Bias, Add, Gated };

/// x [rows][in] times w [packed][stride]ᵀ. Packed rows are output columns; in a gated map 8 columns of the gate
/// and the same 8 of the up projection alternate, so that both sums of a column meet in one thread.
template <class T>
struct Product {
  const T* x;
  const T* w;
  const float* bias;
  void* out;
  int rows, in, stride, packed, columns;

  template <Epilogue E>
  __device__ __forceinline__ void put(int row, int column, float sum) const {
    put(int(E), row, column, sum);
  }
  __device__ __forceinline__ void put(int epilogue, int row, int column, float sum) const {
    if (row >= rows || column >= columns) return;
    float* to = static_cast<float*>(out) + size_t(row) * columns + column;
    if (epilogue == int(Epilogue::Bias)) sum = sum + bias[column];
    if (epilogue == int(Epilogue::Add)) sum = *to + sum;
    *to = sum;
  }
  __device__ __forceinline__ void putGated(int row, int column, float gate, float up) const {
    if (row >= rows || column >= columns) return;
    T* to = static_cast<T*>(out) + size_t(row) * columns + column;
    store(to, gate / (1.0f + exponential(-gate)) * up);
  }
};
