// SPDX-License-Identifier: Apache-2.0
// What kernels are written with. The only inline PTX of the project is here; where nvcc does not compile,
// the same names are calls into the emulator (src/test/emulator), so that kernels run on any machine.
//
// Rules for kernels: dynamic shared memory only, one struct a kernel; fused multiply-adds where fmaf says so and
// nowhere else (compiled with -fmad=false); no atomics on floats; no waiting for other blocks.
#pragma once
#ifdef __CUDACC__
#include <cmath>
#include <cstdint>
#include <cstring>
#define UNROLL _Pragma("unroll")
#define KERNEL(name, threads) extern "C" __global__ void __launch_bounds__(threads) name
/// A block has a multiprocessor to itself, as who moves registers between warps must say.
#define KERNEL_ALONE(name, threads) extern "C" __global__ void __launch_bounds__(threads, 1) name
/// `blocks` of them share a multiprocessor. Left to itself the compiler keeps room for more and spills for it.
#define KERNEL_SHARING(name, threads, blocks) extern "C" __global__ void __launch_bounds__(threads, blocks) name
#define REGISTER(name)
extern __shared__ __align__(1024) unsigned char dynamicShared[];
#define SHARED(T) (*reinterpret_cast<T*>(dynamicShared))
#else
#include "host.h"
#define UNROLL
#define KERNEL(name, threads) extern "C" void name
#define KERNEL_ALONE(name, threads) extern "C" void name
#define KERNEL_SHARING(name, threads, blocks) extern "C" void name
#define REGISTER(name) \
  static emulator::Registration registered_##name(#name, emulator::Invoker<decltype(&name), &name>::kernel());
#define SHARED(T) (*reinterpret_cast<T*>(emulator::sharedMemory()))
#endif

/// bfloat16: the upper half of a float.
typedef uint16_t bf16;

__device__ __forceinline__ float widen(bf16 h) {
  return __uint_as_float(uint32_t(h) << 16);
}
__device__ __forceinline__ float widen(float x) { return x; }

/// Rounds to nearest, ties to even; NaN stays NaN.
__device__ __forceinline__ bf16 narrow(float x) {
  uint32_t u = __float_as_uint(x);
  if (x != x) return 0x7FC0;
  return bf16((u + 0x7FFFu + ((u >> 16) & 1)) >> 16);
}
__device__ __forceinline__ void store(float* p, float x) { *p = x; }
__device__ __forceinline__ void store(bf16* p, float x) { *p = narrow(x); }
__device__ __forceinline__ uint32_t pack(float low, float high) {
  return uint32_t(narrow(low)) | uint32_t(narrow(high)) << 16;
}

/// Two neighbours at once; the address is a multiple of 4.
__device__ __forceinline__ void storePair(bf16* p, float first, float second) {
#ifdef __CUDACC__
  typedef uint32_t Pair;
#else
  typedef uint32_t __attribute__((may_alias)) Pair;
#endif
  *reinterpret_cast<Pair*>(p) = pack(first, second);
}

/// The same of f32; the address is a multiple of 8.
__device__ __forceinline__ void storePair(float* p, float first, float second) {
#ifdef __CUDACC__
  *reinterpret_cast<float2*>(p) = float2{first, second};
#else
  emulator::wantAligned(p, 8, nullptr);
  p[0] = first;
  p[1] = second;
#endif
}

/// Zeros in place of eight; the address is a multiple of 16.
__device__ __forceinline__ void clearChunk(bf16* p) {
#ifdef __CUDACC__
  *reinterpret_cast<uint4*>(p) = uint4{0, 0, 0, 0};
#else
  emulator::wantAligned(p, 16, nullptr);
  for (int i = 0; i < 8; i++) p[i] = 0;
#endif
}

constexpr uint32_t kWholeWarp = 0xffffffffu;

__device__ __forceinline__ float warpSum(float x) {
  for (int o = 16; o > 0; o >>= 1) x += __shfl_xor_sync(kWholeWarp, x, o);
  return x;
}
__device__ __forceinline__ double warpSum(double x) {
  for (int o = 16; o > 0; o >>= 1) x += __shfl_xor_sync(kWholeWarp, x, o);
  return x;
}
__device__ __forceinline__ float warpMax(float x) {
  for (int o = 16; o > 0; o >>= 1) x = fmaxf(x, __shfl_xor_sync(kWholeWarp, x, o));
  return x;
}

/// exp in f32 by fused multiply-adds alone, the same bits on every processor: x = n·ln 2 + r, a polynomial in r
/// (coefficients of Cephes' expf), 2^n by the exponent. Relative error about 1e-7; exp(0) is exactly 1; below
/// −87.33 it is 0, above 88 it stays at exp(88).
__device__ __forceinline__ float exponential(float x) {
  if (x != x) return x;
  if (x < -87.33f) return 0.0f;
  x = fminf(x, 88.0f);
  float shifted = fmaf(x, 1.4426950408889634f, 12582912.0f);
  float n = shifted - 12582912.0f;
  float r = fmaf(n, -0.693359375f, x);
  r = fmaf(n, 2.12194440e-4f, r);
  float p = fmaf(1.9875691500e-4f, r, 1.3981999507e-3f);
  p = fmaf(p, r, 8.3334519073e-3f);
  p = fmaf(p, r, 4.1665795894e-2f);
  p = fmaf(p, r, 1.6666665459e-1f);
  p = fmaf(p, r, 5.0000001201e-1f);
  p = fmaf(p, r * r, r) + 1.0f;
  return __uint_as_float(__float_as_uint(p) + (__float_as_uint(shifted) << 23));
}

// ---- tensor cores and asynchronous copies ----

#ifdef __CUDACC__
__device__ __forceinline__ uint32_t sharedAddress(const void* p) { return uint32_t(__cvta_generic_to_shared(p)); }

/// d += a · b for fragments of a 16×16 and a 16×8 matrix (mma.m16n8k16), sums in f32.
__device__ __forceinline__ void multiplyAdd(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
/// Four 8×8 matrices of bf16 from shared memory; lane 8·m + r points to row r of matrix m.
__device__ __forceinline__ void loadMatrices(uint32_t (&d)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3},[%4];"
               : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
               : "r"(sharedAddress(row))
               : "memory");
}
/// The same, each matrix transposed.
__device__ __forceinline__ void loadMatricesTransposed(uint32_t (&d)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3},[%4];"
               : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
               : "r"(sharedAddress(row))
               : "memory");
}
/// 16 bytes to shared memory in the background; zeros when the source is not valid (it must be an address even so).
__device__ __forceinline__ void copyAsync16(void* shared, const void* global, bool valid) {
  asm volatile("cp.async.cg.shared.global [%0],[%1],16,%2;" ::"r"(sharedAddress(shared)), "l"(global),
               "r"(valid ? 16 : 0)
               : "memory");
}
/// Ends a group of copies of this thread.
__device__ __forceinline__ void commitCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/// Waits until at most kPending groups of this thread are under way.
template <int kPending>
__device__ __forceinline__ void waitForCopies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}
#else
inline uint32_t sharedAddress(const void* p) {
  return uint32_t(static_cast<const char*>(p) - emulator::sharedMemory());
}
inline void multiplyAdd(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  emulator::Operands o{};
  memcpy(o.in, a, 16);
  o.in[2] = b0 | uint64_t(b1) << 32;
  memcpy(&o.in[3], d, 16);
  emulator::collective(emulator::Collective::MmaBf16, kWholeWarp, o, HERE);
  memcpy(d, o.out, 16);
}
inline void loadMatrices(uint32_t (&d)[4], const void* row) {
  emulator::Operands o{};
  o.in[0] = reinterpret_cast<uint64_t>(row);
  emulator::collective(emulator::Collective::LoadMatrix, kWholeWarp, o, HERE);
  memcpy(d, o.out, 16);
}
inline void loadMatricesTransposed(uint32_t (&d)[4], const void* row) {
  emulator::Operands o{};
  o.in[0] = reinterpret_cast<uint64_t>(row);
  emulator::collective(emulator::Collective::LoadMatrixTransposed, kWholeWarp, o, HERE);
  memcpy(d, o.out, 16);
}
inline void copyAsync16(void* shared, const void* global, bool valid) {
  emulator::copyAsync(shared, global, 16, valid ? 16 : 0, HERE);
}
inline void commitCopies() { emulator::commitCopies(); }
template <int kPending>
inline void waitForCopies() {
  emulator::waitForCopies(kPending);
}
#endif

/// A barrier of some whole warps; id from 1 to 15.
#ifdef __CUDACC__
__device__ __forceinline__ void groupBarrier(int id, int threads) {
  asm volatile("bar.sync %0,%1;" ::"r"(id), "r"(threads) : "memory");
}
#else
#define groupBarrier(id, threads) emulator::barrier(id, threads, HERE)
#endif

// ---- Hopper: bulk copies with mbarriers, boxes of tensors, clusters, launches that overlap ----

/// A tensor in device memory as the driver describes it (cuTensorMapEncodeTiled): shape, box, swizzle.
struct alignas(64) TensorMap {
  uint64_t words[16];
};

#if defined(__CUDACC__) && __CUDA_ARCH__ >= 900
#define HAS_BULK_COPIES 1
__device__ __forceinline__ void barrierInit(uint64_t* barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0],%1;" ::"r"(sharedAddress(barrier)), "r"(arrivals) : "memory");
}
/// After all barriers of a block have been made, by who made them, before __syncthreads.
__device__ __forceinline__ void barriersMade() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
__device__ __forceinline__ void barrierArrive(uint64_t* barrier, int expectedBytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _,[%0],%1;" ::"r"(sharedAddress(barrier)),
               "r"(expectedBytes)
               : "memory");
}
/// Waits for the end of the phase of this parity; that of the phase before the first is over.
__device__ __forceinline__ void barrierWait(uint64_t* barrier, unsigned parity) {
  asm volatile(
      "{.reg .pred p; WAIT_%=: mbarrier.try_wait.parity.shared::cta.b64 p,[%0],%1; @!p bra WAIT_%=;}" ::"r"(
          sharedAddress(barrier)),
      "r"(parity)
      : "memory");
}
__device__ __forceinline__ void copyBulk(void* shared, const void* global, int bytes, uint64_t* barrier) {
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0],[%1],%2,[%3];" ::"r"(
                   sharedAddress(shared)),
               "l"(global), "r"(bytes), "r"(sharedAddress(barrier))
               : "memory");
}
/// What this thread has stored in shared memory is seen by wgmma and bulk copies from here on.
__device__ __forceinline__ void proxyFence() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

/// Before the first copy of a block by a map that lies in device memory, by the thread that copies.
__device__ __forceinline__ void acquireMap(const TensorMap* map) {
  asm volatile("fence.proxy.tensormap::generic.acquire.sys [%0],128;" ::"l"(map) : "memory");
}
/// A box of the tensor from element (x, y, …) on, x the innermost; zeros where the box leaves the tensor. The barrier
/// gets the bytes of the whole box.
__device__ __forceinline__ void copyBox(void* shared, const TensorMap* map, int x, int y, uint64_t* barrier) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0],[%1,{%2,%3}],[%4];" ::"r"(
          sharedAddress(shared)),
      "l"(map), "r"(x), "r"(y), "r"(sharedAddress(barrier))
      : "memory");
}
__device__ __forceinline__ void copyBox(void* shared, const TensorMap* map, int x, int y, int z, uint64_t* barrier) {
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0],[%1,{%2,%3,%4}],[%5];" ::"r"(
          sharedAddress(shared)),
      "l"(map), "r"(x), "r"(y), "r"(z), "r"(sharedAddress(barrier))
      : "memory");
}
__device__ __forceinline__ void copyBox(void* shared, const TensorMap* map, int x, int y, int z, int w,
                                        uint64_t* barrier) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
      "[%0],[%1,{%2,%3,%4,%5}],[%6];" ::"r"(sharedAddress(shared)),
      "l"(map), "r"(x), "r"(y), "r"(z), "r"(w), "r"(sharedAddress(barrier))
      : "memory");
}

/// Which block of its cluster this one is; 0 where there are no clusters.
__device__ __forceinline__ unsigned clusterRank() {
  unsigned rank;
  asm("mov.u32 %0,%%cluster_ctarank;" : "=r"(rank));
  return rank;
}
/// A launch that may begin before the one ahead of it has ended waits for it here, each thread before its first access
/// to device memory. In any other launch it passes.
__device__ __forceinline__ void waitForPrevious() { asm volatile("griddepcontrol.wait;" ::: "memory"); }
#elif !defined(__CUDACC__)
#define HAS_BULK_COPIES 1
inline void barrierInit(uint64_t* barrier, int arrivals) { emulator::barrierInit(barrier, arrivals, HERE); }
inline void barriersMade() {}
inline void barrierArrive(uint64_t* barrier, int expectedBytes) {
  emulator::barrierArrive(barrier, expectedBytes, HERE);
}
inline void barrierWait(uint64_t* barrier, unsigned parity) { emulator::barrierWait(barrier, parity, HERE); }
inline void copyBulk(void* shared, const void* global, int bytes, uint64_t* barrier) {
  emulator::copyBulk(shared, global, bytes, barrier, HERE);
}
inline void proxyFence() { emulator::proxyFence(); }
inline void acquireMap(const TensorMap* map) { emulator::acquireMap(map, HERE); }
inline void copyBox(void* shared, const TensorMap* map, int x, int y, uint64_t* barrier) {
  emulator::copyBox(shared, map, {x, y}, barrier, HERE);
}
inline void copyBox(void* shared, const TensorMap* map, int x, int y, int z, uint64_t* barrier) {
  emulator::copyBox(shared, map, {x, y, z}, barrier, HERE);
}
inline void copyBox(void* shared, const TensorMap* map, int x, int y, int z, int w, uint64_t* barrier) {
  emulator::copyBox(shared, map, {x, y, z, w}, barrier, HERE);
}
inline unsigned clusterRank() { return emulator::clusterRank(); }
inline void waitForPrevious() { emulator::waitForPrevious(); }
#endif

// ---- Hopper: wgmma, products of four warps together ----

#if defined(__CUDA_ARCH_FEAT_SM90_ALL) || !defined(__CUDACC__)
#define HAS_WGMMA 1
/// Rows of 64 bf16 in shared memory, chunks of 16 bytes in place chunk ^ row % 8, the tile at a multiple of 1024
/// bytes: as wgmma wants it described (PTX, "Matrix Descriptor"; 128-byte swizzle, groups of eight rows 1024 bytes
/// apart). Where the sum runs over rows, tiles of the next 64 columns follow `nextTile` bytes further.
__device__ __forceinline__ uint64_t describe(const void* tile, int nextTile) {
  return uint64_t(sharedAddress(tile) >> 4 & 0x3FFF) | uint64_t(nextTile >> 4) << 16 | uint64_t(1024 >> 4) << 32 |
         uint64_t(1) << 62;
}
/// The descriptor of what lies `bytes` further.
__device__ __forceinline__ uint64_t further(uint64_t descriptor, int bytes) { return descriptor + (bytes >> 4); }
#endif

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define ROW4(d, n) "+f"(d[n][0]), "+f"(d[n][1]), "+f"(d[n][2]), "+f"(d[n][3])
#define ROW32(d, n) \
  ROW4(d, n), ROW4(d, n + 1), ROW4(d, n + 2), ROW4(d, n + 3), ROW4(d, n + 4), ROW4(d, n + 5), ROW4(d, n + 6), ROW4(d, n + 7)
/// d += a · bᵀ, 64 × 64 by 16, both from shared memory: rows of a are rows of d, rows of b its columns. Under way
/// until waited for.
__device__ __forceinline__ void multiplyGroup(float (&d)[8][4], uint64_t a, uint64_t b) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p,%34,0;\n"
      "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 "
      "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,"
      "%30,%31},%32,%33,p,1,1,0,0;}"
      : ROW32(d, 0)
      : "l"(a), "l"(b), "r"(1));
}
/// d += a · b, 64 × 64 by 16, a from registers, as multiplyAdd has it; rows of b are what the sum runs over.
__device__ __forceinline__ void multiplyGroup(float (&d)[8][4], const uint32_t (&a)[4], uint64_t b) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p,%37,0;\n"
      "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 "
      "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,"
      "%30,%31},{%32,%33,%34,%35},%36,p,1,1,1;}"
      : ROW32(d, 0)
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(1));
}
/// The same, 64 × 128 by 16.
__device__ __forceinline__ void multiplyGroup(float (&d)[16][4], const uint32_t (&a)[4], uint64_t b) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p,%69,0;\n"
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 "
      "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,"
      "%30,%31,%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,"
      "%58,%59,%60,%61,%62,%63},{%64,%65,%66,%67},%68,p,1,1,1;}"
      : ROW32(d, 0), ROW32(d, 8)
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(1));
}
/// Before the first product, and after registers of the next ones were written (`settled`).
__device__ __forceinline__ void productFence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
/// Ends a group of products.
__device__ __forceinline__ void commitProducts() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
/// Waits until at most kPending groups are under way.
template <int kPending>
__device__ __forceinline__ void waitForProducts() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
}
/// Sums, or factors in registers, are in their places here: what the compiler does with them stays on its side. Before
/// productFence, which orders only what came before it, and after waitForProducts.
template <int kFragments>
__device__ __forceinline__ void settled(float (&d)[kFragments][4]) {
  UNROLL
  for (int n = 0; n < kFragments; n++) {
    asm volatile("" : ROW4(d, n)::"memory");
  }
}
template <int kFragments>
__device__ __forceinline__ void settled(uint32_t (&a)[kFragments][4]) {
  UNROLL
  for (int n = 0; n < kFragments; n++) {
    asm volatile("" : "+r"(a[n][0]), "+r"(a[n][1]), "+r"(a[n][2]), "+r"(a[n][3])::"memory");
  }
}
#undef ROW4
#undef ROW32
/// Registers of a thread from here on: four warps together take more than they were launched with, or give some back.
template <int kRegisters>
__device__ __forceinline__ void takeRegisters() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kRegisters));
}
template <int kRegisters>
__device__ __forceinline__ void giveRegisters() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kRegisters));
}
#elif !defined(__CUDACC__)
template <int kFragments>
inline void multiplyGroup(float (&d)[kFragments][4], uint64_t a, uint64_t b) {
  emulator::multiplyGroup(&d[0][0], kFragments * 8, nullptr, a, b, HERE);
}
template <int kFragments>
inline void multiplyGroup(float (&d)[kFragments][4], const uint32_t (&a)[4], uint64_t b) {
  emulator::multiplyGroup(&d[0][0], kFragments * 8, a, 0, b, HERE);
}
inline void productFence() { emulator::productFence(HERE); }
inline void commitProducts() { emulator::commitProducts(HERE); }
template <int kPending>
inline void waitForProducts() {
  emulator::waitForProducts(kPending, HERE);
}
template <class T, int kFragments>
inline void settled(T (&)[kFragments][4]) {}
template <int kRegisters>
inline void takeRegisters() {}
template <int kRegisters>
inline void giveRegisters() {}
#endif
