// SPDX-License-Identifier: Apache-2.0
// A ragged batch and where its keys and values lie: pages of 64 positions, a page [k: kvHeads][64][headDim] and
// then the same of v, one such pair a layer. Sequences without a cache get pages of one layer for this call.
#pragma once
#include "portable.cuh"

constexpr int kPageTokens = 64;

struct SequenceSpan {
  int firstRow, rows;
  int context;    // positions that its rows see
  int firstPage;  // in the table of pages
  int stored;     // 1: its pages hold all layers; 0: only the one at hand
};

/// Rows of one sequence that a block works on.
struct QueryTile {
  int sequence, first;
};

struct Heads {
  int query, keyValue, dim;
  __device__ int fusedWidth() const { return (query + 2 * keyValue) * dim; }
};

/// Keys that the row at `position` sees.
__device__ __forceinline__ int visibleKeys(int position, int context, int blockLength) {
  if (blockLength == 0) return context;
  int64_t end = (int64_t(position) / blockLength + 1) * blockLength;
  return end < context ? int(end) : context;
}

/// Keys of a head in a page; its values are keyValue·64·dim elements further.
template <class T>
__device__ __forceinline__ T* pageOf(const uint64_t* pages, const SequenceSpan& s, int index, int64_t layerOffset,
                                     const Heads& heads, int head) {
  T* page = reinterpret_cast<T*>(pages[s.firstPage + index]);
  return page + (s.stored != 0 ? layerOffset : 0) + size_t(head) * kPageTokens * heads.dim;
}

/// Where element `element` of row `row` lies among a head's 64 rows in a page. Heads of whole 64 elements in bf16 lie
/// as wgmma reads them from shared memory, so that one bulk copy brings them: 64 rows of the first 64 elements, of the
/// next 64, …, and in each row chunk c of 8 elements in place c ^ row % 8 (the 128-byte swizzle). Others: row by row.
template <class T>
__device__ __forceinline__ int placeOf(int row, int element, int dim) {
  if (sizeof(T) == 2 && dim % 64 == 0) {
    return (element / 64 * kPageTokens + row) * 64 + ((element % 64 / 8) ^ (row & 7)) * 8 + element % 8;
  }
  return row * dim + element;
}
