// SPDX-License-Identifier: Apache-2.0
// Asynchronous copies into shared memory: cp.async with its groups, and bulk copies with their mbarriers.
#include <map>

#include "machine.h"

namespace emulator {
namespace {

/// An mbarrier object: arrivals and bytes still missing in this phase, and what waiters learn by it.
struct Phase {
  int arrivals, missing, bytes;
  unsigned parity;
  Clock gathering, completed;
};
struct Bulk {
  std::vector<Piece> pieces;
  size_t barrier;
  Clock issued;
};
std::map<size_t, Phase> phases;
std::vector<Bulk> bulks;

size_t key(uint64_t* barrier, Site site) {
  if (!isShared(barrier) || reinterpret_cast<uintptr_t>(barrier) % 8 != 0) {
    fail("an mbarrier lies in shared memory, aligned to 8 bytes (%s:%d)", site.file, site.line);
  }
  return size_t(reinterpret_cast<char*>(barrier) - sharedMemory());
}

Phase& phase(uint64_t* barrier, Site site) {
  auto i = phases.find(key(barrier, site));
  if (i == phases.end()) fail("mbarrier used before it was initialised (%s:%d)", site.file, site.line);
  return i->second;
}

void completeIfDone(Phase& p) {
  if (p.missing == 0 && p.bytes == 0) {
    p.parity ^= 1;
    p.missing = p.arrivals;
    p.completed = p.gathering;
  }
}

}  // namespace

// ---- cp.async ----

void copyAsync(void* shared, const void* global, int bytes, int sourceBytes, Site site) {
  if (!isShared(shared) || reinterpret_cast<uintptr_t>(shared) % bytes != 0 ||
      (sourceBytes > 0 && reinterpret_cast<uintptr_t>(global) % bytes != 0)) {
    fail("cp.async wants both addresses aligned to %d bytes and a shared destination (%s:%d)", bytes, site.file,
         site.line);
  }
  access(shared, bytes, true, nullptr);
  if (sourceBytes > 0) access(global, sourceBytes, false, nullptr);
  beginCopy(shared, bytes);
  block.fibers[block.running].openCopies.push_back(
      {static_cast<char*>(shared), static_cast<const char*>(global), bytes, sourceBytes});
}

void commitCopies() {
  Fiber& f = block.fibers[block.running];
  f.copyGroups.push_back(std::move(f.openCopies));
  f.openCopies.clear();
}

void waitForCopies(int pendingGroups) {
  auto& groups = block.fibers[block.running].copyGroups;
  while (int(groups.size()) > pendingGroups) {
    for (const Copy& c : groups.front()) {
      access(c.to, c.bytes, true, nullptr);
      memcpy(c.to, c.from, c.sourceBytes);
      memset(c.to + c.sourceBytes, 0, c.bytes - c.sourceBytes);
    }
    groups.erase(groups.begin());
  }
}

// ---- mbarrier and bulk copies ----

void barrierInit(uint64_t* barrier, int arrivals, Site site) {
  phases[key(barrier, site)] = Phase{arrivals, arrivals, 0, 0, {}, {}};
}

void barrierArrive(uint64_t* barrier, int expectedBytes, Site site) {
  Phase& p = phase(barrier, site);
  if (p.missing <= 0) fail("more arrivals at an mbarrier than it was made for (%s:%d)", site.file, site.line);
  unsigned warp = current->warp;
  p.gathering.join(block.clocks[warp]);
  block.clocks[warp].at[warp]++;
  p.bytes += expectedBytes;
  p.missing--;
  completeIfDone(p);
}

void barrierWait(uint64_t* barrier, unsigned parity, Site site) {
  Phase& p = phase(barrier, site);
  Fiber& f = block.fibers[block.running];
  while (p.parity == (parity & 1)) {
    f.state = State::AtPhase;
    f.site = site;
    f.phaseBarrier = key(barrier, site);
    f.phaseParity = parity & 1;
    park();
  }
  block.clocks[current->warp].join(p.completed);
}

void copyBulk(void* shared, const void* global, int bytes, uint64_t* barrier, Site site) {
  if (bytes % 16 != 0 || reinterpret_cast<uintptr_t>(shared) % 16 != 0 ||
      reinterpret_cast<uintptr_t>(global) % 16 != 0) {
    fail("a bulk copy wants size and addresses in steps of 16 bytes (%s:%d)", site.file, site.line);
  }
  std::vector<Piece> pieces;
  for (int o = 0; o < bytes; o += 16) {
    pieces.push_back({static_cast<char*>(shared) + o, static_cast<const char*>(global) + o, 16});
  }
  addBulk(std::move(pieces), barrier, site);
}

void addBulk(std::vector<Piece> pieces, uint64_t* barrier, Site site) {
  requirePrevious();
  phase(barrier, site);
  bulks.push_back({std::move(pieces), key(barrier, site), block.clocks[current->warp]});
}

void proxyFence() { block.fenced[current->warp] = block.clocks[current->warp].at[current->warp]; }

bool copyOneBulk() {
  if (bulks.empty()) return false;
  size_t i = randomNumber() % bulks.size();
  Bulk b = bulks[i];
  bulks.erase(bulks.begin() + i);
  static Thread engine{{0, 0, 0}, kMaxThreads, kEngine, 0};
  Clock& clock = block.clocks[kEngine];
  uint32_t time = clock.at[kEngine] + 1;
  clock = b.issued;
  clock.at[kEngine] = time;
  current = &engine;
  int bytes = 0;
  for (const Piece& piece : b.pieces) {
    if (piece.from != nullptr) access(piece.from, piece.bytes, false, nullptr);
    if (!failed) access(piece.to, piece.bytes, true, nullptr);
    if (failed) break;
    if (piece.from != nullptr) {
      memcpy(piece.to, piece.from, piece.bytes);
    } else {
      memset(piece.to, 0, piece.bytes);
    }
    bytes += piece.bytes;
  }
  current = nullptr;
  if (failed) return true;
  Phase& p = phases[b.barrier];
  p.gathering.join(clock);
  p.bytes -= bytes;
  completeIfDone(p);
  return true;
}

bool releasePhases() {
  bool released = false;
  for (int i = 0; i < block.threads; i++) {
    Fiber& f = block.fibers[i];
    if (f.state == State::AtPhase && phases[f.phaseBarrier].parity != f.phaseParity) {
      f.state = State::Ready;
      released = true;
    }
  }
  return released;
}

void resetCopies() {
  phases.clear();
  bulks.clear();
}

}  // namespace emulator
