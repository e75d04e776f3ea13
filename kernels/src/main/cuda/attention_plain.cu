// SPDX-License-Identifier: Apache-2.0
// Attention without tensor cores, for f32 and for heads that attention.cu does not take: any size up to 256.
// A block takes 16 queries of one head, a warp four of them; keys come a page at a time.
#include "spans.cuh"

namespace {

constexpr int kQueries = 16, kPerWarp = 4, kMostPerLane = 8;

/// Rows of keys, then of values: [64][dim + 1]; queries [16][dim]; weights [16][64].
struct PlainAttentionShared {
  float *tile, *queries, *weights;
  __device__ PlainAttentionShared(float* base, int dim) {
    tile = base;
    queries = tile + kPageTokens * (dim + 1);
    weights = queries + kQueries * dim;
  }
};

template <class T>
__device__ __forceinline__ void attend(const float* fused, const QueryTile* tiles, const SequenceSpan* spans,
                                       const int* positions, const uint64_t* pages, int64_t layerOffset, T* out,
                                       Heads heads, int blockLength, float scale) {
  QueryTile tile = tiles[blockIdx.x];
  SequenceSpan s = spans[tile.sequence];
  int dim = heads.dim, head = blockIdx.y, kvHead = head / (heads.query / heads.keyValue);
  PlainAttentionShared shared(&SHARED(float), dim);
  int warp = threadIdx.x >> 5, lane = threadIdx.x & 31;
  int queries = min(kQueries, s.rows - tile.first);
  int firstRow = s.firstRow + tile.first;

  for (int i = threadIdx.x; i < kQueries * dim; i += blockDim.x) {
    int q = i / dim;
    shared.queries[i] =
        q < queries ? fused[size_t(firstRow + q) * heads.fusedWidth() + head * dim + i % dim] * scale : 0.0f;
  }
  float most[kPerWarp], sum[kPerWarp], sums[kPerWarp][kMostPerLane];
  int visible[kPerWarp];
  int end = visibleKeys(positions[firstRow + queries - 1], s.context, blockLength);
  UNROLL
  for (int q = 0; q < kPerWarp; q++) {
    int query = min(warp * kPerWarp + q, queries - 1);
    visible[q] = visibleKeys(positions[firstRow + query], s.context, blockLength);
    most[q] = -INFINITY;
    sum[q] = 0.0f;
    UNROLL
    for (int i = 0; i < kMostPerLane; i++) sums[q][i] = 0.0f;
  }

  for (int k = 0; k < end; k += kPageTokens) {
    int keys = min(kPageTokens, s.context - k);
    const T* page = pageOf<const T>(pages, s, k / kPageTokens, layerOffset, heads, kvHead);
    __syncthreads();
    for (int i = threadIdx.x; i < keys * dim; i += blockDim.x) {
      shared.tile[i / dim * (dim + 1) + i % dim] = widen(page[placeOf<T>(i / dim, i % dim, dim)]);
    }
    __syncthreads();
    float shrink[kPerWarp], dots[kPerWarp][2] = {};
    const float* query = shared.queries + warp * kPerWarp * dim;
    // Keys past the last are not read: their scores stay 0 here and become −∞ below.
    if (lane < keys) {
      for (int i = 0; i < dim; i++) {
        float a = shared.tile[lane * (dim + 1) + i];
        float b = lane + 32 < keys ? shared.tile[(lane + 32) * (dim + 1) + i] : 0.0f;
        UNROLL
        for (int q = 0; q < kPerWarp; q++) {
          float x = query[q * dim + i];
          dots[q][0] = fmaf(x, a, dots[q][0]);
          dots[q][1] = fmaf(x, b, dots[q][1]);
        }
      }
    }
    UNROLL
    for (int q = 0; q < kPerWarp; q++) {
      float first = k + lane < visible[q] ? dots[q][0] : -INFINITY;
      float second = k + lane + 32 < visible[q] ? dots[q][1] : -INFINITY;
      // The first page shows every query its first key, so the maximum is finite from there on.
      float now = fmaxf(most[q], warpMax(fmaxf(first, second)));
      shrink[q] = exponential(most[q] - now);
      most[q] = now;
      float a = exponential(first - now), b = exponential(second - now);
      sum[q] = fmaf(sum[q], shrink[q], warpSum(a + b));
      float* weights = shared.weights + (warp * kPerWarp + q) * kPageTokens;
      weights[lane] = a;
      weights[lane + 32] = b;
    }
    __syncthreads();
    const T* values = page + size_t(heads.keyValue) * kPageTokens * dim;
    for (int i = threadIdx.x; i < keys * dim; i += blockDim.x) {
      shared.tile[i / dim * (dim + 1) + i % dim] = widen(values[placeOf<T>(i / dim, i % dim, dim)]);
    }
    __syncthreads();
    const float* weights = shared.weights + warp * kPerWarp * kPageTokens;
    UNROLL
    for (int i = 0; i < kMostPerLane; i++) {
      int element = lane + 32 * i;
      if (element >= dim) continue;
      UNROLL
      for (int q = 0; q < kPerWarp; q++) sums[q][i] = sums[q][i] * shrink[q];
      for (int key = 0; key < keys; key++) {
        float v = shared.tile[key * (dim + 1) + element];
        UNROLL
        for (int q = 0; q < kPerWarp; q++) sums[q][i] = fmaf(weights[q * kPageTokens + key], v, sums[q][i]);
      }
    }
  }
  UNROLL
  for (int q = 0; q < kPerWarp; q++) {
    int query = warp * kPerWarp + q;
    if (query >= queries) continue;
    T* to = out + size_t(firstRow + query) * heads.query * dim + head * dim;
    UNROLL
    for (int i = 0; i < kMostPerLane; i++) {
      int element = lane + 32 * i;
      if (element < dim) store(to + element, sums[q][i] / sum[q]);
    }
  }
}

}  // namespace

KERNEL_SHARING(attention_plain_f32, 128, 4)(const float* fused, const QueryTile* tiles, const SequenceSpan* spans,
                                            const int* positions, const uint64_t* pages, int64_t layerOffset,
                                            float* out, int queryHeads, int kvHeads, int headDim, int blockLength,
                                            float scale) {
  attend(fused, tiles, spans, positions, pages, layerOffset, out, {queryHeads, kvHeads, headDim}, blockLength, scale);
}
REGISTER(attention_plain_f32)

KERNEL_SHARING(attention_plain_bf16, 128, 4)(const float* fused, const QueryTile* tiles, const SequenceSpan* spans,
                                             const int* positions, const uint64_t* pages, int64_t layerOffset,
                                             bf16* out, int queryHeads, int kvHeads, int headDim, int blockLength,
                                             float scale) {
  attend(fused, tiles, spans, positions, pages, layerOffset, out, {queryHeads, kvHeads, headDim}, blockLength, scale);
}
REGISTER(attention_plain_bf16)
