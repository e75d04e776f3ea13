// SPDX-License-Identifier: Apache-2.0
// Products without tensor cores: f32, and bf16 of a width that asynchronous copies cannot take.
#include "plain.cuh"

#define PLAIN(name, T, epilogue)                                                                                   \
  KERNEL(name, 256)(const T* x, const T* w, const float* bias, void* out, int rows, int in, int stride, int packed, \
                    int columns) {                                                                                 \
    multiplyPlain(Product<T>{x, w, bias, out, rows, in, stride, packed, columns},                                    \
                  PlainWeights<T>{w, in, packed, stride}, int(epilogue));                                    \
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
