// SPDX-License-Identifier: Apache-2.0
// Flash attention on tensor cores (Dao et al., 2022; Milakov and Gimelshein, 2018), bf16, bidirectional and
// block-causal, over pages of 64 keys.
//
// A block takes the queries of one group of heads: rows are (query, head of the group), so that heads which share
// keys share their tiles. Keys are gone through in splits of 256. Within a split the softmax is online; splits are
// then folded together in order. The same fold runs in registers when a block goes through all keys, and in
// attention_combine when every split has a block of its own (few queries against many keys), so both give the same
// bits, and which one runs may depend on how busy the chip is.
#include "flash.cuh"

namespace {

template <int kDim_, int kWarps_>
struct Flash {
  static constexpr int kDim = kDim_, kWarps = kWarps_;
  static constexpr int kRows = kWarps * 16, kThreads = kWarps * 32;
  // Eight rows at one column must lie in different banks: chunks of 16 bytes change places by row where a row has
  // whole groups of eight chunks, else rows end with one spare chunk.
  static constexpr bool kSwizzled = kDim % 64 == 0;
  static constexpr int kStride = kSwizzled ? kDim : kDim + 8;

  bf16 keys[kKeys][kStride];
  bf16 values[kKeys][kStride];
  /// The folded sums of the splits so far, each thread's own; the queries before the first tile.
  union {
    float sums[kDim / 8 * 4][kThreads];
    bf16 queries[kRows][kStride];
  };

  static __device__ __forceinline__ int column(int row, int chunk) {
    return (kSwizzled ? chunk ^ (row & 7) : chunk) * 8;
  }
};

template <class F>
__device__ __forceinline__ void bring(bf16 (&to)[kKeys][F::kStride], const bf16* from, int keys, int dim) {
  constexpr int kChunks = F::kDim / 8;
  for (int i = threadIdx.x; i < kKeys * kChunks; i += F::kThreads) {
    int row = i / kChunks, chunk = i % kChunks;
    bool valid = row < keys && chunk * 8 < dim;
    copyAsync16(&to[row][F::column(row, chunk)], valid ? from + placeOf<bf16>(row, chunk * 8, dim) : from, valid);
  }
}

template <class F, bool kOneSplit>
__device__ __forceinline__ void attend(const AttentionArguments& a) {
  F& s = SHARED(F);
  constexpr int kFragments = F::kDim / 8;
  Work work(a, F::kRows);
  int dim = a.heads.dim, kvHead = blockIdx.y;
  int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  int tiles = (work.end + kKeys - 1) / kKeys;
  int firstTile = kOneSplit ? int(blockIdx.z) * kSplitTiles : 0;
  int lastTile = kOneSplit ? min(tiles, firstTile + kSplitTiles) : tiles;
  if (firstTile >= lastTile) return;

  auto page = [&](int tile) {
    return pageOf<const bf16>(a.pages, work.span, tile, a.layerOffset, a.heads, kvHead);
  };
  auto bringKeys = [&](int tile) {
    if (tile < lastTile) bring<F>(s.keys, page(tile), min(kKeys, work.span.context - tile * kKeys), dim);
    commitCopies();  // an empty group too: the count of groups under way stays the same
  };
  auto bringValues = [&](int tile) {
    if (tile < lastTile) {
      bring<F>(s.values, page(tile) + size_t(a.heads.keyValue) * kKeys * dim,
               min(kKeys, work.span.context - tile * kKeys), dim);
    }
    commitCopies();
  };
  bringKeys(firstTile);
  bringValues(firstTile);

  for (int i = threadIdx.x; i < F::kRows * F::kDim / 2; i += F::kThreads) {
    int row = i / (F::kDim / 2), column = i % (F::kDim / 2) * 2;
    const float* from = a.fused + size_t(work.first + work.query(row)) * a.heads.fusedWidth() +
                        (kvHead * work.group + row % work.group) * dim + column;
    bool there = work.used(row) && column < dim;
    storePair(&s.queries[row][F::column(row, column / 8) + column % 8], there ? from[0] : 0.0f,
              there ? from[1] : 0.0f);
  }
  __syncthreads();
  uint32_t queries[F::kDim / 16][4];
  UNROLL
  for (int c = 0; c < F::kDim / 16; c++) {
    int row = warp * 16 + (lane & 15);
    loadMatrices(queries[c], &s.queries[row][F::column(row, c * 2 + (lane >> 4))]);
  }

  // Of this thread's two rows: what they see, the split at hand, and the fold of those before.
  int visible[2];
  float most[2] = {-INFINITY, -INFINITY}, weight[2] = {0.0f, 0.0f};
  float sums[kFragments][4] = {};
  Fold before[2];
  bool folded = false;
  UNROLL
  for (int h = 0; h < 2; h++) {
    int row = warp * 16 + (lane >> 2) + 8 * h;
    visible[h] = visibleKeys(a.positions[work.first + work.query(row)], work.span.context, a.blockLength);
  }

  // Weights are spread over the four lanes of a row; together they are the split's.
  auto wholeWeight = [&](int h) {
    float w = weight[h];
    w += __shfl_xor_sync(kWholeWarp, w, 1);
    w += __shfl_xor_sync(kWholeWarp, w, 2);
    return w;
  };
  auto foldSplit = [&](bool keep) {
    UNROLL
    for (int h = 0; h < 2; h++) {
      float w = wholeWeight(h);
      if (!folded) {
        before[h] = {most[h], w};
      } else {
        float mine, its;
        before[h].add(most[h], w, mine, its);
        UNROLL
        for (int n = 0; n < kFragments; n++) {
          UNROLL
          for (int e = 2 * h; e < 2 * h + 2; e++) {
            sums[n][e] = fold(s.sums[n * 4 + e][threadIdx.x], mine, sums[n][e], its);
          }
        }
      }
      if (keep) {
        UNROLL
        for (int n = 0; n < kFragments; n++) {
          UNROLL
          for (int e = 2 * h; e < 2 * h + 2; e++) {
            s.sums[n * 4 + e][threadIdx.x] = sums[n][e];
            sums[n][e] = 0.0f;
          }
        }
        most[h] = -INFINITY;
        weight[h] = 0.0f;
      }
    }
    folded = true;
  };

  for (int tile = firstTile; tile < lastTile; tile++) {
    if (!kOneSplit && tile > 0 && tile % kSplitTiles == 0) foldSplit(true);
    waitForCopies<1>();
    __syncthreads();
    float scores[kKeys / 8][4] = {};
    UNROLL
    for (int c = 0; c < F::kDim / 16; c++) {
      UNROLL
      for (int n = 0; n < kKeys / 16; n++) {
        uint32_t k[4];
        int row = n * 16 + (lane & 7) + (lane >> 4) * 8;
        loadMatrices(k, &s.keys[row][F::column(row, c * 2 + ((lane >> 3) & 1))]);
        multiplyAdd(scores[2 * n], queries[c], k[0], k[1]);
        multiplyAdd(scores[2 * n + 1], queries[c], k[2], k[3]);
      }
    }
    __syncthreads();
    bringKeys(tile + 1);

    UNROLL
    for (int h = 0; h < 2; h++) {
      float now = most[h];
      UNROLL
      for (int n = 0; n < kKeys / 8; n++) {
        UNROLL
        for (int e = 0; e < 2; e++) {
          int key = tile * kKeys + n * 8 + (lane & 3) * 2 + e;
          float& x = scores[n][2 * h + e];
          x = key < visible[h] ? x * a.scale : -INFINITY;
          now = fmaxf(now, x);
        }
      }
      now = fmaxf(now, __shfl_xor_sync(kWholeWarp, now, 1));
      now = fmaxf(now, __shfl_xor_sync(kWholeWarp, now, 2));
      float base = now == -INFINITY ? 0.0f : now;  // nothing seen in this split yet: all weights are 0
      float shrink = exp2f(most[h] - base), sum = 0.0f;
      most[h] = now;
      UNROLL
      for (int n = 0; n < kKeys / 8; n++) {
        UNROLL
        for (int e = 0; e < 2; e++) {
          float& x = scores[n][2 * h + e];
          x = exp2f(x - base);
          sum += x;
        }
      }
      weight[h] = fmaf(weight[h], shrink, sum);
      UNROLL
      for (int n = 0; n < kFragments; n++) {
        sums[n][2 * h] *= shrink;
        sums[n][2 * h + 1] *= shrink;
      }
    }

    waitForCopies<1>();
    __syncthreads();
    UNROLL
    for (int c = 0; c < kKeys / 16; c++) {
      uint32_t p[4] = {pack(scores[2 * c][0], scores[2 * c][1]), pack(scores[2 * c][2], scores[2 * c][3]),
                       pack(scores[2 * c + 1][0], scores[2 * c + 1][1]),
                       pack(scores[2 * c + 1][2], scores[2 * c + 1][3])};
      UNROLL
      for (int n = 0; n < F::kDim / 16; n++) {
        uint32_t v[4];
        int row = c * 16 + (lane & 15);
        loadMatricesTransposed(v, &s.values[row][F::column(row, n * 2 + (lane >> 4))]);
        multiplyAdd(sums[2 * n], p, v[0], v[1]);
        multiplyAdd(sums[2 * n + 1], p, v[2], v[3]);
      }
    }
    __syncthreads();
    bringValues(tile + 1);
  }

  if (!kOneSplit) foldSplit(false);
  UNROLL
  for (int h = 0; h < 2; h++) {
    int row = warp * 16 + (lane >> 2) + 8 * h;
    float w = kOneSplit ? wholeWeight(h) : 0.0f;
    if (!work.used(row)) continue;
    if (kOneSplit) {
      size_t at = (size_t(blockIdx.x) * a.heads.keyValue + kvHead) * a.splits + blockIdx.z;
      float* to = a.partials + (at * F::kRows + row) * (dim + 2);
      UNROLL
      for (int n = 0; n < kFragments; n++) {
        int column = n * 8 + (lane & 3) * 2;
        if (column >= dim) continue;
        to[column] = sums[n][2 * h];
        to[column + 1] = sums[n][2 * h + 1];
      }
      if ((lane & 3) == 0) {
        to[dim] = most[h];
        to[dim + 1] = w;
      }
    } else {
      bf16* to = a.out + size_t(work.first + work.query(row)) * a.heads.query * dim +
                 (kvHead * work.group + row % work.group) * dim;
      UNROLL
      for (int n = 0; n < kFragments; n++) {
        int column = n * 8 + (lane & 3) * 2;
        if (column >= dim) continue;
        storePair(to + column, sums[n][2 * h] / before[h].weight, sums[n][2 * h + 1] / before[h].weight);
      }
    }
  }
}

/// Folds the splits of a tile, element by element; a block a tile and group.
__device__ __forceinline__ void combine(const AttentionArguments& a, int rows) {
  Work work(a, rows);
  int dim = a.heads.dim, kvHead = blockIdx.y;
  int splits = (work.end + kKeys * kSplitTiles - 1) / (kKeys * kSplitTiles);
  const float* tile = a.partials + (size_t(blockIdx.x) * a.heads.keyValue + kvHead) * a.splits * rows * (dim + 2);
  for (int i = threadIdx.x; i < work.queries * work.group * dim; i += blockDim.x) {
    int row = i / dim, element = i % dim;
    const float* split = tile + size_t(row) * (dim + 2);
    float sum = split[element];
    Fold all{split[dim], split[dim + 1]};
    for (int g = 1; g < splits; g++) {
      split += size_t(rows) * (dim + 2);
      float mine, its;
      all.add(split[dim], split[dim + 1], mine, its);
      sum = fold(sum, mine, split[element], its);
    }
    bf16* to = a.out + size_t(work.first + work.query(row)) * a.heads.query * dim +
               (kvHead * work.group + row % work.group) * dim;
    store(to + element, sum / all.weight);
  }
}

}  // namespace

#define ATTENTION(name, threads, ...)                                                                               \
  KERNEL(name, threads)(const float* fused, const QueryTile* tiles, const SequenceSpan* spans, const int* positions, \
                        const uint64_t* pages, int64_t layerOffset, bf16* out, float* partials, int queryHeads,     \
                        int kvHeads, int headDim, int blockLength, float scale, int splits, int rows) {             \
    AttentionArguments a{fused,    tiles,                          spans,       positions, pages, layerOffset, out, \
                         partials, {queryHeads, kvHeads, headDim}, blockLength, scale,     splits};                 \
    __VA_ARGS__;                                                                                                    \
    (void)rows;                                                                                                     \
  }                                                                                                                 \
  REGISTER(name)

#define FLASH(dim, warps)                                                                   \
  ATTENTION(attention_##dim, (Flash<dim, warps>::kThreads), attend<Flash<dim, warps>, false>(a)) \
  ATTENTION(attention_split_##dim, (Flash<dim, warps>::kThreads), attend<Flash<dim, warps>, true>(a))

FLASH(32, 4)
FLASH(64, 4)
FLASH(96, 4)
FLASH(128, 4)
FLASH(256, 2)
ATTENTION(attention_combine, 128, combine(a, rows))
