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

/// Smallest piece of device memory that has a state of its own: the size of a bf16.
constexpr size_t kHalf = 2;
/// The same of shared memory. Writes also keep which of its bytes they wrote, so that neighbours of 2 bytes may be
/// written by two lanes; a read counts for the whole word.
constexpr size_t kWord = 4;
constexpr size_t kArena = 4ull << 30;
/// Between allocations, so that a stray access meets nobody's memory.
constexpr size_t kGuard = 256;

enum : uint8_t { kFree = 0, kAllocated = 1, kWritten = 2 };

char* reserve(size_t bytes) {
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) abort();
  return static_cast<char*>(p);
}

char* const arena = reserve(kArena);
uint8_t* const states = reinterpret_cast<uint8_t*>(reserve(kArena / kHalf));
constexpr size_t kSharedMargin = 64 << 10;
char* const shared = reserve(kMaxShared + 2 * kSharedMargin) + kSharedMargin;

size_t top = kGuard;
size_t total = kDefaultDeviceBytes;
size_t used;
std::map<size_t, size_t> allocations;          // offset → bytes
std::multimap<size_t, size_t> freed;           // bytes → offset

/// Who wrote a word of shared memory last, and who has read it since.
struct Word {
  uint32_t epoch;  // of the block; an older one means untouched
  int16_t writer;  // warp, or kNobody
  uint8_t writerLane;
  uint8_t writtenBytes;  // of the last write, a bit each
  bool written, inFlight;
  int16_t reader;  // the warp that read last, kNobody, or kMany: see `readers`
  uint32_t writeTime;
  uint32_t readTime;
  uint32_t readLanes;
};
constexpr int16_t kNobody = -1, kMany = -2;
Word* const words = reinterpret_cast<Word*>(reserve(kMaxShared / kWord * sizeof(Word)));

/// Reads of one word by several warps that are not ordered among themselves.
struct Readers {
  struct {
    uint32_t time, lanes;
  } of[kClocks];
};
Readers* const readers = reinterpret_cast<Readers*>(reserve(kMaxShared / kWord * sizeof(Readers)));
uint32_t epoch;

/// A fiber ends here; the engine of bulk copies returns.
void stop() {
  if (current->warp != unsigned(kEngine)) park();
}

const char* verb(bool write) { return write ? "write" : "read"; }

[[gnu::cold]] void strayGlobal(size_t offset, size_t bytes, bool write, const void* code) {
  report("out of bounds: %s of %zu bytes at device offset 0x%zx, which nobody allocated (code %p)", verb(write), bytes,
         offset, code);
  stop();
}
[[gnu::cold]] void unwrittenGlobal(size_t offset, const void* code) {
  report("read of uninitialised device memory at offset 0x%zx (code %p)", offset, code);
  stop();
}
[[gnu::cold]] void strayShared(long offset, size_t bytes, bool write, const void* code) {
  report("out of bounds: %s of %zu bytes at shared offset %ld, the launch asked for %zu (code %p)", verb(write), bytes,
         offset, block.sharedBytes, code);
  stop();
}
[[gnu::cold]] void unwrittenShared(size_t index, bool inFlight, const void* code) {
  if (inFlight) {
    report("read of shared memory at offset %zu while an asynchronous copy into it is under way (code %p)",
           index * kWord, code);
  } else {
    report("read of uninitialised shared memory at offset %zu (code %p)", index * kWord, code);
  }
  stop();
}
[[gnu::cold]] void raceWithWrite(size_t index, const Word& g, bool write, const void* code) {
  report("race on shared memory at offset %zu: %s, thread %d wrote without a barrier in between (code %p)",
         index * kWord, verb(write), g.writer * kLanes + g.writerLane, code);
  stop();
}
[[gnu::cold]] void raceWithRead(size_t index, int warp, const void* code) {
  report("race on shared memory at offset %zu: write, warp %d read without a barrier in between (code %p)",
         index * kWord, warp, code);
  stop();
}

void accessGlobal(size_t offset, size_t bytes, bool write, const void* code) {
  size_t first = offset / kHalf, last = (offset + bytes - 1) / kHalf;
  for (size_t g = first; g <= last; g++) {
    uint8_t& s = states[g];
    if (__builtin_expect(s == kWritten, 1)) continue;
    if (s == kFree) return strayGlobal(offset, bytes, write, code);
    if (!write) return unwrittenGlobal(offset, code);
    s = kWritten;
  }
}

/// Whether something another lane did at `time` may still be going on for the lane that runs now.
inline bool unordered(const Clock& mine, int self, int warp, uint32_t time, bool otherLane) {
  return warp == self ? otherLane && time == mine.at[self] : mine.at[warp] < time;
}

inline void rememberRead(size_t index, Word& g, const Clock& mine, int self, uint32_t bit) {
  uint32_t now = mine.at[self];
  if (g.reader == self) {
    g.readLanes = g.readTime == now ? g.readLanes | bit : bit;
    g.readTime = now;
  } else if (g.reader == kNobody || (g.reader != kMany && mine.at[g.reader] >= g.readTime)) {
    // Whoever is ordered after this read is ordered after the one before it too.
    g.reader = int16_t(self);
    g.readTime = now;
    g.readLanes = bit;
  } else {
    Readers& all = readers[index];
    if (g.reader != kMany) {
      memset(&all, 0, sizeof all);
      all.of[g.reader] = {g.readTime, g.readLanes};
      g.reader = kMany;
    }
    auto& r = all.of[self];
    r.lanes = r.time == now ? r.lanes | bit : bit;
    r.time = now;
  }
}

/// The warp whose reads a write now would race with, or kNobody.
inline int racingReader(size_t index, const Word& g, const Clock& mine, int self, uint32_t bit) {
  if (g.reader == kNobody) return kNobody;
  if (g.reader != kMany) {
    return unordered(mine, self, g.reader, g.readTime, (g.readLanes & ~bit) != 0) ? g.reader : kNobody;
  }
  for (int w = 0; w < kClocks; w++) {
    const auto& r = readers[index].of[w];
    if (r.lanes != 0 && unordered(mine, self, w, r.time, (r.lanes & ~bit) != 0)) return w;
  }
  return kNobody;
}

inline void accessWord(size_t index, uint8_t bytes, bool write, const void* code) {
  Word& g = words[index];
  if (g.epoch != epoch) g = {epoch, kNobody, 0, 0, false, false, kNobody, 0, 0, 0};
  int self = int(current->warp);
  const Clock& mine = block.clocks[self];
  uint32_t now = mine.at[self];
  uint32_t bit = 1u << current->lane;
  if (!write && !(g.writer == self && g.writeTime == now)) {
    // What this warp has read at this time already was in order then, and is so for the other lanes.
    if (g.reader == self && g.readTime == now) {
      g.readLanes |= bit;
      return;
    }
    if (g.reader == kMany && readers[index].of[self].time == now) {
      readers[index].of[self].lanes |= bit;
      return;
    }
  }
  if (!write && (g.inFlight || !g.written)) return unwrittenShared(index, g.inFlight, code);
  bool meets = !write || (g.writtenBytes & bytes) != 0;
  if (g.writer >= 0 && meets && unordered(mine, self, g.writer, g.writeTime, g.writerLane != current->lane)) {
    return raceWithWrite(index, g, write, code);
  }
  if (!write) return rememberRead(index, g, mine, self, bit);
  int reader = racingReader(index, g, mine, self, bit);
  if (reader != kNobody) return raceWithRead(index, reader, code);
  g.writer = int16_t(self);
  g.writerLane = uint8_t(current->lane);
  g.writtenBytes = bytes;
  g.writeTime = now;
  g.written = true;
  g.inFlight = false;
  g.reader = kNobody;
}

}  // namespace

void access(const void* p, size_t bytes, bool write, const void* code) {
  if (current == nullptr || failed) return;
  long inShared = static_cast<const char*>(p) - shared;
  if (inShared >= -long(kSharedMargin) && inShared < long(kMaxShared + kSharedMargin)) {
    if (inShared < 0 || inShared + bytes > block.sharedBytes) return strayShared(inShared, bytes, write, code);
    if (bytes < kWord) {
      accessWord(inShared / kWord, uint8_t(((1u << bytes) - 1) << inShared % kWord), write, code);
      return;
    }
    size_t last = (inShared + bytes - 1) / kWord;
    for (size_t g = inShared / kWord; g <= last && !failed; g++) accessWord(g, 0xf, write, code);
    return;
  }
  size_t offset = static_cast<const char*>(p) - arena;
  if (offset < kArena) {
    if (__builtin_expect(block.overlaps, 0)) requirePrevious();
    return accessGlobal(offset, bytes, write, code);
  }
  if (reinterpret_cast<uintptr_t>(p) < 4096) {
    report("%s through a null pointer (code %p)", verb(write), code);
    stop();
  }
}

void wantAligned(const void* p, size_t bytes, const void* code) {
  if (current == nullptr || failed || reinterpret_cast<uintptr_t>(p) % bytes == 0) return;
  size_t offset = static_cast<const char*>(p) - arena;
  if (!isShared(p) && offset >= kArena) return;
  report("misaligned address: it is no multiple of %zu (code %p)", bytes, code);
  stop();
}

char* sharedMemory() { return shared; }

bool isShared(const void* p) {
  long offset = static_cast<const char*>(p) - shared;
  return offset >= 0 && offset < long(kMaxShared);
}

void asynchronousRead(const void* p, size_t bytes) {
  size_t first = (static_cast<const char*>(p) - shared) / kWord;
  if (isShared(p) && isShared(static_cast<const char*>(p) + bytes - 1)) {
    for (size_t index = first; index < first + bytes / kWord; index++) {
      const Word& g = words[index];
      if (g.epoch == epoch && g.writer >= 0 && g.writer < kMaxWarps && g.writeTime > block.fenced[g.writer]) {
        report("wgmma reads shared memory at offset %zu, stored by thread %d without a proxy fence", index * kWord,
               g.writer * kLanes + g.writerLane);
        return stop();
      }
    }
  }
  access(p, bytes, false, nullptr);
}

void resetShared(size_t bytes) {
  epoch++;
  memset(shared, 0xff, bytes);
}

void beginCopy(const void* p, size_t bytes) {
  size_t offset = static_cast<const char*>(p) - shared;
  for (size_t g = offset / kWord; g <= (offset + bytes - 1) / kWord; g++) words[g].inFlight = true;
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
  memset(states + offset / kHalf, kAllocated, (bytes + kHalf - 1) / kHalf);
  return reinterpret_cast<uint64_t>(arena + offset);
}

bool freeDevice(uint64_t address) {
  size_t offset = address - reinterpret_cast<uint64_t>(arena);
  auto i = allocations.find(offset);
  if (i == allocations.end()) return false;
  size_t bytes = i->second;
  memset(states + offset / kHalf, kFree, (bytes + kHalf - 1) / kHalf);
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
  memset(states + offset / kHalf, kWritten, (bytes + kHalf - 1) / kHalf);
}

size_t deviceBytesUsed() { return used; }
size_t deviceBytesTotal() { return total; }
void setDeviceBytesTotal(size_t bytes) { total = bytes; }

}  // namespace emulator

// ---- the hooks that -fsanitize=thread calls ----

#define HOOK(name, bytes, write) \
  void name(void* p) { emulator::access(p, bytes, write, __builtin_return_address(0)); }
// What the compiler takes to be aligned as its type is: a chip faults where it is not. It speaks of no more than 8.
#define ALIGNED_HOOK(name, bytes, write)                                                       \
  void name(void* p) {                                                                         \
    emulator::wantAligned(p, bytes < 8 ? bytes : 8, __builtin_return_address(0));              \
    emulator::access(p, bytes, write, __builtin_return_address(0));                            \
  }
#define HOOKS(bytes)                                 \
  ALIGNED_HOOK(__tsan_read##bytes, bytes, false)     \
  ALIGNED_HOOK(__tsan_write##bytes, bytes, true)     \
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
