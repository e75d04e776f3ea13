// SPDX-License-Identifier: Apache-2.0
// What a prediction asks for and what is found, and the sums over a block by which it is found.
#pragma once
#include "philox.cuh"

constexpr int kThreads = 256, kWarps = kThreads / 32;

/// What a prediction asks for.
struct Wanted {
  uint64_t seed;
  int row, unconditionalRow;  // −1: no guidance
  float guidance, temperature, topP;
  int topK, filtered, present, position, step, suppressedAt, suppressed;
};

struct Found {
  int token, status;
  double confidence, margin, negativeEntropy, presentProbability;
};
enum { kFine = 0, kNothingLeft = 1, kNotFinite = 2 };

struct SampleShared {
  double sums[kWarps];
  float first[kWarps], second[kWarps];
  int index[kWarps];
};

__device__ __forceinline__ double blockSum(double x, SampleShared& s) {
  x = warpSum(x);
  __syncthreads();  // whoever still reads the last result
  if ((threadIdx.x & 31) == 0) s.sums[threadIdx.x >> 5] = x;
  __syncthreads();
  double sum = 0;
  for (int w = 0; w < kWarps; w++) sum += s.sums[w];
  return sum;
}

/// The largest value, its lowest index, and the second largest (equal when tied).
struct TopTwo {
  float first, second;
  int index;
  __device__ __forceinline__ void add(float x, int i) {
    if (x > first) {
      second = first;
      first = x;
      index = i;
    } else if (x > second) {
      second = x;
    }
  }
  __device__ __forceinline__ void join(float otherFirst, float otherSecond, int otherIndex) {
    if (otherFirst > first || (otherFirst == first && otherIndex < index)) {
      second = fmaxf(otherSecond, first);
      first = otherFirst;
      index = otherIndex;
    } else {
      second = fmaxf(second, otherFirst);
    }
  }
};

__device__ __forceinline__ TopTwo blockTopTwo(TopTwo t, SampleShared& s) {
  for (int o = 16; o > 0; o >>= 1) {
    float first = __shfl_xor_sync(kWholeWarp, t.first, o);
    float second = __shfl_xor_sync(kWholeWarp, t.second, o);
    int index = __shfl_xor_sync(kWholeWarp, t.index, o);
    t.join(first, second, index);
  }
  __syncthreads();
  if ((threadIdx.x & 31) == 0) {
    s.first[threadIdx.x >> 5] = t.first;
    s.second[threadIdx.x >> 5] = t.second;
    s.index[threadIdx.x >> 5] = t.index;
  }
  __syncthreads();
  t = {s.first[0], s.second[0], s.index[0]};
  for (int w = 1; w < kWarps; w++) t.join(s.first[w], s.second[w], s.index[w]);
  return t;
}

/// What the 1e-10 in Σ p·ln(p + 1e-10) adds to Σ p·ln p.
__device__ __forceinline__ double floorTerm(double p) {
  if (!(p > 0)) return 0;
  double t = 1e-10 / p;
  return p * (t < 1e-4 ? t * (1 - t * (0.5 - t / 3)) : log(1 + t));
}

/// Who comes first by the exponential race E / w.
struct Race {
  double best;
  int token;
  __device__ __forceinline__ void add(double ratio, int j) {
    if (ratio < best || (ratio == best && j < token)) {
      best = ratio;
      token = j;
    }
  }
};

/// The same of a block.
__device__ __forceinline__ Race blockRace(Race race, SampleShared& s) {
  for (int o = 16; o > 0; o >>= 1) {
    double best = __shfl_xor_sync(kWholeWarp, race.best, o);
    int token = __shfl_xor_sync(kWholeWarp, race.token, o);
    race.add(best, token);
  }
  __syncthreads();
  if ((threadIdx.x & 31) == 0) {
    s.sums[threadIdx.x >> 5] = race.best;
    s.index[threadIdx.x >> 5] = race.token;
  }
  __syncthreads();
  race = {s.sums[0], s.index[0]};
  for (int w = 1; w < kWarps; w++) race.add(s.sums[w], s.index[w]);
  return race;
}

__device__ __forceinline__ float gap(float max, float second, float temperature) {
  return float(exp(double((second - max) / temperature)));
}
