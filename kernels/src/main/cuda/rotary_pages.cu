// SPDX-License-Identifier: Apache-2.0
// From a fused projection to what attention reads, in one pass: bias, norm of query and key heads (qk-norm), rotary
// embedding; queries stay in the fused rows, keys and values go to their pages and nowhere else. A warp a head,
// gridDim.x rows (gridDim.y ends at 65,535). Head by head the arithmetic is that of add_bias, head_norm, rotate and
// store_rows, bit for bit.
#include "spans.cuh"

namespace {

/// What a head's elements are before they turn, by warps of a block.
struct HeadRows {
  float* base;
  __device__ float* row(int warp, int dim) const { return base + warp * dim; }
};

struct Rotation {
  const float *cosines, *sines;  // of the row's position, half of each
  int half;
  bool interleaved;

  /// Element e of a head, turned with its partner.
  __device__ __forceinline__ float turned(const float* head, int e) const {
    if (e >= 2 * half) return head[e];
    int pair = interleaved ? e >> 1 : e < half ? e : e - half;
    int partner = interleaved ? e ^ 1 : e < half ? e + half : e - half;
    float other = head[partner] * sines[pair], own = head[e] * cosines[pair];
    return (interleaved ? (e & 1) == 0 : e < half) ? own - other : own + other;
  }
};

template <class T>
__device__ __forceinline__ void rotaryPages(float* fused, const float* bias, const float* queryWeight,
                                            const float* keyWeight, const float* cosines, const float* sines,
                                            const int* places, const int* rowSequence, const int* positions,
                                            const SequenceSpan* spans, const uint64_t* pages, int64_t layerOffset,
                                            const Heads& heads, int half, bool interleaved, float eps) {
  int warp = threadIdx.x >> 5, lane = threadIdx.x & 31;
  int head = int(blockIdx.y) * 4 + warp, row = blockIdx.x, dim = heads.dim;
  if (head >= heads.query + 2 * heads.keyValue) return;
  bool query = head < heads.query, value = head >= heads.query + heads.keyValue;
  float* x = fused + size_t(row) * heads.fusedWidth() + head * dim;
  float* y = HeadRows{&SHARED(float)}.row(warp, dim);
  const float* weight = value ? nullptr : query ? queryWeight : keyWeight;
  float squares = 0.0f;
  for (int i = lane; i < dim; i += 32) {
    float e = x[i];
    if (bias != nullptr) e = e + bias[head * dim + i];
    y[i] = e;
    squares = fmaf(e, e, squares);
  }
  if (weight != nullptr) {
    squares = warpSum(squares);
    float inverse = 1.0f / sqrtf(squares / float(dim) + eps);
    for (int i = lane; i < dim; i += 32) y[i] = y[i] * inverse * weight[i];
  }
  __syncwarp();
  size_t angles = size_t(places[row]) * half;
  Rotation rotation{cosines + angles, sines + angles, value ? 0 : half, interleaved};
  // Neighbours go together where every head begins at an even element.
  int step = dim % 2 == 0 ? 2 : 1;
  if (query) {
    for (int e = step * lane; e < dim; e += 32 * step) {
      float first = rotation.turned(y, e);
      if (step == 2) {
        storePair(x + e, first, rotation.turned(y, e + 1));
      } else {
        x[e] = first;
      }
    }
    return;
  }
  SequenceSpan s = spans[rowSequence[row]];
  int position = positions[row], place = position % kPageTokens;
  // Keys and values are one run of heads here as there.
  T* page = pageOf<T>(pages, s, position / kPageTokens, layerOffset, heads, head - heads.query);
  for (int e = step * lane; e < dim; e += 32 * step) {
    float first = rotation.turned(y, e);
    T* to = page + placeOf<T>(place, e, dim);
    if (step == 2) {
      storePair(to, first, rotation.turned(y, e + 1));
    } else {
      store(to, first);
    }
  }
}

}  // namespace

#define ROTARY_PAGES(T, type)                                                                                         \
  KERNEL(rotary_pages_##type, 128)(float* fused, const float* bias, const float* queryWeight, const float* keyWeight, \
                                   const float* cosines, const float* sines, const int* places,                       \
                                   const int* rowSequence, const int* positions, const SequenceSpan* spans,           \
                                   const uint64_t* pages, int64_t layerOffset, int queryHeads, int kvHeads,           \
                                   int headDim, int half, int interleaved, float eps) {                               \
    rotaryPages<T>(fused, bias, queryWeight, keyWeight, cosines, sines, places, rowSequence, positions, spans, pages, \
                   layerOffset, {queryHeads, kvHeads, headDim}, half, interleaved != 0, eps);                         \
  }                                                                                                                   \
  REGISTER(rotary_pages_##type)

ROTARY_PAGES(float, f32)
ROTARY_PAGES(bf16, bf16)
