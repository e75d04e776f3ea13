// SPDX-License-Identifier: Apache-2.0
// One row of logits becomes a token and what is known about it; a block a row. Guidance, suppressed tokens,
// temperature, top-p, top-k and Gumbel-max, in the order and with the noise of the processor's sampler.
#include "prediction.cuh"

namespace {

/// Maps floats to ints of the same order, and back.
__device__ __forceinline__ int ordered(float x) {
  int bits = int(__float_as_uint(x));
  return bits ^ ((bits >> 31) & 0x7FFFFFFF);
}
__device__ __forceinline__ float unordered(int order) {
  return __uint_as_float(uint32_t(order ^ ((order >> 31) & 0x7FFFFFFF)));
}

/// The row of logits that a block looks at, and who of it may be sampled.
struct Row {
  const float* logits;
  int n;
  float max, inverse;                 // weights are exp((l − max)·inverse)
  float threshold, kth;               // −∞: everyone
  int lastTie;

  __device__ __forceinline__ float weight(int j) const { return exponential((logits[j] - max) * inverse); }
  __device__ __forceinline__ bool kept(int j) const {
    float l = logits[j];
    return !(l < threshold || (l == threshold && j > lastTie) || l < kth);
  }
  __device__ __forceinline__ double massAbove(float t, SampleShared& s) const {
    double sum = 0;
    for (int j = threadIdx.x; j < n; j += kThreads) {
      if (logits[j] > t) sum += weight(j);
    }
    return blockSum(sum, s);
  }
  __device__ __forceinline__ double countAbove(float t, SampleShared& s) const {
    double count = 0;
    for (int j = threadIdx.x; j < n; j += kThreads) count += logits[j] > t ? 1 : 0;
    return blockSum(count, s);
  }
  __device__ __forceinline__ double ties(float t, int end, SampleShared& s) const {
    double count = 0;
    for (int j = threadIdx.x; j < end; j += kThreads) count += logits[j] == t ? 1 : 0;
    return blockSum(count, s);
  }
};

/// The smallest logit with at most `budget` mass above it (count < 0), or with fewer than `count` elements above.
__device__ __forceinline__ float lowest(const Row& row, double budget, int count, SampleShared& s) {
  int64_t low = ordered(-INFINITY), high = ordered(row.max);
  while (low < high) {
    int64_t middle = (low + high) >> 1;
    float t = unordered(int(middle));
    bool fits = count < 0 ? row.massAbove(t, s) <= budget : row.countAbove(t, s) < count;
    if (fits) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return unordered(int(low));
}

/// Top-p: elements above the threshold stay, and of those equal to it as many, lowest index first, as begin
/// within the budget.
__device__ __forceinline__ void keepTopP(Row& row, double budget, SampleShared& s) {
  row.threshold = lowest(row, budget, -1, s);
  double mass = row.massAbove(row.threshold, s);
  double ties = row.ties(row.threshold, row.n, s);
  double weight = exponential((row.threshold - row.max) * row.inverse);
  double stay = 0;
  for (; stay < ties && mass <= budget; stay++) mass += weight;
  if (stay == ties) {
    row.lastTie = row.n;
    return;
  }
  int low = 0, high = row.n - 1;  // the lowest index up to which that many lie
  while (low < high) {
    int middle = (low + high) / 2;
    if (row.ties(row.threshold, middle + 1, s) >= stay) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  row.lastTie = stay == 0 ? -1 : low;
}

/// Gumbel-max, computed as argmin of −ln U / w. Nobody whose noise cannot win costs a logarithm.
__device__ __forceinline__ int sampleToken(const Row& row, int largest, const Wanted& wanted, SampleShared& s) {
  Race race{INFINITY, largest};
  int groups = (row.n + 3) / 4;
  // Everybody begins with the group of the largest: it sets a bar that most others do not reach.
  for (int g = -1; g < groups; g += g < 0 ? 1 + int(threadIdx.x) : kThreads) {
    if (g >= groups) break;
    int from = 4 * (g < 0 ? largest / 4 : g);
    float weights[4], heaviest = 0;
    UNROLL
    for (int e = 0; e < 4; e++) {
      weights[e] = from + e < row.n && row.kept(from + e) ? row.weight(from + e) : 0;
      heaviest = fmaxf(heaviest, weights[e]);
    }
    if (!(0x1p-33 < race.best * double(heaviest))) continue;  // −ln U > 1 − U ≥ 2^−33
    uint32_t words[4];
    philox(wanted.seed, wanted.step, wanted.position, from / 4, words);
    UNROLL
    for (int e = 0; e < 4; e++) {
      double u = uniform(words[e]), w = weights[e];
      if (w > 0 && 1.0 - u < race.best * w) race.add(-log(u) / w, from + e);
    }
  }
  return blockRace(race, s).token;
}

/// What one pass over the weights of those who stay gives.
struct Sums {
  double sum, weighted;
  float second;
};

__device__ __forceinline__ Sums sumKept(const Row& row, int largest, SampleShared& s) {
  double sum = 0, weighted = 0;
  TopTwo second{0, 0, 0};
  for (int j = threadIdx.x; j < row.n; j += kThreads) {
    if (!row.kept(j)) continue;
    float d = (row.logits[j] - row.max) * row.inverse, v = exponential(d);
    sum += v;
    weighted += v == 0 ? 0 : v * d;  // exp(−∞)·(−∞) counts as 0, as its limit does
    if (j != largest) second.add(v, 0);
  }
  sum = blockSum(sum, s);
  weighted = blockSum(weighted, s);
  return {sum, weighted, blockTopTwo(second, s).first};
}

__device__ __forceinline__ double entropyFloor(const Row& row, double scale, SampleShared& s) {
  double sum = 0;
  for (int j = threadIdx.x; j < row.n; j += kThreads) {
    if (row.kept(j)) sum += floorTerm(row.weight(j) * scale);
  }
  return blockSum(sum, s);
}

__device__ __forceinline__ void prepare(float* logits, const float* all, int n, const Wanted& w, const int* suppressed) {
  if (w.unconditionalRow >= 0) {
    const float* u = all + size_t(w.unconditionalRow) * n;
    float strength = w.guidance + 1;
    for (int j = threadIdx.x; j < n; j += kThreads) logits[j] = fmaf(strength, logits[j] - u[j], u[j]);
    __syncthreads();
  }
  for (int i = threadIdx.x; i < w.suppressed; i += kThreads) logits[suppressed[w.suppressedAt + i]] = -INFINITY;
  __syncthreads();
}

}  // namespace

KERNEL_SHARING(sample, kThreads, 2)(float* all, int n, const Wanted* wanted, const int* suppressed, Found* found) {
  SampleShared& s = SHARED(SampleShared);
  Wanted w = wanted[blockIdx.x];
  Found* out = found + blockIdx.x;
  float* logits = all + size_t(w.row) * n;
  prepare(logits, all, n, w, suppressed);

  TopTwo top{-INFINITY, -INFINITY, n};
  for (int j = threadIdx.x; j < n; j += kThreads) top.add(logits[j], j);
  top = blockTopTwo(top, s);
  Row raw{logits, n, top.first, 1.0f, -INFINITY, -INFINITY, n};
  bool leader = threadIdx.x == 0;
  if (top.first == -INFINITY) {
    if (leader) *out = {0, kNothingLeft, 0, 0, 0, 0};
    return;
  }
  Sums sums = sumKept(raw, top.index, s);
  if (!(sums.sum < INFINITY)) {
    if (leader) *out = {0, kNotFinite, 0, 0, 0, 0};
    return;
  }
  double present = w.present >= 0 ? raw.weight(w.present) / sums.sum : 0;
  double rawEntropy = sums.weighted / sums.sum - log(sums.sum) + entropyFloor(raw, 1 / sums.sum, s);
  double rawMargin = (1 - gap(top.first, top.second, 1)) / sums.sum;

  bool filters = (w.topK > 0 && w.topK < n) || w.topP < 1;
  if (w.temperature == 0 && (w.filtered == 0 || !filters)) {
    if (leader) *out = {top.index, kFine, 1 / sums.sum, rawMargin, rawEntropy, present};
    return;
  }
  Row row = raw;
  Sums kept = sums;
  // Finite even for the smallest temperatures: 0 times infinity would be NaN.
  if (w.temperature > 0 && w.temperature != 1) {
    row.inverse = fminf(1 / w.temperature, 3.402823466e38f);
    kept = sumKept(row, top.index, s);
  }
  kept.second = gap(top.first, top.second, w.temperature > 0 ? w.temperature : 1);
  if (filters) {
    Row all_ = row;
    if (w.topP < 1) keepTopP(row, double(w.topP) * kept.sum, s);
    if (w.topK > 0 && w.topK < n) row.kth = lowest(all_, 0, w.topK, s);
    kept = sumKept(row, top.index, s);
  }
  int token = w.temperature > 0 ? sampleToken(row, top.index, w, s) : top.index;
  if (w.filtered == 0) {
    if (leader) *out = {token, kFine, raw.weight(token) / sums.sum, rawMargin, rawEntropy, present};
    return;
  }
  double entropy = kept.weighted / kept.sum - log(kept.sum) + entropyFloor(row, 1 / kept.sum, s);
  if (leader) *out = {token, kFine, row.weight(token) / kept.sum, (1 - kept.second) / kept.sum, entropy, present};
}
REGISTER(sample)
