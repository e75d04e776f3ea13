// SPDX-License-Identifier: Apache-2.0
// Kernels that measure instead of computing: what a launch costs, and what each wrapper of portable.cuh really gives
// (one warp, words in, words out), so that the emulator's answers can be held against a chip's.
#include "portable.cuh"

namespace {

struct InstrumentShared {
  uint32_t words[128];
  uint64_t full;
};

/// 128 words to shared memory, seen by the whole warp.
__device__ InstrumentShared& staged(const uint32_t* in) {
  InstrumentShared& s = SHARED(InstrumentShared);
  for (int i = threadIdx.x; i < 128; i += 32) s.words[i] = in[i];
  __syncthreads();
  return s;
}

#ifdef HAS_BULK_COPIES
struct BoxShared {
  alignas(1024) uint32_t words[2048];
  uint64_t full;
};
#endif

#ifdef HAS_WGMMA
/// Two tiles of 64 rows of 64 bf16, as wgmma reads them.
struct GroupShared {
  alignas(1024) uint32_t tiles[2][64 * 32];
};

/// Rows of 32 words, their chunks of 16 bytes in place chunk ^ row % 8.
__device__ void stageTile(uint32_t* tile, const uint32_t* in) {
  for (int i = threadIdx.x; i < 64 * 32; i += 128) {
    int row = i / 32, chunk = i % 32 / 4;
    tile[32 * row + 4 * (chunk ^ row % 8) + i % 4] = in[i];
  }
}
#endif

}  // namespace

/// What a launch with eight arguments costs by itself.
KERNEL(instrument_nothing, 32)(void*, void*, void*, void*, int, int, int, float) {}
REGISTER(instrument_nothing)

/// A lane: a[4], b[2], d[4]; d[4].
KERNEL(instrument_multiply_add, 32)(const uint32_t* in, uint32_t* out) {
  const uint32_t* mine = in + 10 * threadIdx.x;
  uint32_t a[4] = {mine[0], mine[1], mine[2], mine[3]};
  float d[4];
  for (int i = 0; i < 4; i++) d[i] = __uint_as_float(mine[6 + i]);
  multiplyAdd(d, a, mine[4], mine[5]);
  for (int i = 0; i < 4; i++) out[4 * threadIdx.x + i] = __float_as_uint(d[i]);
}
REGISTER(instrument_multiply_add)

/// 32 rows of 16 bytes, lane i pointing to row i; four words a lane.
KERNEL(instrument_load_matrices, 32)(const uint32_t* in, uint32_t* out) {
  InstrumentShared& s = staged(in);
  uint32_t d[4];
  loadMatrices(d, &s.words[4 * threadIdx.x]);
  for (int i = 0; i < 4; i++) out[4 * threadIdx.x + i] = d[i];
}
REGISTER(instrument_load_matrices)

KERNEL(instrument_load_matrices_transposed, 32)(const uint32_t* in, uint32_t* out) {
  InstrumentShared& s = staged(in);
  uint32_t d[4];
  loadMatricesTransposed(d, &s.words[4 * threadIdx.x]);
  for (int i = 0; i < 4; i++) out[4 * threadIdx.x + i] = d[i];
}
REGISTER(instrument_load_matrices_transposed)

/// 16 bytes a lane; every third lane's source is not valid.
KERNEL(instrument_copy_async, 32)(const uint32_t* in, uint32_t* out) {
  InstrumentShared& s = SHARED(InstrumentShared);
  copyAsync16(&s.words[4 * threadIdx.x], in + 4 * threadIdx.x, threadIdx.x % 3 != 0);
  commitCopies();
  waitForCopies<0>();
  __syncthreads();
  for (int i = threadIdx.x; i < 128; i += 32) out[i] = s.words[i];
}
REGISTER(instrument_copy_async)

/// One bulk copy of 512 bytes that an mbarrier signals; nothing is written where there is no such copy.
KERNEL(instrument_copy_bulk, 32)(const uint32_t* in, uint32_t* out) {
#ifdef HAS_BULK_COPIES
  InstrumentShared& s = SHARED(InstrumentShared);
  if (threadIdx.x == 0) {
    barrierInit(&s.full, 1);
    barriersMade();
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    barrierArrive(&s.full, 512);
    copyBulk(s.words, in, 512, &s.full);
  }
  barrierWait(&s.full, 0);
  for (int i = threadIdx.x; i < 128; i += 32) out[i] = s.words[i];
#endif
}
REGISTER(instrument_copy_bulk)

/// A box of a tensor as it lies in shared memory; nothing is written where there is no such copy.
#ifdef HAS_BULK_COPIES
template <int kRank>
__device__ void copyOneBox(uint32_t* out, const TensorMap* map, int bytes, int x, int y, int z, int w) {
  BoxShared& s = SHARED(BoxShared);
  if (threadIdx.x == 0) {
    barrierInit(&s.full, 1);
    barriersMade();
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    acquireMap(map);
    barrierArrive(&s.full, bytes);
    if (kRank == 2) copyBox(s.words, map, x, y, &s.full);
    if (kRank == 3) copyBox(s.words, map, x, y, z, &s.full);
    if (kRank == 4) copyBox(s.words, map, x, y, z, w, &s.full);
  }
  barrierWait(&s.full, 0);
  for (int i = threadIdx.x; i < bytes / 4; i += 32) out[i] = s.words[i];
}
#define COPY_BOX(rank) copyOneBox<rank>(out, map, bytes, x, y, z, w)
#else
#define COPY_BOX(rank)
#endif
#define INSTRUMENT_BOX(rank)                                                                                          \
  KERNEL(instrument_copy_box_##rank, 32)(const TensorMap* map, uint32_t* out, int bytes, int x, int y, int z, int w) { \
    COPY_BOX(rank);                                                                                                   \
  }                                                                                                                   \
  REGISTER(instrument_copy_box_##rank)
INSTRUMENT_BOX(2)
INSTRUMENT_BOX(3)
INSTRUMENT_BOX(4)

/// Tiles a and b; a · bᵀ over all 64 columns, thread by thread. Nothing is written where there is no wgmma.
KERNEL(instrument_multiply_group, 128)(const uint32_t* in, uint32_t* out) {
#ifdef HAS_WGMMA
  GroupShared& s = SHARED(GroupShared);
  stageTile(s.tiles[0], in);
  stageTile(s.tiles[1], in + 64 * 32);
  proxyFence();
  __syncthreads();
  float d[8][4] = {};
  uint64_t a = describe(s.tiles[0], 0), b = describe(s.tiles[1], 0);
  settled(d);
  productFence();
  for (int c = 0; c < 4; c++) multiplyGroup(d, further(a, 32 * c), further(b, 32 * c));
  commitProducts();
  waitForProducts<0>();
  settled(d);
  for (int i = 0; i < 32; i++) out[32 * threadIdx.x + i] = __float_as_uint(d[i / 4][i % 4]);
#endif
}
REGISTER(instrument_multiply_group)

/// A thread: a[4]; then a tile b, of which the sum runs over rows 16 to 31.
KERNEL(instrument_multiply_group_registers, 128)(const uint32_t* in, uint32_t* out) {
#ifdef HAS_WGMMA
  GroupShared& s = SHARED(GroupShared);
  stageTile(s.tiles[0], in + 512);
  proxyFence();
  __syncthreads();
  uint32_t a[1][4];
  for (int i = 0; i < 4; i++) a[0][i] = in[4 * threadIdx.x + i];
  float d[8][4] = {};
  settled(a);
  settled(d);
  productFence();
  multiplyGroup(d, a[0], further(describe(s.tiles[0], 0), 16 * 128));
  commitProducts();
  waitForProducts<0>();
  settled(d);
  settled(a);
  for (int i = 0; i < 32; i++) out[32 * threadIdx.x + i] = __float_as_uint(d[i / 4][i % 4]);
#endif
}
REGISTER(instrument_multiply_group_registers)

/// A word a lane: our own exponential, the roundings to bf16, fmaf, division and square root.
KERNEL(instrument_arithmetic, 32)(const uint32_t* in, uint32_t* out) {
  float x = __uint_as_float(in[threadIdx.x]);
  uint32_t* mine = out + 6 * threadIdx.x;
  mine[0] = __float_as_uint(exponential(x));
  mine[1] = narrow(x);
  mine[2] = pack(x, -x);
  mine[3] = __float_as_uint(fmaf(x, x, 1.0f));
  mine[4] = __float_as_uint(1.0f / x);
  mine[5] = __float_as_uint(sqrtf(fabsf(x)));
}
REGISTER(instrument_arithmetic)

/// A word a lane: sum and largest of the warp.
KERNEL(instrument_reduce, 32)(const uint32_t* in, uint32_t* out) {
  float x = __uint_as_float(in[threadIdx.x]);
  out[2 * threadIdx.x] = __float_as_uint(warpSum(x));
  out[2 * threadIdx.x + 1] = __float_as_uint(warpMax(x));
}
REGISTER(instrument_reduce)

/// A step of a loop that ends: while something is left it takes one and notes the turn; then it changes nothing.
KERNEL(instrument_step, 32)(int* left, int* trace) {
  if (threadIdx.x == 0 && *left > 0) {
    trace[*left] = trace[*left + 1] * 3 + *left;
    *left -= 1;
  }
}
REGISTER(instrument_step)
