// SPDX-License-Identifier: Apache-2.0
// Products with weights of 8 or 4 bits without tensor cores: f32, and bf16 of a width that asynchronous copies cannot
// take. A block computes 64 × 64 sums, each thread 4 × 4, every sum over ascending k by fused multiply-adds of scale ·
// weight, rounded to f32.
#include "plain.cuh"
#include "quantized.cuh"

namespace {

/// Weights as plain.cuh wants them read.
template <class F>
struct QuantizedWeights {
  const unsigned char* w;
  int in, packed;

  __device__ __forceinline__ float at(int row, int k) const {
    if (row >= packed || k >= in) return 0.0f;
    const unsigned char* rows = w + size_t(row / 8) * F::rowsBytes(in);
    const unsigned char* chunk = rows + size_t(k / 64) * F::kChunkBytes;
    int step = k / 16 % 4, place = (k % 16) / 8 * 2 + k % 2;  // of the lane's four
    const unsigned char* lane = chunk + (row % 8 * 4 + k % 8 / 2) * F::kLaneBytes;
    float value = F::kBits == 8 ? float(static_cast<signed char>(lane[step * 4 + place]))
                                : float(lane[step * 2 + place / 2] >> (place % 2 * 4) & 15) - 8.0f;
    float scale;
    if (F::kGrouped) {
      const unsigned char* half = chunk + F::kScalesAt + (k / 32 % 2 * 8 + row % 8) * 2;
      scale = widenHalf(*reinterpret_cast<const uint16_t*>(half));
    } else {
      scale = F::rowScales(rows, in)[row % 8];
    }
    return scale * value;
  }
};

}  // namespace

#define QUANTIZED(name, T, F)                                                                                   \
  KERNEL(name, 256)(const T* x, const unsigned char* w, const float* bias, void* out, int rows, int in,         \
                    int packed, int columns, int epilogue) {                                                   \
    multiplyPlain(Product<T>{x, nullptr, bias, out, rows, in, 0, packed, columns},                              \
                  QuantizedWeights<F>{w, in, packed}, epilogue);                                                \
  }                                                                                                            \
  REGISTER(name)

QUANTIZED(quantized_plain_rows8_f32, float, Rows8)
QUANTIZED(quantized_plain_rows8_bf16, bf16, Rows8)
QUANTIZED(quantized_plain_groups8_f32, float, Groups8)
QUANTIZED(quantized_plain_groups8_bf16, bf16, Groups8)
QUANTIZED(quantized_plain_groups4_f32, float, Groups4)
QUANTIZED(quantized_plain_groups4_bf16, bf16, Groups4)
