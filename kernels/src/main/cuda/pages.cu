// SPDX-License-Identifier: Apache-2.0
// Writes the keys and values of fused rows to their positions in pages; a block a row.
#include "spans.cuh"

namespace {
template <class T>
__device__ __forceinline__ void storeRows(const float* fused, const int* rowSequence, const int* positions,
                                          const SequenceSpan* spans, const uint64_t* pages, int64_t layerOffset,
                                          Heads heads) {
  int row = blockIdx.x;
  SequenceSpan s = spans[rowSequence[row]];
  int position = positions[row];
  const float* keys = fused + size_t(row) * heads.fusedWidth() + heads.query * heads.dim;
  int width = heads.keyValue * heads.dim;
  T* page = pageOf<T>(pages, s, position / kPageTokens, layerOffset, heads, 0);
  for (int i = threadIdx.x; i < 2 * width; i += blockDim.x) {
    // Keys and values are one run of heads here as there.
    int head = i / heads.dim, element = i % heads.dim;
    store(page + size_t(head) * kPageTokens * heads.dim + placeOf<T>(position % kPageTokens, element, heads.dim), keys[i]);
  }
}
}  // namespace

KERNEL(store_rows_f32, 256)(const float* fused, const int* rowSequence, const int* positions,
                            const SequenceSpan* spans, const uint64_t* pages, int64_t layerOffset, int queryHeads,
                            int kvHeads, int headDim) {
  storeRows<float>(fused, rowSequence, positions, spans, pages, layerOffset, {queryHeads, kvHeads, headDim});
}
REGISTER(store_rows_f32)

KERNEL(store_rows_bf16, 256)(const float* fused, const int* rowSequence, const int* positions,
                             const SequenceSpan* spans, const uint64_t* pages, int64_t layerOffset, int queryHeads,
                             int kvHeads, int headDim) {
  storeRows<bf16>(fused, rowSequence, positions, spans, pages, layerOffset, {queryHeads, kvHeads, headDim});
}
REGISTER(store_rows_bf16)
