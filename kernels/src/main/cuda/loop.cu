// SPDX-License-Identifier: Apache-2.0
// The end of a step that the device repeats by itself: what was predicted is kept for the host, canvases whose text
// has ended are done, and a flag says whether there is another step.
#include "canvas.cuh"

namespace {

struct LoopState {
  int flag;  // another step is wanted
  int step;  // steps so far
  int most;  // steps after which none is wanted
  int kept;  // steps that the log has room for
};

/// Where a canvas lies among the rows, and the tokens that end its text; none: it does not end.
struct Text {
  int firstRow, rows, firstEnd, ends;
};

/// What a row is.
enum Role { kGiven = 0, kWritten = 1, kInTail = 2 };

struct LoopShared {
  int mask[kWarps], end[kWarps];
};

}  // namespace

/// A block a canvas, after commit. The log has `entries` for each step.
KERNEL(loop_keep, kThreads)(const Canvas* canvases, Progress* progresses, const Found* found, Found* log, int entries,
                            const LoopState* state, const Text* texts, const int* tokens, const int* roles,
                            const int* ends) {
  LoopShared& s = SHARED(LoopShared);
  const Canvas& c = canvases[blockIdx.x];
  if (state->step < state->kept) {
    Found* to = log + size_t(state->step) * entries + c.firstEntry;
    for (int i = threadIdx.x; i < c.entries; i += kThreads) to[i] = found[c.firstEntry + i];
  }
  // The text has ended if nothing is masked before the first token in its tail that ends it.
  Text text = texts[blockIdx.x];
  int mask = text.rows, end = text.rows;
  if (text.ends > 0) {
    for (int i = threadIdx.x; i < text.rows; i += kThreads) {
      int role = roles[text.firstRow + i], token = tokens[text.firstRow + i];
      if (role != kGiven && token == c.maskToken) mask = min(mask, i);
      for (int e = 0; e < text.ends; e++) {
        if (role == kInTail && token == ends[text.firstEnd + e]) end = min(end, i);
      }
    }
  }
  for (int o = 16; o > 0; o >>= 1) {
    mask = min(mask, __shfl_xor_sync(kWholeWarp, mask, o));
    end = min(end, __shfl_xor_sync(kWholeWarp, end, o));
  }
  if ((threadIdx.x & 31) == 0) {
    s.mask[threadIdx.x >> 5] = mask;
    s.end[threadIdx.x >> 5] = end;
  }
  __syncthreads();
  if (threadIdx.x > 0) return;
  for (int w = 1; w < kWarps; w++) {
    mask = min(mask, s.mask[w]);
    end = min(end, s.end[w]);
  }
  if (end < mask) progresses[blockIdx.x].done = 1;
}
REGISTER(loop_keep)

/// One block.
KERNEL(loop_count, kThreads)(const Progress* progresses, int canvases, LoopState* state) {
  LoopShared& s = SHARED(LoopShared);
  int open = 0;
  for (int i = threadIdx.x; i < canvases; i += kThreads) open |= progresses[i].done == 0 ? 1 : 0;
  for (int o = 16; o > 0; o >>= 1) open |= __shfl_xor_sync(kWholeWarp, open, o);
  if ((threadIdx.x & 31) == 0) s.mask[threadIdx.x >> 5] = open;
  __syncthreads();
  if (threadIdx.x > 0) return;
  for (int w = 1; w < kWarps; w++) open |= s.mask[w];
  state->step++;
  state->flag = open != 0 && state->step < state->most ? 1 : 0;
}
REGISTER(loop_count)
