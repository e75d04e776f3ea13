// SPDX-License-Identifier: Apache-2.0
// How quantised weights lie on the device: as mma.m16n8k16 reads them. Eight packed rows (columns of the product) and
// 64 of k are a chunk: 32 lanes' weights one after the other, then the scales of groups where the format has them. Lane
// 4·(column % 8) + t holds, for each of the chunk's four steps of 16, elements 2t, 2t + 1, 2t + 8 and 2t + 9: bytes, or
// nibbles from the lowest on. Chunks follow along k; eight rows end with their scales where a whole row has one. What
// lies behind `in` and behind the last row is zero.
#pragma once
#include "matmul.cuh"

/// float16 to f32, exactly.
__device__ __forceinline__ float widenHalf(uint32_t h) {
  uint32_t magnitude = (h & 0x7FFF) << 13;
  // 2^112 moves the exponent, of numbers below the least normal one too.
  uint32_t bits = magnitude >= 0x0F800000u ? magnitude | 0x70000000u
                                           : __float_as_uint(__uint_as_float(magnitude) * 5.192296858534828e33f);
  return __uint_as_float(bits | (h & 0x8000) << 16);
}

/// A format: bits a weight; whether 32 neighbours of a row share a float16 scale, or else a row has one in f32.
template <int kBits_, bool kGrouped_>
struct Format {
  static constexpr int kBits = kBits_;
  static constexpr bool kGrouped = kGrouped_;
  static constexpr int kLaneBytes = 16 * kBits / 8;
  static constexpr int kScalesAt = 32 * kLaneBytes;
  static constexpr int kChunkBytes = kScalesAt + (kGrouped ? 2 * 8 * 2 : 0);  // scales: [group of 32][row] of float16

  static __device__ __forceinline__ int chunks(int in) { return (in + 63) / 64; }
  /// From eight rows to the next eight.
  static __device__ __forceinline__ size_t rowsBytes(int in) {
    return size_t(chunks(in)) * kChunkBytes + (kGrouped ? 0 : 8 * sizeof(float));
  }
  /// The scales of eight rows.
  static __device__ __forceinline__ const float* rowScales(const unsigned char* rows, int in) {
    return reinterpret_cast<const float*>(rows + size_t(chunks(in)) * kChunkBytes);
  }
};

typedef Format<8, false> Rows8;
typedef Format<8, true> Groups8;
typedef Format<4, true> Groups4;
