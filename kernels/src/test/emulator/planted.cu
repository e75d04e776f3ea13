// SPDX-License-Identifier: Apache-2.0
// Kernels with one mistake each, which the emulator must find, and the same without it.
#include "portable.cuh"

namespace {

struct PlantedShared {
  float values[64];
  uint64_t full;
};

/// Block of 64: adds what the other warp's lane has written.
template <bool kBarrier>
__device__ void exchange(float* out) {
  PlantedShared& s = SHARED(PlantedShared);
  s.values[threadIdx.x] = 0;
  __syncthreads();
  s.values[threadIdx.x] = float(threadIdx.x);
  if (kBarrier) __syncthreads();
  out[threadIdx.x] = s.values[threadIdx.x ^ 32];
}

}  // namespace

KERNEL(correct_exchange, 64)(float* out) { exchange<true>(out); }
REGISTER(correct_exchange)

KERNEL(planted_missing_barrier, 64)(float* out) { exchange<false>(out); }
REGISTER(planted_missing_barrier)

KERNEL(planted_out_of_bounds, 64)(float* out, int n) {
  for (int i = threadIdx.x; i <= n; i += blockDim.x) out[i] = 1;
}
REGISTER(planted_out_of_bounds)

KERNEL(planted_shared_out_of_bounds, 64)(float* out) {
  PlantedShared& s = SHARED(PlantedShared);
  float* end = s.values + sizeof(PlantedShared) / 4;
  end[threadIdx.x] = 1;
  out[threadIdx.x] = 0;
}
REGISTER(planted_shared_out_of_bounds)

KERNEL(planted_uninitialised, 64)(float* out, const float* in) { out[threadIdx.x] = in[threadIdx.x]; }
REGISTER(planted_uninitialised)

KERNEL(planted_uninitialised_shared, 64)(float* out) {
  PlantedShared& s = SHARED(PlantedShared);
  if (threadIdx.x < 63) s.values[threadIdx.x] = 1;
  __syncthreads();
  out[threadIdx.x] = s.values[threadIdx.x];
}
REGISTER(planted_uninitialised_shared)

/// Two words at once, from the second on.
KERNEL(planted_misaligned, 64)(float* out, const float* in) {
  typedef uint64_t __attribute__((may_alias)) Pair;
  if (threadIdx.x == 0) out[0] = float(*reinterpret_cast<const Pair*>(in + 1));
}
REGISTER(planted_misaligned)
KERNEL(planted_misaligned_pair, 64)(float* out) {
  if (threadIdx.x == 0) storePair(out + 1, 1.0f, 2.0f);
}
REGISTER(planted_misaligned_pair)

/// Two lanes of a warp write one word.
KERNEL(planted_race, 64)(float* out) {
  PlantedShared& s = SHARED(PlantedShared);
  s.values[threadIdx.x / 2] = float(threadIdx.x);
  __syncthreads();
  out[threadIdx.x] = s.values[threadIdx.x / 2];
}
REGISTER(planted_race)

/// Neighbours in a warp exchange through memory without __syncwarp.
KERNEL(planted_missing_syncwarp, 64)(float* out) {
  PlantedShared& s = SHARED(PlantedShared);
  s.values[threadIdx.x] = 0;
  __syncwarp();
  s.values[threadIdx.x] = float(threadIdx.x);
  out[threadIdx.x] = s.values[threadIdx.x ^ 1];
}
REGISTER(planted_missing_syncwarp)

KERNEL(planted_divergent_collective, 64)(float* out) {
  float x = float(threadIdx.x);
  if (threadIdx.x % 32 < 16) {
    x = __shfl_xor_sync(kWholeWarp, x, 1);
  } else {
    x = __shfl_xor_sync(kWholeWarp, x, 2);
  }
  out[threadIdx.x] = x;
}
REGISTER(planted_divergent_collective)

KERNEL(planted_exited_lane, 64)(float* out) {
  if (threadIdx.x % 32 == 31) return;
  out[threadIdx.x] = __shfl_xor_sync(kWholeWarp, 1.0f, 1);
}
REGISTER(planted_exited_lane)

KERNEL(planted_divergent_barrier, 64)(float* out) {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    uint64_t* full = &SHARED(PlantedShared).full;
    barrierInit(full, 1);
    barrierWait(full, 0);
  }
  out[threadIdx.x] = 0;
}
REGISTER(planted_divergent_barrier)

/// Reads a tile that cp.async may not have brought yet.
template <bool kWait>
__device__ void copyTile(float* out, const float* in) {
  PlantedShared& s = SHARED(PlantedShared);
  if (threadIdx.x < 16) copyAsync16(&s.values[threadIdx.x * 4], in + threadIdx.x * 4, true);
  commitCopies();
  if (kWait) waitForCopies<0>();
  __syncthreads();
  out[threadIdx.x] = s.values[threadIdx.x];
}
KERNEL(correct_copy, 64)(float* out, const float* in) { copyTile<true>(out, in); }
REGISTER(correct_copy)
KERNEL(planted_missing_wait, 64)(float* out, const float* in) { copyTile<false>(out, in); }
REGISTER(planted_missing_wait)

/// A bulk copy signals an mbarrier; everybody waits for its phase.
template <bool kRightParity>
__device__ void copyBulkTile(float* out, const float* in) {
  PlantedShared& s = SHARED(PlantedShared);
  if (threadIdx.x == 0) barrierInit(&s.full, 1);
  __syncthreads();
  if (threadIdx.x == 0) {
    barrierArrive(&s.full, 256);
    copyBulk(s.values, in, 256, &s.full);
  }
  barrierWait(&s.full, kRightParity ? 0 : 1);
  out[threadIdx.x] = s.values[threadIdx.x];
}
KERNEL(correct_bulk_copy, 64)(float* out, const float* in) { copyBulkTile<true>(out, in); }
REGISTER(correct_bulk_copy)
KERNEL(planted_wrong_phase, 64)(float* out, const float* in) { copyBulkTile<false>(out, in); }
REGISTER(planted_wrong_phase)

enum class BoxMistake { None, Bytes, Unacquired, Unaligned, Unwaited };

struct BoxShared {
  alignas(1024) float values[2 * 256];
  uint64_t full;
};

/// Block of 64: a box of 8 rows of 32 floats, of which what is asked for begins one row and four elements early.
template <BoxMistake kMistake>
__device__ void copyFirstBox(float* out, const TensorMap* map) {
  BoxShared& s = SHARED(BoxShared);
  float* to = s.values + (kMistake == BoxMistake::Unaligned ? 32 : 0);
  if (threadIdx.x == 0) {
    barrierInit(&s.full, 1);
    barriersMade();
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    if (kMistake != BoxMistake::Unacquired) acquireMap(map);
    // Elements outside of the tensor count like the others.
    barrierArrive(&s.full, kMistake == BoxMistake::Bytes ? 7 * 28 * 4 : 8 * 32 * 4);
    copyBox(to, map, -4, -1, &s.full);
  }
  if (kMistake != BoxMistake::Unwaited) barrierWait(&s.full, 0);
  for (int i = threadIdx.x; i < 256; i += 64) out[i] = to[i];
}
#define BOX(name, mistake)                                                                               \
  KERNEL(name, 64)(float* out, const TensorMap* map) { copyFirstBox<BoxMistake::mistake>(out, map); } \
  REGISTER(name)
BOX(correct_box, None)
BOX(planted_box_of_other_bytes, Bytes)
BOX(planted_box_by_unacquired_map, Unacquired)
BOX(planted_box_unaligned, Unaligned)
BOX(planted_box_not_waited_for, Unwaited)

/// Adds 1 to what the launch before has written; meant to be launched so that it may overlap that one.
template <bool kWait>
__device__ void followPrevious(float* out) {
  if (kWait) waitForPrevious();
  out[threadIdx.x] += 1;
}
KERNEL(correct_follower, 64)(float* out) { followPrevious<true>(out); }
REGISTER(correct_follower)
KERNEL(planted_impatient_follower, 64)(float* out) { followPrevious<false>(out); }
REGISTER(planted_impatient_follower)

/// The rank of each block of a grid in its cluster.
KERNEL(cluster_ranks, 32)(float* out) {
  if (threadIdx.x == 0) out[blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z)] = float(clusterRank());
}
REGISTER(cluster_ranks)

struct ProductShared {
  bf16 a[64][64], b[64][64];
};

enum class Mistake { None, Fence, ProxyFence, Wait, EarlyWrite, Part };

/// Four warps multiply two matrices of ones: 16 everywhere.
template <Mistake kMistake>
__device__ void multiplyOnes(float* out) {
  ProductShared& s = SHARED(ProductShared);
  for (int i = threadIdx.x; i < 64 * 64; i += 128) s.a[i / 64][i % 64] = s.b[i / 64][i % 64] = narrow(1);
  if (kMistake != Mistake::ProxyFence) proxyFence();
  __syncthreads();
  float d[8][4] = {};
  if (kMistake != Mistake::Fence) productFence();
  if (kMistake != Mistake::Part || threadIdx.x < 96) multiplyGroup(d, describe(s.a, 0), describe(s.b, 0));
  commitProducts();
  if (kMistake == Mistake::EarlyWrite) {
    __syncthreads();
    s.b[threadIdx.x / 2][threadIdx.x % 2 * 8] = 0;
    proxyFence();
  }
  float early = d[0][0];
  waitForProducts<0>();
  settled(d);
  out[threadIdx.x] = kMistake == Mistake::Wait ? early : d[0][0] + d[7][3];
}
#define PRODUCT(name, mistake)                                       \
  KERNEL(name, 128)(float* out) { multiplyOnes<Mistake::mistake>(out); } \
  REGISTER(name)
PRODUCT(correct_products, None)
PRODUCT(planted_products_without_fence, Fence)
PRODUCT(planted_products_of_unfenced_stores, ProxyFence)
PRODUCT(planted_products_not_waited_for, Wait)
PRODUCT(planted_products_overwritten, EarlyWrite)
PRODUCT(planted_products_of_some_warps, Part)

/// For what a launch costs by itself.
KERNEL(nothing, 32)(float*) {}
REGISTER(nothing)
