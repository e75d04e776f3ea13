// SPDX-License-Identifier: Apache-2.0
// Tensor maps: how the driver checks and keeps them, and copies of boxes by them. What a map of the emulator holds is
// its own affair, as it is NVIDIA's on a chip; it knows whole elements in tiles, no interleaving, and boxes as wide as
// their swizzle.
#include <set>

#include "driver.h"

namespace emulator {
namespace {

constexpr int kMost = 5;
constexpr uint64_t kMagic = 0x7e4507a9;
constexpr size_t kMapBytes = 128;
/// Bytes of elements by CUtensorMapDataType: u8, u16, u32, s32, u64, s64, f16, f32, f64, bf16.
constexpr int kElementBytes[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2};
/// Bytes of a box's rows by CUtensorMapSwizzle; the first has none.
constexpr int kSpan[] = {0, 32, 64, 128};

struct Map {
  uint64_t magic, address;
  uint64_t strides[kMost - 1];  // bytes
  uint32_t last[kMost];         // of the indices
  uint16_t box[kMost];
  uint8_t rank, elementBytes, swizzle;
};
static_assert(sizeof(Map) <= kMapBytes);

/// Maps that a thread of the block has acquired.
std::set<std::pair<unsigned, const void*>> acquired;

/// The shared address that what is laid out for `offset` goes to: bits 4, 5, 6 by the bits three further.
size_t swizzled(size_t offset, int swizzle) {
  size_t mask = swizzle == 0 ? 0 : (1 << swizzle) - 1;
  return offset ^ ((offset >> 7 & mask) << 4);
}

}  // namespace

void acquireMap(const void* map, Site) {
  requirePrevious();
  access(map, kMapBytes, false, nullptr);
  acquired.insert({current->linear, map});
}

void resetMaps() { acquired.clear(); }

void copyBox(void* shared, const void* at, std::initializer_list<int> first, uint64_t* barrier, Site site) {
  Map map;
  memcpy(&map, at, sizeof map);
  if (reinterpret_cast<uintptr_t>(at) % 64 != 0 || map.magic != kMagic) {
    fail("no tensor map lies at the address given (%s:%d)", site.file, site.line);
  }
  if (acquired.count({current->linear, at}) == 0) {
    fail("a tensor map in device memory is used before it was acquired (%s:%d)", site.file, site.line);
  }
  if (first.size() != map.rank) {
    fail("a copy of rank %zu by a tensor map of rank %d (%s:%d)", first.size(), map.rank, site.file, site.line);
  }
  // What is not aligned to the swizzle's period is not where its readers look.
  size_t aligned = map.swizzle == 0 ? 128 : 128 << map.swizzle;
  size_t start = size_t(static_cast<char*>(shared) - sharedMemory());
  if (!isShared(shared) || start % aligned != 0) {
    fail("a box of this swizzle wants shared memory aligned to %zu bytes (%s:%d)", aligned, site.file, site.line);
  }
  std::vector<Piece> pieces;
  int index[kMost] = {};
  for (size_t offset = 0;; offset += map.elementBytes) {
    uint64_t from = map.address;
    bool inside = true;
    for (int d = 0; d < map.rank; d++) {
      int64_t i = int64_t(first.begin()[d]) + index[d];
      inside &= i >= 0 && i <= int64_t(map.last[d]);
      from += uint64_t(i) * (d == 0 ? map.elementBytes : map.strides[d - 1]);
    }
    pieces.push_back({sharedMemory() + swizzled(start + offset, map.swizzle),
                      inside ? reinterpret_cast<const char*>(from) : nullptr, map.elementBytes});
    int d = 0;
    while (d < map.rank && ++index[d] == map.box[d]) index[d++] = 0;
    if (d == map.rank) break;
  }
  addBulk(std::move(pieces), barrier, site);
}

}  // namespace emulator

using namespace emulator;

extern "C" int cuTensorMapEncodeTiled(void* to, int type, uint32_t rank, void* address, const uint64_t* dimensions,
                                      const uint64_t* strides, const uint32_t* box, const uint32_t* elementStrides,
                                      int interleave, int swizzle, int l2Promotion, int fill) {
  DRIVER_CALL;
  if (settings.capability < 90) return kNotSupported;
  if (to == nullptr || reinterpret_cast<uintptr_t>(to) % 64 != 0 || reinterpret_cast<uintptr_t>(address) % 16 != 0 ||
      type < 0 || type > 9 || rank < 1 || rank > kMost || interleave != 0 || swizzle < 0 || swizzle > 3 ||
      l2Promotion < 0 || l2Promotion > 3 || fill != 0) {
    return kInvalidValue;
  }
  Map map{kMagic, reinterpret_cast<uint64_t>(address), {}, {}, {}, uint8_t(rank), uint8_t(kElementBytes[type]),
          uint8_t(swizzle)};
  for (uint32_t d = 0; d < rank; d++) {
    if (dimensions[d] == 0 || dimensions[d] > 1ull << 32 || box[d] == 0 || box[d] > 256 || elementStrides[d] != 1) {
      return kInvalidValue;
    }
    map.last[d] = uint32_t(dimensions[d] - 1);
    map.box[d] = uint16_t(box[d]);
    if (d + 1 < rank) {
      if (strides[d] % 16 != 0 || strides[d] >= 1ull << 40) return kInvalidValue;
      map.strides[d] = strides[d];
    }
  }
  uint32_t rowBytes = box[0] * map.elementBytes;
  if (rowBytes % 16 != 0 || (swizzle != 0 && rowBytes != uint32_t(kSpan[swizzle]))) return kInvalidValue;
  memset(to, 0, kMapBytes);
  memcpy(to, &map, sizeof map);
  return kSuccess;
}
