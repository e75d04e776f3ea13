// SPDX-License-Identifier: Apache-2.0
// The part of the CUDA language that the kernels use, for g++: what nvcc builds in becomes a call into the emulator.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <type_traits>
#include <utility>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __restrict__ __restrict

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(8) uint2 {
  uint32_t x, y;
};
struct alignas(16) uint4 {
  uint32_t x, y, z, w;
};

namespace emulator {

/// A CUDA thread of the block that runs.
struct Thread {
  dim3 index;
  unsigned linear, warp, lane;
};

/// The launch that runs, and where in its grid.
struct Place {
  dim3 grid, block, index, cluster;
};

extern Thread* current;
extern Place place;

/// Where in a kernel's source something was called.
struct Site {
  const char* file;
  int line;
};

enum class Collective {
  SyncWarp, Shuffle, Ballot, MmaBf16, LoadMatrix, LoadMatrixTransposed,
  GroupFence, GroupMultiply, GroupCommit, GroupWait
};

/// What one lane brings to a warp collective, and what it takes home.
struct Operands {
  uint64_t in[8];
  uint64_t out[4];
};

char* sharedMemory();
/// Ends the kernel if `p` is in device or shared memory and no multiple of `bytes`.
void wantAligned(const void* p, size_t bytes, const void* code);
void barrier(int id, int count, Site);
void collective(Collective, uint32_t mask, Operands&, Site);
void copyAsync(void* shared, const void* global, int bytes, int sourceBytes, Site);
void commitCopies();
void waitForCopies(int pendingGroups);
void barrierInit(uint64_t* barrier, int arrivals, Site);
void barrierArrive(uint64_t* barrier, int expectedBytes, Site);
void barrierWait(uint64_t* barrier, unsigned parity, Site);
void copyBulk(void* shared, const void* global, int bytes, uint64_t* barrier, Site);
void proxyFence();
void acquireMap(const void* map, Site);
/// A box from these coordinates on, the innermost first.
void copyBox(void* shared, const void* map, std::initializer_list<int> at, uint64_t* barrier, Site);
unsigned clusterRank();
void waitForPrevious();
void productFence(Site);
/// d [64][columns] += a · b, this warp's 16 rows of it: a from shared memory, b transposed; or a from registers.
void multiplyGroup(float* d, int columns, const uint32_t* registers, uint64_t a, uint64_t b, Site);
void commitProducts(Site);
void waitForProducts(int pendingGroups, Site);

/// A kernel and the sizes of its arguments.
struct Kernel {
  void (*entry)(void** arguments);
  const size_t* sizes;
  size_t count;
};
void registerKernel(const char* name, const Kernel& kernel);

/// Calls a kernel with the arguments that a launch points to.
template <class F, F f>
struct Invoker;
template <class... A, void (*f)(A...)>
struct Invoker<void (*)(A...), f> {
  static constexpr size_t sizes[] = {sizeof(A)...};
  template <size_t... I>
  static void unpack(void** p, std::index_sequence<I...>) {
    f(*static_cast<std::remove_reference_t<A>*>(p[I])...);
  }
  static void call(void** p) { unpack(p, std::index_sequence_for<A...>{}); }
  static Kernel kernel() { return {call, sizes, sizeof...(A)}; }
};
struct Registration {
  Registration(const char* name, const Kernel& kernel) { registerKernel(name, kernel); }
};

template <class T>
inline T shuffle(uint32_t mask, T value, unsigned from, Site site) {
  static_assert(sizeof(T) <= 8);
  Operands o{};
  memcpy(&o.in[0], &value, sizeof value);
  o.in[1] = from;
  collective(Collective::Shuffle, mask, o, site);
  T result;
  memcpy(&result, &o.out[0], sizeof result);
  return result;
}
inline uint32_t ballot(uint32_t mask, bool value, Site site) {
  Operands o{};
  o.in[0] = value;
  collective(Collective::Ballot, mask, o, site);
  return uint32_t(o.out[0]);
}
inline void syncWarp(uint32_t mask, Site site) {
  Operands o{};
  collective(Collective::SyncWarp, mask, o, site);
}

}  // namespace emulator

#define HERE (emulator::Site{__FILE__, __LINE__})
#define threadIdx (emulator::current->index)
#define blockIdx (emulator::place.index)
#define blockDim (emulator::place.block)
#define gridDim (emulator::place.grid)
#define __syncthreads() emulator::barrier(0, -1, HERE)
#define __syncwarp() emulator::syncWarp(0xffffffffu, HERE)
#define __shfl_sync(mask, value, lane) emulator::shuffle(mask, value, (lane) & 31, HERE)
#define __shfl_xor_sync(mask, value, bits) emulator::shuffle(mask, value, emulator::current->lane ^ (bits), HERE)
#define __ballot_sync(mask, value) emulator::ballot(mask, value, HERE)

inline uint32_t __float_as_uint(float x) {
  uint32_t u;
  memcpy(&u, &x, 4);
  return u;
}
inline float __uint_as_float(uint32_t u) {
  float x;
  memcpy(&x, &u, 4);
  return x;
}
inline uint32_t __umulhi(uint32_t a, uint32_t b) { return uint32_t((uint64_t(a) * b) >> 32); }
// Fibers run one at a time, so this is atomic as it stands.
template <class T>
inline T atomicAdd(T* p, T v) {
  T old = *p;
  *p = old + v;
  return old;
}
template <class T>
inline T min(T a, T b) {
  return a < b ? a : b;
}
template <class T>
inline T max(T a, T b) {
  return a > b ? a : b;
}
