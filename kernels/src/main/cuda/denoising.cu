// SPDX-License-Identifier: Apache-2.0
// What is done to latents: the nearest codes, noise, and the batched denoising step, many positions of many requests
// at different times at once. A slot of the state is [z | estimate], `width` of each.
#include "philox.cuh"

namespace {

constexpr int kThreads = 128, kWarps = kThreads / 32;
enum { kStepNoise = 1, kStartNoise = 2 };  // streams

struct Entry {
  uint64_t seed;
  int row, unconditionalRow;  // −1: no guidance
  int slot;                   // −1: only looked at
  int step, position;
  float guidance, temperature;
  float latent, estimate, previous, noise;  // z ← latent·z + estimate·x + previous·x̂0 + noise·ε
  int unused;
};

struct Noised {
  uint64_t seed;
  int slot, step, position;
  float keep, noise;
  int unused;
};

struct Seen {
  double confidence, entropy, quality;
  int64_t broken;
};

struct Book {
  const float* codes;  // [groups · n][width of a group]
  int groups, n, groupWidth;
  __device__ int width() const { return groups * groupWidth; }
};

struct DenoiseShared {
  double sums[kWarps];
  float values[kWarps];
  int index[kWarps];
  float partial[kThreads];
  float weights[1];  // of a group's codes
};

__device__ __forceinline__ double blockSum(double x, DenoiseShared& s) {
  x = warpSum(x);
  __syncthreads();  // whoever still reads the last result
  if ((threadIdx.x & 31) == 0) s.sums[threadIdx.x >> 5] = x;
  __syncthreads();
  double sum = 0;
  for (int w = 0; w < kWarps; w++) sum += s.sums[w];
  return sum;
}

/// The largest value and its lowest index.
struct Largest {
  float value;
  int index;
  __device__ __forceinline__ void add(float x, int i) {
    if (x > value || (x == value && i < index)) {
      value = x;
      index = i;
    }
  }
};

__device__ __forceinline__ Largest blockLargest(Largest l, DenoiseShared& s) {
  for (int o = 16; o > 0; o >>= 1) {
    float value = __shfl_xor_sync(kWholeWarp, l.value, o);
    int index = __shfl_xor_sync(kWholeWarp, l.index, o);
    l.add(value, index);
  }
  __syncthreads();
  if ((threadIdx.x & 31) == 0) {
    s.values[threadIdx.x >> 5] = l.value;
    s.index[threadIdx.x >> 5] = l.index;
  }
  __syncthreads();
  l = {s.values[0], s.index[0]};
  for (int w = 1; w < kWarps; w++) l.add(s.values[w], s.index[w]);
  return l;
}

/// Gaussian noise of dimensions 4·group … 4·group + 3 (Box and Muller, 1958).
__device__ __forceinline__ void gaussian(uint64_t seed, int step, int position, int stream, int group,
                                         float (&out)[4]) {
  uint32_t words[4];
  philox(seed, step, position, group, words, stream);
  UNROLL
  for (int pair = 0; pair < 4; pair += 2) {
    double radius = sqrt(-2 * log(uniform(words[pair]))), angle = 6.283185307179586 * uniform(words[pair + 1]);
    out[pair] = float(radius * cos(angle));
    out[pair + 1] = float(radius * sin(angle));
  }
}

}  // namespace

/// codes[row][group]: that with the largest ⟨x, code⟩; a block a row and group.
KERNEL(nearest_codes, kThreads)(const float* x, const float* codes, int groups, int n, int groupWidth, int* out) {
  DenoiseShared& s = SHARED(DenoiseShared);
  int group = blockIdx.y;
  const float* mine = x + (size_t(blockIdx.x) * groups + group) * groupWidth;
  Largest best{-INFINITY, n};
  for (int k = threadIdx.x; k < n; k += kThreads) {
    const float* code = codes + (size_t(group) * n + k) * groupWidth;
    float dot = 0.0f;
    for (int j = 0; j < groupWidth; j++) dot = fmaf(mine[j], code[j], dot);
    best.add(dot, k);
  }
  best = blockLargest(best, s);
  // Where nothing compares, for NaN, the first.
  if (threadIdx.x == 0) out[blockIdx.x * groups + group] = best.index < n ? best.index : 0;
}
REGISTER(nearest_codes)

/// state[slots[i]] = [x | x] of the codes of entry i; a block an entry.
KERNEL(latents, kThreads)(const float* codes, int groups, int n, int groupWidth, const int* chosen, const int* slots,
                          float* state) {
  int width = groups * groupWidth;
  float* to = state + size_t(slots[blockIdx.x]) * 2 * width;
  for (int i = threadIdx.x; i < width; i += kThreads) {
    int group = i / groupWidth;
    float v = codes[(size_t(group) * n + chosen[blockIdx.x * groups + group]) * groupWidth + i % groupWidth];
    to[i] = v;
    to[width + i] = v;
  }
}
REGISTER(latents)

/// z ← keep·x̂0 + noise·ε, x̂0 ← 0; a block an entry.
KERNEL(renoise, kThreads)(const Noised* entries, float* state, int width) {
  Noised e = entries[blockIdx.x];
  float* z = state + size_t(e.slot) * 2 * width;
  for (int group = threadIdx.x; 4 * group < width; group += kThreads) {
    float noise[4];
    gaussian(e.seed, e.step, e.position, kStartNoise, group, noise);
    UNROLL
    for (int k = 0; k < 4; k++) {
      int i = 4 * group + k;
      if (i >= width) continue;
      float v = e.noise * noise[k];
      z[i] = e.keep != 0 ? fmaf(e.keep, z[width + i], v) : v;
      z[width + i] = 0.0f;
    }
  }
}
REGISTER(renoise)

/// Of each entry its codes, its estimate and what is seen of it; changes no slot. A block an entry.
KERNEL_SHARING(denoise_estimate, kThreads, 3)(const float* logits, const float* codes, int groups, int n,
                                              int groupWidth, const Entry* entries, float* estimates, int* chosen,
                                              Seen* seen) {
  DenoiseShared& s = SHARED(DenoiseShared);
  Book book{codes, groups, n, groupWidth};
  const Entry& e = entries[blockIdx.x];
  int all = groups * n;
  const float* own = logits + size_t(e.row) * (all + 1);
  const float* other = e.unconditionalRow >= 0 ? logits + size_t(e.unconditionalRow) * (all + 1) : nullptr;
  double confidence = 1, entropy = 0;
  bool broken = false;
  for (int g = 0; g < groups; g++) {
    const float* l = own + g * n;
    const float* u = other != nullptr ? other + g * n : nullptr;
    __syncthreads();  // whoever still weighs the last group
    Largest top{-INFINITY, n};
    for (int k = threadIdx.x; k < n; k += kThreads) {
      float v = u != nullptr ? fmaf(e.guidance + 1, l[k] - u[k], u[k]) : l[k];
      s.weights[k] = v;
      top.add(v, k);
    }
    top = blockLargest(top, s);
    double sum = 0, weighted = 0;
    for (int k = threadIdx.x; k < n; k += kThreads) {
      float d = s.weights[k] - top.value, w = exponential(d);
      sum += w;
      weighted += w == 0 ? 0 : w * d;
    }
    sum = blockSum(sum, s);
    weighted = blockSum(weighted, s);
    if (!(sum < INFINITY)) {
      broken = true;
      break;
    }
    confidence /= sum;
    entropy += log(sum) - weighted / sum;
    if (threadIdx.x == 0) chosen[blockIdx.x * groups + g] = top.index;

    float* to = estimates + size_t(blockIdx.x) * book.width() + g * groupWidth;
    const float* group = codes + size_t(g) * n * groupWidth;
    if (e.temperature == 0) {
      for (int j = threadIdx.x; j < groupWidth; j += kThreads) to[j] = group[size_t(top.index) * groupWidth + j];
      continue;
    }
    // Finite even for the smallest temperatures: 0 times infinity would be NaN.
    float inverse = e.temperature != 1 ? fminf(1 / e.temperature, 3.402823466e38f) : 1.0f;
    sum = 0;
    for (int k = threadIdx.x; k < n; k += kThreads) {
      float w = exponential((s.weights[k] - top.value) * inverse);
      s.weights[k] = w;
      sum += w;
    }
    float scale = float(1 / blockSum(sum, s));
    // Elements side by side, and as many slices of the codes as there are threads for.
    int across = min(groupWidth, kThreads), slices = kThreads / across, slice = int(threadIdx.x) / across;
    for (int first = 0; first < groupWidth; first += across) {
      int j = first + int(threadIdx.x) % across;
      float mean = 0.0f;
      if (slice < slices && j < groupWidth) {
        for (int k = slice; k < n; k += slices) mean = fmaf(s.weights[k], group[size_t(k) * groupWidth + j], mean);
      }
      s.partial[threadIdx.x] = mean;
      __syncthreads();
      if (slice == 0 && j < groupWidth) {
        for (int other_ = 1; other_ < slices; other_++) mean += s.partial[other_ * across + threadIdx.x];
        to[j] = mean * scale;
      }
      __syncthreads();
    }
  }
  if (threadIdx.x == 0) seen[blockIdx.x] = {confidence, entropy, 1 / (1 + exp(-double(own[all]))), broken ? 1 : 0};
}
REGISTER(denoise_estimate)

/// The solver's step for each entry, unless the logits of any were broken; a block an entry.
KERNEL(denoise_solve, kThreads)(const Entry* entries, int count, const Seen* seen, const float* estimates,
                                float* state, int width) {
  DenoiseShared& s = SHARED(DenoiseShared);
  double broken = 0;
  for (int i = threadIdx.x; i < count; i += kThreads) broken += seen[i].broken != 0 ? 1 : 0;
  if (blockSum(broken, s) > 0) return;
  Entry e = entries[blockIdx.x];
  if (e.slot < 0) return;
  float* z = state + size_t(e.slot) * 2 * width;
  const float* x = estimates + size_t(blockIdx.x) * width;
  for (int group = threadIdx.x; 4 * group < width; group += kThreads) {
    float noise[4] = {};
    if (e.noise != 0) gaussian(e.seed, e.step, e.position, kStepNoise, group, noise);
    UNROLL
    for (int k = 0; k < 4; k++) {
      int i = 4 * group + k;
      if (i >= width) continue;
      float v = fmaf(e.estimate, x[i], e.latent * z[i]);
      if (e.previous != 0) v = fmaf(e.previous, z[width + i], v);
      if (e.noise != 0) v = fmaf(e.noise, noise[k], v);
      z[i] = v;
      z[width + i] = x[i];
    }
  }
}
REGISTER(denoise_solve)
