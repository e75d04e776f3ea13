// SPDX-License-Identifier: Apache-2.0
// Products of a few rows of bf16 with weights of 8 or 4 bits: weights come to the multiprocessors as they are stored, by
// cp.async in a ring of stages, become bf16 in registers, exactly, and go to tensor cores (mma.m16n8k16, sums in f32).
// Scales meet sums: those of groups every 32 products, those of rows at the end.
//
// A block computes 64 columns for a tile of 16, 32 or 64 rows. Two pairs of warps take turns at chunks of 64 along k;
// beyond that k may be cut into splits, blocks of their own, whose sums quantized_combine adds up. What a row is summed
// up in, and in which order, is the map's alone: neither the tile nor the number of rows shows in its bits.
#include "quantized.cuh"

namespace {

constexpr int kColumns = 64, kDepth = 128, kThreads = 128;
constexpr int kEights = kColumns / 8;  // columns come eight together
constexpr int kMine = kEights / 2;     // of a warp

template <class F, int kRows>
struct Ring {
  static constexpr int kStages = kRows == 64 ? 4 : 6;
  static constexpr int kChunks = kDepth / 64;
  // Chunks of eight elements lie in place chunk ^ row % 8: eight rows at one column then lie in different banks.
  bf16 x[kStages][kRows][kDepth];
  uint4 w[kStages][kEights][kChunks * F::kChunkBytes / 16];
};

template <int kRows>
struct PartSums {
  float of[2][32][kRows / 16 * kMine * 4 + 1];  // an odd number: lanes find different banks
};

/// Four small integers as bf16, two a word, as multiplyAdd wants them.
template <class F>
__device__ __forceinline__ void unpack(const uint32_t* words, int step, uint32_t& b0, uint32_t& b1) {
  float v[4];
  UNROLL
  for (int e = 0; e < 4; e++) {
    if (F::kBits == 8) {
      // 2^23 + (byte + 128): the sign bit turned is an unsigned byte.
      uint32_t byte = (words[step] >> (8 * e) & 0xFF) ^ 0x80;
      v[e] = __uint_as_float(0x4B000000u | byte) - 8388736.0f;
    } else {
      uint32_t nibble = words[step / 2] >> (16 * (step % 2) + 4 * e) & 15;
      v[e] = __uint_as_float(0x4B000000u | nibble) - 8388616.0f;
    }
  }
  // Exact: eight bits of significand are enough.
  b0 = __float_as_uint(v[0]) >> 16 | (__float_as_uint(v[1]) & 0xFFFF0000u);
  b1 = __float_as_uint(v[2]) >> 16 | (__float_as_uint(v[3]) & 0xFFFF0000u);
}

template <class F, int kRows>
__device__ __forceinline__ void multiply(const bf16* x, const unsigned char* w, const float* bias, void* out,
                                         float* partial, int rows, int in, int packed, int columns, int epilogue) {
  typedef Ring<F, kRows> R;
  constexpr int kDown = kRows / 16, kWords = F::kLaneBytes / 4;
  R& s = SHARED(R);
  int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  int mine = (warp & 1) * kMine, turn = warp >> 1;
  int firstRow = blockIdx.x * kRows, firstEight = blockIdx.y * kEights;
  int eights = (packed + 7) / 8, chunks = F::chunks(in);
  size_t rowsBytes = F::rowsBytes(in);
  int all = (in + kDepth - 1) / kDepth;
  int firstStep = int(int64_t(all) * blockIdx.z / gridDim.z);
  int steps = int(int64_t(all) * (blockIdx.z + 1) / gridDim.z) - firstStep;

  auto bring = [&](int step) {
    int stage = step % R::kStages;
    if (step < steps) {
      int k = (firstStep + step) * kDepth;
      for (int i = threadIdx.x; i < kRows * kDepth / 8; i += kThreads) {
        int r = i / (kDepth / 8), c = i % (kDepth / 8);
        bool valid = firstRow + r < rows && k + c * 8 < in;
        copyAsync16(&s.x[stage][r][(c ^ (r & 7)) * 8], valid ? x + size_t(firstRow + r) * in + k + c * 8 : x, valid);
      }
      constexpr int kPieces = R::kChunks * F::kChunkBytes / 16;
      int chunk = k / 64;
      for (int i = threadIdx.x; i < kEights * kPieces; i += kThreads) {
        int e = i / kPieces, c = i % kPieces;
        bool valid = firstEight + e < eights && chunk + c * 16 / F::kChunkBytes < chunks;
        copyAsync16(&s.w[stage][e][c],
                    valid ? w + (firstEight + e) * rowsBytes + size_t(chunk) * F::kChunkBytes + c * 16 : w, valid);
      }
    }
    commitCopies();  // an empty group too, so that the count of groups under way is the same at the end
  };

  float sums[kDown][kMine][4] = {};
  for (int step = 0; step < R::kStages - 1; step++) bring(step);
  for (int step = 0; step < steps; step++) {
    waitForCopies<R::kStages - 2>();
    __syncthreads();
    bring(step + R::kStages - 1);
    int stage = step % R::kStages;
    uint32_t words[kMine][kWords];
    UNROLL
    for (int j = 0; j < kMine; j++) {
      const uint4* chunk = &s.w[stage][mine + j][turn * (F::kChunkBytes / 16)];
      if (F::kBits == 8) {
        uint4 v = chunk[lane];
        words[j][0] = v.x, words[j][1] = v.y, words[j][kWords - 2] = v.z, words[j][kWords - 1] = v.w;
      } else {
        uint2 v = reinterpret_cast<const uint2*>(chunk)[lane];
        words[j][0] = v.x, words[j][1] = v.y;
      }
    }
    UNROLL
    for (int group = 0; group < 2; group++) {
      uint32_t a[2][kDown][4];
      UNROLL
      for (int h = 0; h < 2; h++) {
        UNROLL
        for (int i = 0; i < kDown; i++) {
          int r = i * 16 + (lane & 15), c = turn * 8 + group * 4 + h * 2 + (lane >> 4);
          loadMatrices(a[h][i], &s.x[stage][r][(c ^ (r & 7)) * 8]);
        }
      }
      UNROLL
      for (int j = 0; j < kMine; j++) {
        uint32_t b[2][2];
        unpack<F>(words[j], 2 * group, b[0][0], b[0][1]);
        unpack<F>(words[j], 2 * group + 1, b[1][0], b[1][1]);
        if (F::kGrouped) {
          const uint32_t* scales =
              reinterpret_cast<const uint32_t*>(&s.w[stage][mine + j][(turn * F::kChunkBytes + F::kScalesAt) / 16]);
          uint32_t pair = scales[group * 4 + (lane & 3)];
          float first = widenHalf(pair & 0xFFFF), second = widenHalf(pair >> 16);
          UNROLL
          for (int i = 0; i < kDown; i++) {
            float part[4] = {};
            multiplyAdd(part, a[0][i], b[0][0], b[0][1]);
            multiplyAdd(part, a[1][i], b[1][0], b[1][1]);
            UNROLL
            for (int e = 0; e < 4; e++) sums[i][j][e] = fmaf(part[e], e & 1 ? second : first, sums[i][j][e]);
          }
        } else {
          UNROLL
          for (int i = 0; i < kDown; i++) {
            multiplyAdd(sums[i][j], a[0][i], b[0][0], b[0][1]);
            multiplyAdd(sums[i][j], a[1][i], b[1][0], b[1][1]);
          }
        }
      }
    }
  }

  // The second pair of warps hands its sums to the first.
  waitForCopies<0>();
  __syncthreads();
  PartSums<kRows>& handed = SHARED(PartSums<kRows>);
  if (turn == 1) {
    UNROLL
    for (int i = 0; i < kDown; i++) {
      UNROLL
      for (int j = 0; j < kMine; j++) {
        UNROLL
        for (int e = 0; e < 4; e++) handed.of[warp & 1][lane][(i * kMine + j) * 4 + e] = sums[i][j][e];
      }
    }
  }
  __syncthreads();
  if (turn == 1) return;
  Product<bf16> p{x, nullptr, bias, out, rows, in, 0, packed, columns};
  UNROLL
  for (int i = 0; i < kDown; i++) {
    UNROLL
    for (int j = 0; j < kMine; j++) {
      int eight = firstEight + mine + j;
      UNROLL
      for (int e = 0; e < 4; e++) {
        float sum = sums[i][j][e] + handed.of[warp & 1][lane][(i * kMine + j) * 4 + e];
        if (!F::kGrouped && eight < eights) {
          sum = sum * F::rowScales(w + eight * rowsBytes, in)[(lane & 3) * 2 + (e & 1)];
        }
        sums[i][j][e] = sum;
      }
    }
    UNROLL
    for (int j = 0; j < kMine; j++) {
      UNROLL
      for (int e = 0; e < 4; e++) {
        int row = firstRow + i * 16 + (lane >> 2) + (e >> 1) * 8, eight = firstEight + mine + j;
        int offset = (lane & 3) * 2 + (e & 1);
        if (gridDim.z > 1) {
          if (row < rows && eight < eights) {
            partial[(size_t(blockIdx.z) * rows + row) * eights * 8 + eight * 8 + offset] = sums[i][j][e];
          }
        } else if (epilogue == int(Epilogue::Gated)) {
          if (j % 2 == 0) p.putGated(row, eight / 2 * 8 + offset, sums[i][j][e], sums[i][j | 1][e]);
        } else {
          p.put(epilogue, row, eight * 8 + offset, sums[i][j][e]);
        }
      }
    }
  }
}

}  // namespace

#define QUANTIZED(name, F, rowsOfTile)                                                                               \
  KERNEL(name, kThreads)(const bf16* x, const unsigned char* w, const float* bias, void* out, float* partial,       \
                         int rows, int in, int packed, int columns, int epilogue) {                                 \
    multiply<F, rowsOfTile>(x, w, bias, out, partial, rows, in, packed, columns, epilogue);                         \
  }                                                                                                                 \
  REGISTER(name)

QUANTIZED(quantized_rows8_16, Rows8, 16)
QUANTIZED(quantized_rows8_32, Rows8, 32)
QUANTIZED(quantized_rows8_64, Rows8, 64)
QUANTIZED(quantized_groups8_16, Groups8, 16)
QUANTIZED(quantized_groups8_32, Groups8, 32)
QUANTIZED(quantized_groups8_64, Groups8, 64)
QUANTIZED(quantized_groups4_16, Groups4, 16)
QUANTIZED(quantized_groups4_32, Groups4, 32)
QUANTIZED(quantized_groups4_64, Groups4, 64)

/// Adds up the splits of k, the first one first. A block 256 columns of a row.
KERNEL(quantized_combine, 256)(const float* partial, const float* bias, void* out, int rows, int packed, int columns,
                               int splits, int epilogue) {
  int row = blockIdx.x, column = blockIdx.y * 256 + threadIdx.x;
  if (column >= columns) return;
  Product<bf16> p{nullptr, nullptr, bias, out, rows, 0, 0, packed, columns};
  int width = (packed + 7) / 8 * 8;
  auto sum = [&](int at) {
    float sum = partial[size_t(row) * width + at];
    for (int z = 1; z < splits; z++) sum = sum + partial[(size_t(z) * rows + row) * width + at];
    return sum;
  };
  if (epilogue == int(Epilogue::Gated)) {
    int gate = column / 8 * 16 + column % 8;
    p.putGated(row, column, sum(gate), sum(gate + 8));
  } else {
    p.put(epilogue, row, column, sum(column));
  }
}
REGISTER(quantized_combine)
