// SPDX-License-Identifier: Apache-2.0
// __syncthreads and named barriers: bar.sync id, count.
#include "machine.h"

namespace emulator {

void barrier(int id, int count, Site site) {
  Fiber& f = block.fibers[block.running];
  f.barrier = id;
  f.barrierCount = count;
  f.site = site;
  f.state = State::AtBarrier;
  park();
}

namespace {

int waiting(int id) {
  int n = 0;
  for (int i = 0; i < block.threads; i++) {
    n += block.fibers[i].state == State::AtBarrier && block.fibers[i].barrier == id;
  }
  return n;
}

void release(int id) {
  bool in[kMaxWarps] = {};
  for (int i = 0; i < block.threads; i++) {
    Fiber& f = block.fibers[i];
    if (f.state == State::AtBarrier && f.barrier == id) {
      f.state = State::Ready;
      in[i / kLanes] = true;
    }
  }
  Clock all;
  for (int w = 0; w < block.warps; w++) {
    if (in[w]) all.join(block.clocks[w]);
  }
  for (int w = 0; w < block.warps; w++) {
    if (in[w]) {
      block.clocks[w] = all;
      block.clocks[w].at[w]++;
    }
  }
}

}  // namespace

bool releaseBarriers() {
  int alive = 0;
  for (int i = 0; i < block.threads; i++) alive += block.fibers[i].state != State::Exited;
  for (int i = 0; i < block.threads; i++) {
    Fiber& f = block.fibers[i];
    if (f.state != State::AtBarrier) continue;
    if (waiting(f.barrier) >= (f.barrierCount < 0 ? alive : f.barrierCount)) {
      release(f.barrier);
      return true;
    }
  }
  return false;
}

}  // namespace emulator
