// SPDX-License-Identifier: Apache-2.0
// The vocabulary head without logits in memory: a block multiplies a tile of rows with 128 columns of the vocabulary
// on tensor cores and reduces each row of it to a Partial while the sums are on the chip; head_combine makes the
// prediction of the partials of all columns. For the largest logit and for plain temperature; top-k and top-p need a
// row's logits again and again, and go through sample.cu.
//
// The 1e-10 in Σ p·ln(p + 1e-10) needs p itself, so the entropy takes the product a second time (head_floor), for
// the entries that want it.
#include "prediction.cuh"
#include "tile.cuh"

namespace {

constexpr int kColumns = 128;  // of a block; four a lane, so that a lane's noise is one Philox block

/// A row of a tile: which row of the hidden states, and which entry it is for; −1: none. Where a row i has an entry
/// and row i + 8 only a row, that is the unconditional one of the entry.
struct Slot {
  int row, entry;
};

/// A row in the columns of one block: the largest, and sums relative to it over all others.
struct Partial {
  float first, second;
  int index;
  float rest, weighted;                  // Σ w and Σ w·d of w = exp(d), d = l − first
  float temperedRest, temperedWeighted;  // the same of d = (l − first) / temperature, where confidence wants it
  int sampled;
  float sampledLogit;
  double ratio;  // −ln U / w of the sampled one
};

/// What p is made of, for head_floor.
struct Normal {
  double scale;
  float max, inverse;
};

/// Rows of the hidden states that the slots of a block name.
struct SlotRows {
  const bf16* from;
  const Slot* slots;
  int first, count, width;
  __device__ __forceinline__ Slot slot(int r) const {
    return first + r < count ? slots[first + r] : Slot{-1, -1};
  }
  __device__ __forceinline__ bool has(int r) const { return slot(r).row >= 0; }
  __device__ __forceinline__ const bf16* row(int r) const { return from + size_t(slot(r).row) * width; }
};

struct HeadArguments {
  const bf16* hidden;
  const bf16* head;
  int in, stride, columns, slotCount;
  const Slot* slots;
  const Wanted* wanted;
  const int* suppressed;
};

template <class T>
struct HeadShared {
  union {
    T tile;
    float logits[T::kRows][kColumns + 8];
  };
};

__device__ __forceinline__ float inverseOf(float temperature) {
  // Finite even for the smallest temperatures: 0 times infinity would be NaN.
  return temperature > 0 && temperature != 1 ? fminf(1 / temperature, 3.402823466e38f) : 1.0f;
}

/// The logits of this lane's four columns, guided, without those that are suppressed or do not exist.
__device__ __forceinline__ void logitsOf(const HeadArguments& a, const float* row, const float* unconditional,
                                         const Wanted& w, int column, float (&l)[4]) {
  UNROLL
  for (int e = 0; e < 4; e++) {
    l[e] = row[e];
    if (unconditional != nullptr) l[e] = fmaf(w.guidance + 1, l[e] - unconditional[e], unconditional[e]);
    if (column + e >= a.columns) l[e] = -INFINITY;
  }
  for (int i = 0; i < w.suppressed; i++) {
    int at = a.suppressed[w.suppressedAt + i] - column;
    UNROLL
    for (int e = 0; e < 4; e++) {
      if (e == at) l[e] = -INFINITY;
    }
  }
}

/// Multiplies the block's tile, and calls `visit(entry, wanted, column, logits of this lane's columns)` for every entry
/// of it, with a whole warp.
template <class T, class Visit>
__device__ __forceinline__ void forEachRow(const HeadArguments& a, Visit visit) {
  HeadShared<T>& s = SHARED(HeadShared<T>);
  int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  int firstColumn = blockIdx.y * kColumns;
  SlotRows slots{a.hidden, a.slots, int(blockIdx.x) * T::kRows, a.slotCount, a.in};
  typename T::Sums sums = {};
  multiplyTile(s.tile, slots, Rows{a.head, firstColumn, a.columns, a.stride}, a.in, sums);
  waitForCopies<0>();
  __syncthreads();
  UNROLL
  for (int i = 0; i < T::kDown; i++) {
    UNROLL
    for (int j = 0; j < 2 * T::kAcross; j++) {
      UNROLL
      for (int e = 0; e < 4; e++) {
        s.logits[T::warpRow() + i * 16 + (lane >> 2) + (e >> 1) * 8]
                [T::warpColumn() + j * 8 + (lane & 3) * 2 + (e & 1)] = sums[i][j][e];
      }
    }
  }
  __syncthreads();
  for (int r = warp; r < T::kRows; r += T::kThreads / 32) {
    int entry = slots.slot(r).entry;
    if (entry < 0) continue;
    Slot other = (r & 8) == 0 ? slots.slot(r + 8) : Slot{-1, -1};
    bool guided = other.row >= 0 && other.entry < 0;
    const Wanted& w = a.wanted[entry];
    float l[4];
    logitsOf(a, &s.logits[r][4 * lane], guided ? &s.logits[r + 8][4 * lane] : nullptr, w, firstColumn + 4 * lane, l);
    visit(entry, w, firstColumn + 4 * lane, l);
  }
}

/// Σ w and Σ w·d of the lane's columns but `largest`.
__device__ __forceinline__ void sumWeights(const float (&l)[4], float base, float inverse, int column, int largest,
                                           float& rest, float& weighted) {
  rest = 0;
  weighted = 0;
  UNROLL
  for (int e = 0; e < 4; e++) {
    if (column + e == largest) continue;
    float d = (l[e] - base) * inverse, v = exponential(d);
    rest += v;
    weighted += v == 0 ? 0 : v * d;  // exp(−∞)·(−∞) counts as 0, as its limit does
  }
  rest = warpSum(rest);
  weighted = warpSum(weighted);
}

/// Gumbel-max over the warp's columns, as argmin of −ln U / w. The largest sets a bar that most others do not reach.
__device__ __forceinline__ void draw(const float (&l)[4], float base, int column, int largest, const Wanted& w,
                                     Partial& p) {
  float inverse = inverseOf(w.temperature);
  uint32_t words[4];
  philox(w.seed, w.step, w.position, column / 4, words);
  double bar = 0;
  UNROLL
  for (int e = 0; e < 4; e++) {
    if (column + e == largest) bar = -log(uniform(words[e]));
  }
  Race race{__shfl_sync(kWholeWarp, bar, (largest >> 2) & 31), largest};
  UNROLL
  for (int e = 0; e < 4; e++) {
    double u = uniform(words[e]), weight = exponential((l[e] - base) * inverse);
    if (column + e != largest && weight > 0 && 1.0 - u < race.best * weight) race.add(-log(u) / weight, column + e);
  }
  for (int o = 16; o > 0; o >>= 1) {
    double best = __shfl_xor_sync(kWholeWarp, race.best, o);
    int token = __shfl_xor_sync(kWholeWarp, race.token, o);
    race.add(best, token);
  }
  p.ratio = race.best;
  p.sampled = race.token;
  float logit = 0;
  UNROLL
  for (int e = 0; e < 4; e++) {
    if (column + e == race.token) logit = l[e];
  }
  p.sampledLogit = __shfl_sync(kWholeWarp, logit, (race.token >> 2) & 31);
}

template <class T>
__device__ __forceinline__ void reduce(const HeadArguments& a, Partial* partials, float* present) {
  forEachRow<T>(a, [&](int entry, const Wanted& w, int column, const float(&l)[4]) {
    TopTwo top{-INFINITY, -INFINITY, a.columns};
    UNROLL
    for (int e = 0; e < 4; e++) {
      top.add(l[e], column + e);
      if (column + e == w.present) present[entry] = l[e];
    }
    for (int o = 16; o > 0; o >>= 1) {
      float first = __shfl_xor_sync(kWholeWarp, top.first, o);
      float second = __shfl_xor_sync(kWholeWarp, top.second, o);
      int index = __shfl_xor_sync(kWholeWarp, top.index, o);
      top.join(first, second, index);
    }
    bool any = top.first != -INFINITY;
    float base = any ? top.first : 0.0f;
    Partial p{top.first, top.second, top.index, 0, 0, 0, 0, a.columns, 0, INFINITY};
    sumWeights(l, base, 1, column, top.index, p.rest, p.weighted);
    if (w.filtered != 0 && w.temperature > 0 && w.temperature != 1) {
      sumWeights(l, base, inverseOf(w.temperature), column, top.index, p.temperedRest, p.temperedWeighted);
    }
    if (w.temperature > 0 && any) draw(l, base, column, top.index, w, p);
    if ((threadIdx.x & 31) == 0) partials[size_t(entry) * gridDim.y + blockIdx.y] = p;
  });
}

/// What the 1e-10 adds to a row's entropy in the block's columns.
template <class T>
__device__ __forceinline__ void addFloors(const HeadArguments& a, const Normal* normals, double* floors) {
  forEachRow<T>(a, [&](int entry, const Wanted&, int column, const float(&l)[4]) {
    (void)column;
    Normal n = normals[entry];
    double sum = 0;
    UNROLL
    for (int e = 0; e < 4; e++) sum += floorTerm(exponential((l[e] - n.max) * n.inverse) * n.scale);
    sum = warpSum(sum);
    if ((threadIdx.x & 31) == 0) floors[size_t(entry) * gridDim.y + blockIdx.y] = sum;
  });
}

/// Σ w and Σ w·d over all columns relative to the largest of all.
struct Total {
  double sum, weighted;
  __device__ __forceinline__ void add(float first, float max, float inverse, float rest, float partWeighted) {
    if (first == -INFINITY) {
      sum += rest;  // 0, or NaN
      return;
    }
    double shift = (double(first) - double(max)) * inverse, factor = exp(shift), whole = 1 + double(rest);
    sum += factor * whole;
    weighted += factor == 0 ? 0 : factor * (partWeighted + whole * shift);
  }
  __device__ __forceinline__ double negativeEntropy() const { return weighted / sum - log(sum); }
};

__device__ __forceinline__ Total blockTotal(Total t, SampleShared& s) {
  t.sum = blockSum(t.sum, s);
  t.weighted = blockSum(t.weighted, s);
  return t;
}

/// From few rows, so many blocks at once, to many; the same bits.
using Few = Tile<32, kColumns, 64, 1, 4, 3>;
using Many = Tile<128, kColumns, 32, 2, 4, 4>;

}  // namespace

#define HEAD(name, T)                                                                                              \
  KERNEL(name, T::kThreads)(const bf16* hidden, const bf16* head, int in, int stride, int columns, int slotCount,  \
                            const Slot* slots, const Wanted* wanted, const int* suppressed, Partial* partials,     \
                            float* present) {                                                                      \
    reduce<T>({hidden, head, in, stride, columns, slotCount, slots, wanted, suppressed}, partials, present);       \
  }                                                                                                                \
  REGISTER(name)
HEAD(head_few, Few)
HEAD(head_many, Many)

#define FLOOR(name, T)                                                                                             \
  KERNEL(name, T::kThreads)(const bf16* hidden, const bf16* head, int in, int stride, int columns, int slotCount,  \
                            const Slot* slots, const Wanted* wanted, const int* suppressed, const Normal* normals, \
                            double* floors) {                                                                      \
    addFloors<T>({hidden, head, in, stride, columns, slotCount, slots, wanted, suppressed}, normals, floors);      \
  }                                                                                                                \
  REGISTER(name)
FLOOR(head_floor_few, Few)
FLOOR(head_floor_many, Many)

/// A block an entry.
KERNEL_SHARING(head_combine, kThreads, 3)(const Partial* partials, int tiles, int columns, const Wanted* wanted,
                                          const float* present, Found* found, Normal* normals) {
  SampleShared& s = SHARED(SampleShared);
  const Wanted& w = wanted[blockIdx.x];
  const Partial* parts = partials + size_t(blockIdx.x) * tiles;
  Found* out = found + blockIdx.x;
  bool leader = threadIdx.x == 0;
  TopTwo top{-INFINITY, -INFINITY, columns};
  for (int t = threadIdx.x; t < tiles; t += kThreads) top.join(parts[t].first, parts[t].second, parts[t].index);
  top = blockTopTwo(top, s);
  if (top.first == -INFINITY) {
    if (leader) {
      *out = {0, kNothingLeft, 0, 0, 0, 0};
      normals[blockIdx.x] = {0, 0, 0};
    }
    return;
  }
  float inverse = inverseOf(w.temperature);
  bool tempered = w.filtered != 0 && w.temperature > 0 && w.temperature != 1;
  Total raw{0, 0}, filtered{0, 0};
  Race race{INFINITY, top.index};
  float logit = top.first;
  for (int t = threadIdx.x; t < tiles; t += kThreads) {
    Partial p = parts[t];
    raw.add(p.first, top.first, 1, p.rest, p.weighted);
    if (tempered) filtered.add(p.first, top.first, inverse, p.temperedRest, p.temperedWeighted);
    double ratio = p.ratio / exp((double(p.first) - double(top.first)) * inverse);
    if (ratio < INFINITY) race.add(ratio, p.sampled);
  }
  raw = blockTotal(raw, s);
  if (!(raw.sum < INFINITY)) {
    if (leader) {
      *out = {0, kNotFinite, 0, 0, 0, 0};
      normals[blockIdx.x] = {0, 0, 0};
    }
    return;
  }
  if (tempered) filtered = blockTotal(filtered, s);
  if (w.temperature > 0) {
    race = blockRace(race, s);
    logit = parts[race.token / kColumns].sampledLogit;
  }
  if (!leader) return;
  const Total& chosen = tempered ? filtered : raw;
  if (!tempered) inverse = 1;
  normals[blockIdx.x] = {1 / chosen.sum, top.first, inverse};
  double probability = w.present >= 0 ? exponential(present[blockIdx.x] - top.first) / raw.sum : 0;
  *out = {race.token,
          kFine,
          exponential((logit - top.first) * inverse) / chosen.sum,
          (1 - gap(top.first, top.second, tempered ? w.temperature : 1)) / chosen.sum,
          chosen.negativeEntropy(),
          probability};
}
REGISTER(head_combine)

/// Adds the floors of all columns to the entropy; a block a slot.
KERNEL(head_entropy, kThreads)(const double* floors, int tiles, const Slot* slots, Found* found) {
  int entry = slots[blockIdx.x].entry;
  if (entry < 0) return;
  double sum = 0;
  for (int t = threadIdx.x; t < tiles; t += kThreads) sum += floors[size_t(entry) * tiles + t];
  sum = blockSum(sum, SHARED(SampleShared));
  if (threadIdx.x == 0) found[entry].negativeEntropy += sum;
}
REGISTER(head_entropy)
