// SPDX-License-Identifier: Apache-2.0
// What the parts of the emulator share: the block that runs, its fibers, and the checks between them.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "host.h"

namespace emulator {

constexpr int kLanes = 32;
constexpr int kMaxThreads = 1024;
constexpr int kMaxWarps = kMaxThreads / kLanes;
/// The engine that carries out bulk copies, as one more participant in the clocks.
constexpr int kEngine = kMaxWarps;
constexpr int kClocks = kMaxWarps + 1;
/// Most dynamic shared memory of a block, that of sm_90.
constexpr size_t kMaxShared = 232448;

/// Logical time of every warp as one of them knows it: what it has synchronised with.
struct Clock {
  uint32_t at[kClocks] = {};
  void join(const Clock& other) {
    for (int i = 0; i < kClocks; i++) at[i] = other.at[i] > at[i] ? other.at[i] : at[i];
  }
};

enum class State { Ready, AtBarrier, InCollective, AtPhase, Exited };

struct Copy {
  char* to;
  const char* from;
  int bytes, sourceBytes;
};

/// One CUDA thread with a stack of its own, and what it waits for.
struct Fiber {
  void* stack;
  State state;
  Thread thread;
  Site site;
  int barrier, barrierCount;
  Collective op;
  uint32_t mask;
  Operands* operands;
  size_t phaseBarrier;
  unsigned phaseParity;
  bool waitedForPrevious;
  std::vector<std::vector<Copy>> copyGroups;
  std::vector<Copy> openCopies;
};

struct Block {
  Fiber fibers[kMaxThreads];
  int threads, warps;
  int running;  // index of the fiber that runs
  const Kernel* kernel;
  void** arguments;
  size_t sharedBytes;
  bool overlaps;  // the launch may begin before the one ahead of it has ended
  Clock clocks[kClocks];
  uint32_t arrived[kMaxWarps];  // lanes waiting in a collective
  uint32_t alive[kMaxWarps];    // lanes that have not exited
  uint32_t fenced[kMaxWarps];   // time of the last fence between stores and asynchronous reads
};
extern Block block;

/// Whether the launch has failed; nothing of it runs on.
extern bool failed;
/// What went wrong first, in words.
extern std::string failure;
/// Records a failure with the block and thread that runs, and leaves the fiber for good.
[[gnu::format(printf, 1, 2)]] void fail(const char* format, ...);
/// The same for somebody who is no fiber: returns.
[[gnu::format(printf, 1, 2)]] void report(const char* format, ...);

uint64_t randomNumber();
void seedRandom(uint64_t seed);

// fibers.cpp
/// Hands the processor back to the scheduler until somebody makes this fiber ready.
void park();
bool runBlock();

// copies.cpp
void resetCopies();
bool copyOneBulk();
/// A piece of a bulk copy; from nowhere it is zeros.
struct Piece {
  char* to;
  const char* from;
  int bytes;
};
/// A copy that lands whole, whenever it likes, and tells the barrier.
void addBulk(std::vector<Piece> pieces, uint64_t* barrier, Site);
bool releasePhases();

// wgmma.cpp
void resetProducts();
/// What a warp collective of wgmma does once all lanes are there.
void fenceProducts(Fiber* warp);
void beginProduct(Fiber* warp);
void endGroup(Fiber* warp);
void finishGroups(Fiber* warp);
/// Whether the warps of a group have multiplied the same number of times.
bool productsAgree();

// barriers.cpp
bool releaseBarriers();

// memory.cpp
void resetShared(size_t bytes);
bool isShared(const void* p);
/// Checks an access of the running thread.
void access(const void* p, size_t bytes, bool write, const void* code);
/// Checks a read by wgmma: what threads stored must have been fenced.
void asynchronousRead(const void* p, size_t bytes);
/// Marks shared memory as being overwritten by a copy: nobody may read it until it has landed.
void beginCopy(const void* p, size_t bytes);

/// Device memory unless a test says otherwise.
constexpr size_t kDefaultDeviceBytes = 2ull << 30;
/// Device memory. The result is its address, 0 when there is not that much.
uint64_t allocateDevice(size_t bytes);
bool freeDevice(uint64_t address);
/// Whether all of it was allocated.
bool ownsDevice(uint64_t address, size_t bytes);
void markWritten(uint64_t address, size_t bytes);
size_t deviceBytesUsed();
size_t deviceBytesTotal();
void setDeviceBytesTotal(size_t bytes);

// tensormaps.cpp
void resetMaps();

// launch.cpp
/// How a kernel is launched.
struct Shape {
  dim3 grid, threads, cluster;
  size_t sharedBytes;
  bool overlaps;
};
/// A kernel that may run beside the one ahead of it must have waited before it touches device memory.
void requirePrevious();
/// Null when there is none of that name.
const Kernel* findKernel(const std::string& name);
/// Runs a whole grid, its blocks in an order of the seed. False when a check failed.
bool runGrid(const Kernel& kernel, const Shape& shape, void** arguments);

}  // namespace emulator
