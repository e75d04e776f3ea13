// SPDX-License-Identifier: Apache-2.0
// Device and shared memory, and the checker of every access to them. Kernels are compiled with
// -fsanitize=thread, whose hooks are defined here instead of in a sanitizer library: each load and store of a
// kernel arrives in access().
#include <sys/mman.h>

#include <cstdlib>
#include <map>

#include "machine.h"

namespace emulator {
namespace {

/// Smallest piece of memory that has a state of its own: the size of a bf16.
constexpr size_t kGranule = 2;
constexpr size_t kArena = 16ull << 30;
/// Between allocations, so that a stray access meets nobody's memory.
constexpr size_t kGuard = 256;

enum : uint8_t { kFree = 0, kAllocated = 1, kWritten = 2 };

char* reserve(size_t bytes) {
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) abort();
  return static_cast<char*>(p);
}

char* const arena = reserve(kArena);
uint8_t* const states = reinterpret_cast<uint8_t*>(reserve(kArena / kGranule));
constexpr size_t kSharedMargin = 64 << 10;
char* const shared = reserve(kMaxShared + 2 * kSharedMargin) + kSharedMargin;

size_t top = kGuard;
size_t total = 8ull << 30;
size_t used;
std::map<size_t, size_t> allocations;          // offset → bytes
std::multimap<size_t, size_t> freed;           // bytes → offset

/// Who wrote a granule of shared memory last, and who has read it since.
struct Granule {
  uint32_t epoch;  // of the block; an older one means untouched
  int16_t writer;  // warp, or −1
  uint8_t writerLane;
  bool written, inFlight;
  uint32_t writeTime;
  uint32_t readTime[kClocks];
  uint32_t readers[kClocks];  // lanes
};
Granule* const granules = reinterpret_cast<Granule*>(reserve(kMaxShared / kGranule * sizeof(Granule)));
uint32_t epoch;

void stop(bool engine) {
  if (!engine) park();
}

#define FAIL(...)                        \
  do {                                   \
    report(__VA_ARGS__);                 \
    stop(current->warp == unsigned(kEngine)); \
    return;                              \
  } while (0)

void accessGlobal(size_t offset, size_t bytes, bool write, const void* code) {
  size_t first = offset / kGranule, last = (offset + bytes - 1) / kGranule;
  for (size_t g = first; g <= last; g++) {
    uint8_t& s = states[g];
    if (s == kWritten) continue;
    if (s == kFree) {
      FAIL("out of bounds: %s of %zu bytes at device offset 0x%zx, which nobody allocated (code %p)",
           write ? "write" : "read", bytes, offset, code);
    }
    if (!write) FAIL("read of uninitialised device memory at offset 0x%zx (code %p)", offset, code);
    s = kWritten;
  }
}

/// Whether something another lane did at `time` may still be going on for the lane that runs now.
bool unordered(int warp, uint32_t time, bool otherLane) {
  int self = int(current->warp);
  if (warp == self) return otherLane && time == block.clocks[self].at[self];
  return block.clocks[self].at[warp] < time;
}

void accessGranule(size_t index, bool write, const void* code) {
  Granule& g = granules[index];
  if (g.epoch != epoch) {
    memset(&g, 0, sizeof g);
    g.epoch = epoch;
    g.writer = -1;
  }
  size_t offset = index * kGranule;
  int self = int(current->warp);
  uint32_t now = block.clocks[self].at[self];
  uint32_t lane = current->lane;
  if (!write && g.inFlight) {
    FAIL("read of shared memory at offset %zu while an asynchronous copy into it is under way (code %p)", offset, code);
  }
  if (!write && !g.written) FAIL("read of uninitialised shared memory at offset %zu (code %p)", offset, code);
  if (g.writer >= 0 && unordered(g.writer, g.writeTime, g.writerLane != lane)) {
    FAIL("race on shared memory at offset %zu: %s, thread %d wrote without a barrier in between (code %p)", offset,
         write ? "write" : "read", g.writer * kLanes + g.writerLane, code);
  }
  if (!write) {
    if (g.readTime[self] != now) {
      g.readTime[self] = now;
      g.readers[self] = 0;
    }
    g.readers[self] |= 1u << lane;
    return;
  }
  for (int w = 0; w < kClocks; w++) {
    if (g.readers[w] != 0 && unordered(w, g.readTime[w], (g.readers[w] & ~(1u << lane)) != 0)) {
      FAIL("race on shared memory at offset %zu: write, warp %d read without a barrier in between (code %p)", offset,
           w, code);
    }
  }
  g.writer = int16_t(self);
  g.writerLane = uint8_t(lane);
  g.writeTime = now;
  g.written = true;
  g.inFlight = false;
}

void accessShared(long offset, size_t bytes, bool write, const void* code) {
  if (offset < 0 || offset + bytes > block.sharedBytes) {
    FAIL("out of bounds: %s of %zu bytes at shared offset %ld, the launch asked for %zu (code %p)",
         write ? "write" : "read", bytes, offset, block.sharedBytes, code);
  }
  for (size_t g = offset / kGranule; g <= (offset + bytes - 1) / kGranule && !failed; g++) {
    accessGranule(g, write, code);
  }
}

}  // namespace

void access(const void* p, size_t bytes, bool write, const void* code) {
  if (current == nullptr || failed) return;
  size_t offset = static_cast<const char*>(p) - arena;
  if (offset < kArena) {
    accessGlobal(offset, bytes, write, code);
    return;
  }
  long inShared = static_cast<const char*>(p) - shared;
  if (inShared >= -long(kSharedMargin) && inShared < long(kMaxShared + kSharedMargin)) {
    accessShared(inShared, bytes, write, code);
    return;
  }
  if (reinterpret_cast<uintptr_t>(p) < 4096) FAIL("%s through a null pointer (code %p)", write ? "write" : "read", code);
}

char* sharedMemory() { return shared; }

bool isShared(const void* p) {
  long offset = static_cast<const char*>(p) - shared;
  return offset >= 0 && offset < long(kMaxShared);
}

void resetShared(size_t bytes) {
  epoch++;
  memset(shared, 0xff, bytes);
}

void beginCopy(const void* p, size_t bytes) {
  size_t offset = static_cast<const char*>(p) - shared;
  for (size_t g = offset / kGranule; g <= (offset + bytes - 1) / kGranule; g++) granules[g].inFlight = true;
  memset(shared + offset, 0xff, bytes);
}

// ---- device memory ----

uint64_t allocateDevice(size_t bytes) {
  if (bytes == 0 || bytes > total - used) return 0;
  size_t room = (bytes + kGuard - 1) / kGuard * kGuard;
  size_t offset;
  auto fit = freed.find(room);
  if (fit != freed.end()) {
    offset = fit->second;
    freed.erase(fit);
  } else {
    if (top + room + kGuard > kArena) return 0;
    offset = top;
    top += room + kGuard;
  }
  allocations[offset] = bytes;
  used += bytes;
  memset(states + offset / kGranule, kAllocated, (bytes + kGranule - 1) / kGranule);
  return reinterpret_cast<uint64_t>(arena + offset);
}

bool freeDevice(uint64_t address) {
  size_t offset = address - reinterpret_cast<uint64_t>(arena);
  auto i = allocations.find(offset);
  if (i == allocations.end()) return false;
  size_t bytes = i->second;
  memset(states + offset / kGranule, kFree, (bytes + kGranule - 1) / kGranule);
  freed.emplace((bytes + kGuard - 1) / kGuard * kGuard, offset);
  used -= bytes;
  allocations.erase(i);
  return true;
}

bool ownsDevice(uint64_t address, size_t bytes) {
  size_t offset = address - reinterpret_cast<uint64_t>(arena);
  if (offset >= kArena) return false;
  auto i = allocations.upper_bound(offset);
  if (i == allocations.begin()) return false;
  --i;
  return offset + bytes <= i->first + i->second;
}

void markWritten(uint64_t address, size_t bytes) {
  size_t offset = address - reinterpret_cast<uint64_t>(arena);
  memset(states + offset / kGranule, kWritten, (bytes + kGranule - 1) / kGranule);
}

bool wasWritten(uint64_t address, size_t bytes) {
  size_t offset = address - reinterpret_cast<uint64_t>(arena);
  for (size_t g = offset / kGranule; g < (offset + bytes + kGranule - 1) / kGranule; g++) {
    if (states[g] != kWritten) return false;
  }
  return true;
}

size_t deviceBytesUsed() { return used; }
size_t deviceBytesTotal() { return total; }
void setDeviceBytesTotal(size_t bytes) { total = bytes; }

}  // namespace emulator

// ---- the hooks that -fsanitize=thread calls ----

#define HOOK(name, bytes, write) \
  void name(void* p) { emulator::access(p, bytes, write, __builtin_return_address(0)); }
#define HOOKS(bytes)                                 \
  HOOK(__tsan_read##bytes, bytes, false)             \
  HOOK(__tsan_write##bytes, bytes, true)             \
  HOOK(__tsan_unaligned_read##bytes, bytes, false)   \
  HOOK(__tsan_unaligned_write##bytes, bytes, true)

extern "C" {
HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)
void __tsan_read_range(void* p, size_t n) { emulator::access(p, n, false, __builtin_return_address(0)); }
void __tsan_write_range(void* p, size_t n) { emulator::access(p, n, true, __builtin_return_address(0)); }
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void*, void*) {}
}
