// SPDX-License-Identifier: Apache-2.0
// The flash attention of attention.cu for many queries on Hopper (compute capability 9.0), heads of 64 and 128: a warp
// brings pages of keys and values by bulk copies, two groups of four warps multiply by wgmma, each 64 rows (Shah et
// al., "FlashAttention-3", 2024). Scores of a page are computed while the values of the one before are multiplied.
//
// Everything is added up in the order of attention.cu: where the sums inside of one product are the same, so are all
// bits. On other chips the kernels are there and do nothing.
#include "flash.cuh"

#ifdef HAS_WGMMA
namespace {

/// Queries, keys or values: 64 rows, 64 elements of each after the other, swizzled (see `describe`).
template <int kDim>
struct Swizzled {
  static constexpr int kPart = 64 * 64 * 2;  // bytes of 64 elements of all rows
  bf16 parts[kDim / 64][64][64];

  /// 16 elements of all rows from 16 · c on.
  static __device__ __forceinline__ int columns(int c) { return c / 4 * kPart + c % 4 * 32; }
  /// All elements of 16 rows from 16 · c on.
  static __device__ __forceinline__ int rows(int c) { return c * 16 * 128; }
};

template <int kDim_>
struct Specialised {
  static constexpr int kDim = kDim_, kGroups = 2, kRows = 64 * kGroups, kStages = 3;
  static constexpr int kConsumers = 128 * kGroups;  // threads; of four warps more the first produces
  typedef Swizzled<kDim> Rows;

  Rows queries[kGroups];
  Rows keys[kStages], values[kStages];
  /// The folded sums of the splits so far, each thread's own.
  float sums[kDim / 8 * 4][kConsumers];
  uint64_t keysHere[kStages], keysDone[kStages], valuesHere[kStages], valuesDone[kStages];
};

/// The first `rows` rows of a page by bulk copies, and zeros in place of the others; with a whole warp.
template <int kDim>
__device__ __forceinline__ void bring(Swizzled<kDim>& to, const bf16* from, int rows, uint64_t* here, uint64_t* done,
                                      unsigned round) {
  int lane = threadIdx.x & 31;
  barrierWait(done, (round + 1) & 1);
  if (rows < 64) {
    int tail = (64 - rows) * 8;
    for (int i = lane; i < kDim / 64 * tail; i += 32) {
      clearChunk(&to.parts[i / tail][rows + i % tail / 8][i % 8 * 8]);
    }
    proxyFence();
    __syncwarp();
  }
  if (lane == 0) {
    barrierArrive(here, kDim / 64 * rows * 128);
    for (int part = 0; part < kDim / 64; part++) copyBulk(to.parts[part], from + part * 64 * 64, rows * 128, here);
  }
  __syncwarp();
}

template <int kDim>
__device__ __forceinline__ void produce(const AttentionArguments& a, const Work& work, Specialised<kDim>& s) {
  typedef Specialised<kDim> F;
  for (int tile = 0; tile * kKeys < work.end; tile++) {
    int stage = tile % F::kStages, rows = min(kKeys, work.span.context - tile * kKeys);
    unsigned round = tile / F::kStages;
    const bf16* page = pageOf<const bf16>(a.pages, work.span, tile, a.layerOffset, a.heads, blockIdx.y);
    bring(s.keys[stage], page, rows, &s.keysHere[stage], &s.keysDone[stage], round);
    bring(s.values[stage], page + size_t(a.heads.keyValue) * kKeys * kDim, rows, &s.valuesHere[stage],
          &s.valuesDone[stage], round);
  }
}

template <int kDim>
__device__ __forceinline__ void consume(const AttentionArguments& a, const Work& work, Specialised<kDim>& s) {
  typedef Specialised<kDim> F;
  constexpr int kFragments = kDim / 8;
  int lane = threadIdx.x & 31, group = threadIdx.x / 128, kvHead = blockIdx.y;
  int firstRow = int(threadIdx.x / 32) * 16 + (lane >> 2);  // and eight further
  int tiles = (work.end + kKeys - 1) / kKeys;

  for (int i = threadIdx.x % 128; i < 64 * kDim / 2; i += 128) {
    int r = i / (kDim / 2), row = group * 64 + r, column = i % (kDim / 2) * 2;
    const float* from = a.fused + size_t(work.first + work.query(row)) * a.heads.fusedWidth() +
                        (kvHead * work.group + row % work.group) * kDim + column;
    bool there = work.used(row);
    storePair(&s.queries[group].parts[column / 64][r][((column % 64 / 8) ^ (r & 7)) * 8 + column % 8],
              there ? from[0] : 0.0f, there ? from[1] : 0.0f);
  }
  proxyFence();
  groupBarrier(1 + group, 128);

  // Of this thread's two rows: what they see, the split at hand, and the fold of those before.
  int visible[2];
  float most[2] = {-INFINITY, -INFINITY}, weight[2] = {0.0f, 0.0f}, shrink[2];
  float scores[kKeys / 8][4], sums[kFragments][4] = {};
  uint32_t p[kKeys / 16][4];
  Fold before[2];
  bool folded = false;
  UNROLL
  for (int h = 0; h < 2; h++) {
    visible[h] = visibleKeys(a.positions[work.first + work.query(firstRow + 8 * h)], work.span.context, a.blockLength);
  }

  auto multiplyKeys = [&](int tile) {
    int stage = tile % F::kStages;
    uint64_t q = describe(&s.queries[group], 0), k = describe(&s.keys[stage], 0);
    UNROLL
    for (int c = 0; c < kDim / 16; c++) {
      multiplyGroup(scores, further(q, F::Rows::columns(c)), further(k, F::Rows::columns(c)));
    }
    commitProducts();
  };
  auto multiplyValues = [&](int tile) {
    int stage = tile % F::kStages;
    uint64_t v = describe(&s.values[stage], F::Rows::kPart);
    UNROLL
    for (int c = 0; c < kKeys / 16; c++) multiplyGroup(sums, p[c], further(v, F::Rows::rows(c)));
    commitProducts();
  };
  auto waitFor = [&](uint64_t (&here)[F::kStages], int tile) {
    barrierWait(&here[tile % F::kStages], tile / F::kStages & 1);
  };
  auto done = [&](uint64_t* barrier) {
    if (lane == 0) barrierArrive(barrier, 0);
  };
  auto clearScores = [&] {
    UNROLL
    for (int n = 0; n < kKeys / 8; n++) {
      UNROLL
      for (int e = 0; e < 4; e++) scores[n][e] = 0.0f;
    }
  };
  // The scores of a page become weights.
  auto softmax = [&](int tile) {
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
      float sum = 0.0f;
      shrink[h] = exp2f(most[h] - base);
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
      weight[h] = fmaf(weight[h], shrink[h], sum);
    }
  };
  // A split is over: what its weights fold to; its sums may still be under way.
  float mine[2], its[2];
  auto foldWeights = [&] {
    UNROLL
    for (int h = 0; h < 2; h++) {
      float w = weight[h];
      w += __shfl_xor_sync(kWholeWarp, w, 1);
      w += __shfl_xor_sync(kWholeWarp, w, 2);
      if (folded) {
        before[h].add(most[h], w, mine[h], its[h]);
      } else {
        before[h] = {most[h], w};
      }
      most[h] = -INFINITY;
      weight[h] = 0.0f;
    }
  };
  auto foldSums = [&](bool keep) {
    UNROLL
    for (int n = 0; n < kFragments; n++) {
      UNROLL
      for (int e = 0; e < 4; e++) {
        float& kept = s.sums[n * 4 + e][threadIdx.x];
        if (folded) sums[n][e] = fold(kept, mine[e / 2], sums[n][e], its[e / 2]);
        if (keep) {
          kept = sums[n][e];
          sums[n][e] = 0.0f;
        }
      }
    }
    folded = true;
  };

  // Weights as a factor of the values.
  auto packScores = [&] {
    UNROLL
    for (int c = 0; c < kKeys / 16; c++) {
      p[c][0] = pack(scores[2 * c][0], scores[2 * c][1]);
      p[c][1] = pack(scores[2 * c][2], scores[2 * c][3]);
      p[c][2] = pack(scores[2 * c + 1][0], scores[2 * c + 1][1]);
      p[c][3] = pack(scores[2 * c + 1][2], scores[2 * c + 1][3]);
    }
  };

  clearScores();
  waitFor(s.keysHere, 0);
  settled(scores);
  productFence();
  multiplyKeys(0);
  waitForProducts<0>();
  settled(scores);
  done(&s.keysDone[0]);
  softmax(0);
  for (int tile = 1; tile < tiles; tile++) {
    bool split = tile % kSplitTiles == 0;
    packScores();
    clearScores();
    waitFor(s.keysHere, tile);
    waitFor(s.valuesHere, tile - 1);
    settled(p);
    settled(scores);
    settled(sums);
    productFence();
    multiplyKeys(tile);
    multiplyValues(tile - 1);
    waitForProducts<1>();
    settled(scores);
    done(&s.keysDone[tile % F::kStages]);
    if (split) foldWeights();
    softmax(tile);
    waitForProducts<0>();
    settled(sums);
    settled(p);  // they were read until here
    done(&s.valuesDone[(tile - 1) % F::kStages]);
    if (split) foldSums(true);
    UNROLL
    for (int n = 0; n < kFragments; n++) {
      UNROLL
      for (int e = 0; e < 4; e++) sums[n][e] *= shrink[e / 2];
    }
  }
  packScores();
  waitFor(s.valuesHere, tiles - 1);
  settled(p);
  settled(sums);
  productFence();
  multiplyValues(tiles - 1);
  waitForProducts<0>();
  settled(sums);
  settled(p);
  foldWeights();
  foldSums(false);
  UNROLL
  for (int h = 0; h < 2; h++) {
    int row = firstRow + 8 * h;
    if (!work.used(row)) continue;
    bf16* to = a.out + size_t(work.first + work.query(row)) * a.heads.query * kDim +
               (kvHead * work.group + row % work.group) * kDim;
    UNROLL
    for (int n = 0; n < kFragments; n++) {
      storePair(to + n * 8 + (lane & 3) * 2, sums[n][2 * h] / before[h].weight, sums[n][2 * h + 1] / before[h].weight);
    }
  }
}

template <int kDim>
__device__ __forceinline__ void attend(const AttentionArguments& a) {
  typedef Specialised<kDim> F;
  F& s = SHARED(F);
  if (threadIdx.x == 0) {
    for (int i = 0; i < F::kStages; i++) {
      barrierInit(&s.keysHere[i], 1);
      barrierInit(&s.valuesHere[i], 1);
      barrierInit(&s.keysDone[i], F::kConsumers / 32);
      barrierInit(&s.valuesDone[i], F::kConsumers / 32);
    }
    barriersMade();
  }
  waitForPrevious();
  __syncthreads();
  Work work(a, F::kRows);
  if (threadIdx.x >= F::kConsumers) {
    giveRegisters<40>();
    if (threadIdx.x < F::kConsumers + 32) produce<kDim>(a, work, s);
  } else {
    takeRegisters<232>();
    consume<kDim>(a, work, s);
  }
}

}  // namespace
#define ATTEND(dim, ...) attend<dim>({__VA_ARGS__})
#else
#define ATTEND(dim, ...)
#endif

#define WGMMA(dim)                                                                                                     \
  KERNEL_ALONE(attention_wgmma_##dim, 384)(const float* fused, const QueryTile* tiles, const SequenceSpan* spans,            \
                                     const int* positions, const uint64_t* pages, int64_t layerOffset, bf16* out,      \
                                     float* partials, int queryHeads, int kvHeads, int headDim, int blockLength,       \
                                     float scale, int splits, int rows) {                                              \
    ATTEND(dim, fused, tiles, spans, positions, pages, layerOffset, out, partials, {queryHeads, kvHeads, headDim},      \
           blockLength, scale, splits);                                                                                \
    (void)headDim, (void)rows;                                                                                         \
  }                                                                                                                    \
  REGISTER(attention_wgmma_##dim)

WGMMA(64)
WGMMA(128)
