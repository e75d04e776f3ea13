// SPDX-License-Identifier: Apache-2.0
// Kernels by name, and the order in which the blocks of a grid run.
#include <map>
#include <numeric>

#include "machine.h"

namespace emulator {
namespace {

std::map<std::string, Kernel>& kernels() {
  static std::map<std::string, Kernel> all;
  return all;
}

uint64_t randomState = 0x9E3779B97F4A7C15ull;

}  // namespace

void registerKernel(const char* name, const Kernel& kernel) { kernels()[name] = kernel; }

const Kernel* findKernel(const std::string& name) {
  auto i = kernels().find(name);
  return i == kernels().end() ? nullptr : &i->second;
}

uint64_t randomNumber() {
  randomState ^= randomState << 13;
  randomState ^= randomState >> 7;
  randomState ^= randomState << 17;
  return randomState;
}

void seedRandom(uint64_t seed) { randomState = (seed + 1) * 0x9E3779B97F4A7C15ull; }

void requirePrevious() {
  if (!block.overlaps || current->warp == unsigned(kEngine) || block.fibers[block.running].waitedForPrevious) return;
  fail("access to device memory before griddepcontrol.wait, in a launch that may overlap the one before");
}

void waitForPrevious() { block.fibers[block.running].waitedForPrevious = true; }

unsigned clusterRank() {
  const dim3 &i = place.index, &c = place.cluster;
  return (i.z % c.z * c.y + i.y % c.y) * c.x + i.x % c.x;
}

bool runGrid(const Kernel& kernel, const Shape& shape, void** arguments) {
  dim3 grid = shape.grid, threads = shape.threads;
  place.grid = grid;
  place.block = threads;
  place.cluster = shape.cluster;
  block.threads = int(threads.x * threads.y * threads.z);
  block.warps = (block.threads + kLanes - 1) / kLanes;
  block.sharedBytes = shape.sharedBytes;
  block.overlaps = shape.overlaps;
  block.kernel = &kernel;
  block.arguments = arguments;
  failed = false;
  failure.clear();
  // A stride that shares no divisor with the number of blocks visits each once.
  uint64_t blocks = uint64_t(grid.x) * grid.y * grid.z;
  uint64_t stride = randomNumber() % blocks + 1;
  while (std::gcd(stride, blocks) != 1) stride++;
  uint64_t at = randomNumber() % blocks;
  for (uint64_t i = 0; i < blocks; i++, at = (at + stride) % blocks) {
    place.index = {unsigned(at % grid.x), unsigned(at / grid.x % grid.y), unsigned(at / (uint64_t(grid.x) * grid.y))};
    if (!runBlock()) return false;
  }
  return true;
}

}  // namespace emulator
