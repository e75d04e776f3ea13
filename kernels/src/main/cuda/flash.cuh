// SPDX-License-Identifier: Apache-2.0
// What the kernels of flash attention share: their arguments, a block's share of the batch, and how splits of the
// keys are folded together.
#pragma once
#include "spans.cuh"

constexpr int kKeys = kPageTokens;
constexpr int kSplitTiles = 4;

struct AttentionArguments {
  const float* fused;
  const QueryTile* tiles;
  const SequenceSpan* spans;
  const int* positions;
  const uint64_t* pages;
  int64_t layerOffset;
  bf16* out;
  float* partials;  // [tile][kv head][split][row][dim + 2]: sums, maximum, weight
  Heads heads;
  int blockLength;
  float scale;  // 1/√dim · log2 e
  int splits;   // most of any tile
};

/// The part of a batch that a block works on.
struct Work {
  SequenceSpan span;
  int first, queries, group, end;
  __device__ __forceinline__ Work(const AttentionArguments& a, int rows) {
    QueryTile tile = a.tiles[blockIdx.x];
    span = a.spans[tile.sequence];
    group = a.heads.query / a.heads.keyValue;
    first = span.firstRow + tile.first;
    queries = min(rows / group, span.rows - tile.first);
    end = visibleKeys(a.positions[first + queries - 1], span.context, a.blockLength);
  }
  /// Query of a row of the tile; rows behind the last take its place and are not stored.
  __device__ __forceinline__ int query(int row) const { return min(row / group, queries - 1); }
  __device__ __forceinline__ bool used(int row) const { return row / group < queries; }
};

/// Maximum and weight of a row, and how its sums so far and those of a split go together.
struct Fold {
  float most, weight;
  /// Takes in a split; the factors are for the sums.
  __device__ __forceinline__ void add(float splitMost, float splitWeight, float& mine, float& its) {
    float now = fmaxf(most, splitMost);
    mine = exp2f(most - now);
    its = exp2f(splitMost - now);
    weight = fmaf(weight, mine, splitWeight * its);
    most = now;
  }
};
__device__ __forceinline__ float fold(float sum, float mine, float split, float its) {
  return fmaf(sum, mine, split * its);
}
