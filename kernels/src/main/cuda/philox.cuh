// SPDX-License-Identifier: Apache-2.0
// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
#pragma once
#include "portable.cuh"

/// The four words of the noise of vocabulary elements 4·group … 4·group + 3 at a position and step; other noise of
/// the same key has another stream.
__device__ __forceinline__ void philox(uint64_t seed, int step, int position, int group, uint32_t (&words)[4],
                                       int stream = 0) {
  uint32_t c0 = uint32_t(group), c1 = uint32_t(position), c2 = uint32_t(step), c3 = uint32_t(stream);
  uint32_t k0 = uint32_t(seed), k1 = uint32_t(seed >> 32);
  UNROLL
  for (int round = 0; round < 10; round++) {
    uint32_t h0 = __umulhi(0xD2511F53u, c0), l0 = 0xD2511F53u * c0;
    uint32_t h1 = __umulhi(0xCD9E8D57u, c2), l1 = 0xCD9E8D57u * c2;
    c0 = h1 ^ c1 ^ k0;
    c1 = l1;
    c2 = h0 ^ c3 ^ k1;
    c3 = l0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  words[0] = c0;
  words[1] = c1;
  words[2] = c2;
  words[3] = c3;
}

/// A uniform number strictly within (0, 1).
__device__ __forceinline__ double uniform(uint32_t word) { return (double(word) + 0.5) * 0x1p-32; }
