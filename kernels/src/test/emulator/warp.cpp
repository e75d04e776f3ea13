// SPDX-License-Identifier: Apache-2.0
// Warp collectives. A lane that arrives waits; the last one computes for all.
#include <utility>

#include "machine.h"

namespace emulator {
namespace {

float widen(uint16_t bf16) {
  uint32_t bits = uint32_t(bf16) << 16;
  float x;
  memcpy(&x, &bits, 4);
  return x;
}

void shuffleLanes(Fiber* warp, uint32_t mask) {
  for (int i = 0; i < kLanes; i++) {
    if (!(mask >> i & 1)) continue;
    unsigned from = unsigned(warp[i].operands->in[1]) & 31;
    if (!(mask >> from & 1)) {
      fail("shuffle reads lane %u, which mask %08x leaves out (%s:%d)", from, mask, warp[i].site.file,
           warp[i].site.line);
    }
    warp[i].operands->out[0] = warp[from].operands->in[0];
  }
}

void vote(Fiber* warp, uint32_t mask) {
  uint32_t votes = 0;
  for (int i = 0; i < kLanes; i++) {
    if ((mask >> i & 1) && warp[i].operands->in[0] != 0) votes |= 1u << i;
  }
  for (int i = 0; i < kLanes; i++) {
    if (mask >> i & 1) warp[i].operands->out[0] = votes;
  }
}

/// mma.sync.m16n8k16: where each lane's fragments lie is in the PTX manual, section "Matrix Fragments".
void multiplyBf16(Fiber* warp) {
  float a[16][16], b[16][8], c[16][8];
  for (int i = 0; i < kLanes; i++) {
    int g = i >> 2, t = (i & 3) * 2;
    uint16_t x[8], y[4];
    float z[4];
    memcpy(x, warp[i].operands->in, 16);
    memcpy(y, &warp[i].operands->in[2], 8);
    memcpy(z, &warp[i].operands->in[3], 16);
    for (int e = 0; e < 2; e++) {
      a[g][t + e] = widen(x[e]);
      a[g + 8][t + e] = widen(x[2 + e]);
      a[g][t + 8 + e] = widen(x[4 + e]);
      a[g + 8][t + 8 + e] = widen(x[6 + e]);
      b[t + e][g] = widen(y[e]);
      b[t + 8 + e][g] = widen(y[2 + e]);
      c[g][t + e] = z[e];
      c[g + 8][t + e] = z[2 + e];
    }
  }
  for (int r = 0; r < 16; r++) {
    for (int k = 0; k < 16; k++) {
      for (int n = 0; n < 8; n++) c[r][n] += a[r][k] * b[k][n];
    }
  }
  for (int i = 0; i < kLanes; i++) {
    int g = i >> 2, t = (i & 3) * 2;
    float z[4] = {c[g][t], c[g][t + 1], c[g + 8][t], c[g + 8][t + 1]};
    memcpy(warp[i].operands->out, z, 16);
  }
}

/// ldmatrix.m8n8.x4: lane 8·m + r gives the address of row r of matrix m.
void loadMatrices(Fiber* warp, bool transposed) {
  Thread* caller = current;
  for (int i = 0; i < kLanes; i++) {
    auto* row = reinterpret_cast<const void*>(warp[i].operands->in[0]);
    if (!isShared(row) || reinterpret_cast<uintptr_t>(row) % 16 != 0) {
      fail("ldmatrix wants rows of 16 bytes in shared memory, aligned; lane %d gives another (%s:%d)", i,
           warp[i].site.file, warp[i].site.line);
    }
    current = &warp[i].thread;
    access(row, 16, false, nullptr);
    current = caller;
  }
  for (int i = 0; i < kLanes; i++) {
    uint16_t out[8];
    for (int m = 0; m < 4; m++) {
      for (int e = 0; e < 2; e++) {
        int row = i >> 2, column = (i & 3) * 2 + e;
        if (transposed) std::swap(row, column);
        memcpy(&out[m * 2 + e], reinterpret_cast<const char*>(warp[m * 8 + row].operands->in[0]) + column * 2, 2);
      }
    }
    memcpy(warp[i].operands->out, out, 16);
  }
}

void compute(Collective op, Fiber* warp, uint32_t mask) {
  switch (op) {
    case Collective::SyncWarp: block.clocks[warp->thread.warp].at[warp->thread.warp]++; break;
    case Collective::Shuffle: shuffleLanes(warp, mask); break;
    case Collective::Ballot: vote(warp, mask); break;
    case Collective::MmaBf16: multiplyBf16(warp); break;
    case Collective::LoadMatrix: loadMatrices(warp, false); break;
    case Collective::LoadMatrixTransposed: loadMatrices(warp, true); break;
    case Collective::GroupFence: fenceProducts(warp); break;
    case Collective::GroupMultiply: beginProduct(warp); break;
    case Collective::GroupCommit: endGroup(warp); break;
    case Collective::GroupWait: finishGroups(warp); break;
  }
}

}  // namespace

void collective(Collective op, uint32_t mask, Operands& operands, Site site) {
  Fiber& self = block.fibers[block.running];
  unsigned warpIndex = self.thread.warp, lane = self.thread.lane;
  Fiber* warp = &block.fibers[warpIndex * kLanes];
  if (!(mask >> lane & 1)) {
    fail("lane %u calls a collective with mask %08x, which leaves it out (%s:%d)", lane, mask, site.file, site.line);
  }
  self.op = op;
  self.mask = mask;
  self.operands = &operands;
  self.site = site;
  self.state = State::InCollective;
  uint32_t& arrived = block.arrived[warpIndex];
  if (arrived == 0) {
    uint32_t gone = mask & ~block.alive[warpIndex];
    if (gone != 0) fail("a collective names lanes %08x that have exited (%s:%d)", gone, site.file, site.line);
  } else {
    const Fiber& other = warp[__builtin_ctz(arrived)];
    if (other.op != op || other.mask != mask || other.site.file != site.file || other.site.line != site.line) {
      fail("divergent collective: lane %u is at %s:%d, lane %u at %s:%d", lane, site.file, site.line,
           other.thread.lane, other.site.file, other.site.line);
    }
  }
  arrived |= 1u << lane;
  if (arrived != mask) {
    park();
    return;
  }
  arrived = 0;
  compute(op, warp, mask);
  for (uint32_t m = mask; m != 0; m &= m - 1) warp[__builtin_ctz(m)].state = State::Ready;
}

}  // namespace emulator
