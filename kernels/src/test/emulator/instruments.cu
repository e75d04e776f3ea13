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
  if (threadIdx.x == 0) barrierInit(&s.full, 1);
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
