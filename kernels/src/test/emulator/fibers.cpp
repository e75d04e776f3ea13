// SPDX-License-Identifier: Apache-2.0
// Every CUDA thread of a block is a fiber. The scheduler runs a warp until none of its lanes can go on, then
// another, in an order drawn anew each round: a program that lacks a barrier meets the schedule that shows it.
#include <sys/mman.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "machine.h"

namespace emulator {

Thread* current;
Place place;
Block block;
bool failed;
std::string failure;

namespace {

constexpr size_t kStack = 128 << 10;
void* schedulerStack;

// Saves the callee-saved registers on this stack, stores its pointer, and goes on where `to` was left.
extern "C" void emulator_switch(void** save, void* to);
asm(R"(
.hidden emulator_switch
.globl emulator_switch
.type emulator_switch, @function
emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
)");

char* stacks() {
  static char* memory = [] {
    void* p = mmap(nullptr, kStack * kMaxThreads, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) abort();
    return static_cast<char*>(p);
  }();
  return memory;
}

void fiberMain() {
  block.kernel->entry(block.arguments);
  Fiber& f = block.fibers[block.running];
  f.state = State::Exited;
  block.alive[f.thread.warp] &= ~(1u << f.thread.lane);
  park();
  abort();
}

void prepare(int i) {
  Fiber& f = block.fibers[i];
  void** sp = reinterpret_cast<void**>(stacks() + (i + 1) * kStack - 16);
  *--sp = nullptr;  // fiberMain returns to nowhere; keeps the stack aligned as after a call
  *--sp = reinterpret_cast<void*>(fiberMain);
  for (int r = 0; r < 6; r++) *--sp = nullptr;
  f.stack = sp;
  f.state = State::Ready;
  f.waitedForPrevious = false;
  f.copyGroups.clear();
  f.openCopies.clear();
  unsigned n = unsigned(i);
  f.thread = {{n % place.block.x, n / place.block.x % place.block.y, n / (place.block.x * place.block.y)},
              n,
              n / kLanes,
              n % kLanes};
}

/// Runs the lanes of a warp until none is ready.
bool runWarp(int warp) {
  bool ran = false;
  for (bool again = true; again && !failed;) {
    again = false;
    int end = (warp + 1) * kLanes < block.threads ? (warp + 1) * kLanes : block.threads;
    for (int i = warp * kLanes; i < end; i++) {
      if (block.fibers[i].state != State::Ready) continue;
      ran = again = true;
      block.running = i;
      current = &block.fibers[i].thread;
      emulator_switch(&schedulerStack, block.fibers[i].stack);
      current = nullptr;
      if (failed) return true;
    }
  }
  return ran;
}

const char* waitsIn(State state) {
  switch (state) {
    case State::AtBarrier: return "a barrier";
    case State::AtPhase: return "an mbarrier";
    default: return "a warp collective";
  }
}

void reportDeadlock(int exited) {
  int i = 0;
  while (block.fibers[i].state == State::Exited) i++;
  const Fiber& f = block.fibers[i];
  report("deadlock: thread %d waits at %s:%d in %s that the others do not reach; %d of %d threads have exited", i,
         f.site.file, f.site.line, waitsIn(f.state), exited, block.threads);
}

void recordFailure(const char* format, va_list arguments) {
  if (failed) return;
  char text[1024];
  int n = vsnprintf(text, sizeof text, format, arguments);
  n = n < 0 ? 0 : n < 900 ? n : 900;
  const dim3& b = place.index;
  if (current != nullptr) {
    snprintf(text + n, sizeof text - n, " [block %u,%u,%u thread %u]", b.x, b.y, b.z, current->linear);
  } else {
    snprintf(text + n, sizeof text - n, " [block %u,%u,%u]", b.x, b.y, b.z);
  }
  failure = text;
  failed = true;
}

}  // namespace

void fail(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  recordFailure(format, arguments);
  va_end(arguments);
  park();
  abort();
}

void report(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  recordFailure(format, arguments);
  va_end(arguments);
}

void park() { emulator_switch(&block.fibers[block.running].stack, schedulerStack); }

bool runBlock() {
  resetShared(block.sharedBytes);
  resetCopies();
  resetMaps();
  resetProducts();
  for (int w = 0; w < kClocks; w++) {
    block.clocks[w] = Clock{};
    block.clocks[w].at[w] = 1;
  }
  int order[kMaxWarps];
  for (int w = 0; w < block.warps; w++) {
    order[w] = w;
    int lanes = block.threads - w * kLanes;
    block.alive[w] = lanes >= kLanes ? ~0u : (1u << lanes) - 1;
    block.arrived[w] = 0;
    block.fenced[w] = 0;
  }
  for (int i = 0; i < block.threads; i++) prepare(i);
  for (;;) {
    bool moved = false;
    for (int i = block.warps - 1; i > 0; i--) std::swap(order[i], order[randomNumber() % (i + 1)]);
    for (int i = 0; i < block.warps; i++) {
      moved |= runWarp(order[i]);
      if (failed) return false;
    }
    int exited = 0;
    for (int i = 0; i < block.threads; i++) exited += block.fibers[i].state == State::Exited;
    if (exited == block.threads) return productsAgree();
    // Bulk copies land at some time and in some order, at the latest when nothing else can happen.
    if (!moved || randomNumber() % 3 == 0) moved |= copyOneBulk();
    if (failed) return false;
    moved |= releasePhases();
    moved |= releaseBarriers();
    if (!moved) {
      reportDeadlock(exited);
      return false;
    }
  }
}

}  // namespace emulator
