// SPDX-License-Identifier: Apache-2.0
// wgmma: products of four warps. Each warp has the rows 16·(warp mod 4) … of it, so a warp's share is computed by
// itself, as late as the program allows: when it waits for the group that the product is in. Until then its sums are
// NaN and nobody may touch what it reads.
#include <deque>
#include <map>
#include <vector>

#include "machine.h"

namespace emulator {
namespace {

constexpr int kRows = 16, kDepth = 16, kMaxColumns = 256;

/// The sums of a warp's rows while products are under way: where they go, and what they are so far.
struct Sums {
  float* to[kLanes];
  std::vector<float> values;  // [lane][columns / 2]
  int products = 0;
};
struct Product {
  Sums* sums;
  int columns;
  bool fromRegisters;
  uint32_t a[kLanes][4];
  uint64_t left, right;
  Site site;
};

struct Warp {
  bool fenced;
  int count;
  std::map<float*, Sums> sums;
  std::vector<Product> open;
  std::deque<std::vector<Product>> groups;
};
Warp warps[kMaxWarps];

/// A matrix descriptor as the PTX manual has it.
struct Matrix {
  size_t start, leading, stride;
  Matrix(uint64_t d, Site site)
      : start((d & 0x3FFF) << 4), leading((d >> 16 & 0x3FFF) << 4), stride((d >> 32 & 0x3FFF) << 4) {
    if (d >> 62 != 1) fail("wgmma: the emulator knows the 128-byte swizzle only (%s:%d)", site.file, site.line);
    if ((start >> 7 & 7) != 0) {
      fail("wgmma: the matrix at shared offset %zu is not aligned to eight rows (%s:%d)", start, site.file, site.line);
    }
  }
  static char* at(size_t offset) { return sharedMemory() + (offset ^ ((offset >> 7 & 7) << 4)); }
  /// Element (row, k), where the sum runs along a row.
  char* along(int row, int k) const { return at(start + row / 8 * stride + row % 8 * 128 + k * 2); }
  /// Element (k, column), where it runs from row to row.
  char* across(int k, int column) const {
    return at(start + column / 64 * leading + k / 8 * stride + k % 8 * 128 + column % 64 * 2);
  }
};

float widen(const char* p) {
  uint16_t half;
  memcpy(&half, p, 2);
  uint32_t bits = uint32_t(half) << 16;
  float x;
  memcpy(&x, &bits, 4);
  return x;
}

void readLeft(const Product& p, int firstRow, float (&a)[kRows][kDepth]) {
  if (p.fromRegisters) {
    for (int i = 0; i < kLanes; i++) {
      int g = i >> 2, t = (i & 3) * 2;
      const char* x = reinterpret_cast<const char*>(p.a[i]);
      for (int e = 0; e < 2; e++) {
        a[g][t + e] = widen(x + 2 * e);
        a[g + 8][t + e] = widen(x + 4 + 2 * e);
        a[g][t + 8 + e] = widen(x + 8 + 2 * e);
        a[g + 8][t + 8 + e] = widen(x + 12 + 2 * e);
      }
    }
    return;
  }
  Matrix m(p.left, p.site);
  for (int r = 0; r < kRows; r++) {
    for (int k = 0; k < kDepth; k++) {
      const char* from = m.along(firstRow + r, k);
      if (k % 8 == 0) asynchronousRead(from, 16);
      a[r][k] = widen(from);
    }
  }
}

void readRight(const Product& p, float (&b)[kDepth][kMaxColumns]) {
  Matrix m(p.right, p.site);
  for (int k = 0; k < kDepth; k++) {
    for (int n = 0; n < p.columns; n++) {
      const char* from = p.fromRegisters ? m.across(k, n) : m.along(n, k);
      if ((p.fromRegisters ? n : k) % 8 == 0) asynchronousRead(from, 16);
      b[k][n] = widen(from);
    }
  }
}

void multiply(const Product& p, int firstRow) {
  static float a[kRows][kDepth], b[kDepth][kMaxColumns], c[kRows][kMaxColumns];
  readLeft(p, firstRow, a);
  readRight(p, b);
  Sums& s = *p.sums;
  auto sum = [&](int lane, int n, int e) -> float& {
    return s.values[lane * p.columns / 2 + n * 4 + e];
  };
  auto place = [&](int lane, int n, int e) -> float& {
    return c[(lane >> 2) + 8 * (e >> 1)][n * 8 + (lane & 3) * 2 + (e & 1)];
  };
  for (int i = 0; i < kLanes; i++) {
    for (int n = 0; n < p.columns / 8; n++) {
      for (int e = 0; e < 4; e++) place(i, n, e) = sum(i, n, e);
    }
  }
  for (int r = 0; r < kRows; r++) {
    for (int k = 0; k < kDepth; k++) {
      for (int n = 0; n < p.columns; n++) c[r][n] += a[r][k] * b[k][n];
    }
  }
  for (int i = 0; i < kLanes; i++) {
    for (int n = 0; n < p.columns / 8; n++) {
      for (int e = 0; e < 4; e++) sum(i, n, e) = place(i, n, e);
    }
  }
  if (--s.products > 0) return;
  for (int i = 0; i < kLanes; i++) memcpy(s.to[i], &s.values[i * p.columns / 2], p.columns * 2);
}

}  // namespace

void productFence(Site site) {
  Operands o{};
  collective(Collective::GroupFence, ~0u, o, site);
}
void multiplyGroup(float* d, int columns, const uint32_t* registers, uint64_t a, uint64_t b, Site site) {
  Operands o{};
  o.in[0] = reinterpret_cast<uint64_t>(d);
  o.in[1] = uint64_t(columns);
  o.in[2] = reinterpret_cast<uint64_t>(registers);
  o.in[3] = a;
  o.in[4] = b;
  collective(Collective::GroupMultiply, ~0u, o, site);
}
void commitProducts(Site site) {
  Operands o{};
  collective(Collective::GroupCommit, ~0u, o, site);
}
void waitForProducts(int pendingGroups, Site site) {
  Operands o{};
  o.in[0] = uint64_t(pendingGroups);
  collective(Collective::GroupWait, ~0u, o, site);
}

void fenceProducts(Fiber* warp) { warps[warp->thread.warp].fenced = true; }

void beginProduct(Fiber* warp) {
  Warp& w = warps[warp->thread.warp];
  const Operands& first = *warp->operands;
  if (!w.fenced) fail("wgmma without a fence after its registers were written (%s:%d)", warp->site.file, warp->site.line);
  Product p{};
  p.columns = int(first.in[1]);
  p.fromRegisters = first.in[2] != 0;
  p.left = first.in[3];
  p.right = first.in[4];
  p.site = warp->site;
  Sums& s = w.sums[reinterpret_cast<float*>(first.in[0])];
  for (int i = 0; i < kLanes; i++) {
    const Operands& o = *warp[i].operands;
    if (o.in[3] != p.left || o.in[4] != p.right) {
      fail("wgmma: lanes of a warp describe different matrices (%s:%d)", p.site.file, p.site.line);
    }
    if (p.fromRegisters) memcpy(p.a[i], reinterpret_cast<const void*>(o.in[2]), 16);
    auto* d = reinterpret_cast<float*>(o.in[0]);
    if (s.products == 0) {
      s.to[i] = d;
      s.values.resize(kLanes * p.columns / 2);
      memcpy(&s.values[i * p.columns / 2], d, p.columns * 2);
      memset(d, 0xff, p.columns * 2);
    }
  }
  s.products++;
  p.sums = &s;
  w.open.push_back(p);
  w.count++;
}

void endGroup(Fiber* warp) {
  Warp& w = warps[warp->thread.warp];
  w.groups.push_back(std::move(w.open));
  w.open.clear();
}

void finishGroups(Fiber* warp) {
  Warp& w = warps[warp->thread.warp];
  while (w.groups.size() > warp->operands->in[0]) {
    for (const Product& p : w.groups.front()) multiply(p, int(warp->thread.warp) % 4 * kRows);
    w.groups.pop_front();
  }
  w.fenced = false;
}

bool productsAgree() {
  for (int w = 0; w < block.warps; w++) {
    const Warp& mine = warps[w];
    if (!mine.open.empty() || !mine.groups.empty()) {
      report("warp %d ends while products of wgmma are under way", w);
      return false;
    }
    if (mine.count != warps[w / 4 * 4].count) {
      report("wgmma: warp %d took part in %d products, warp %d of its group in %d", w, mine.count, w / 4 * 4,
             warps[w / 4 * 4].count);
      return false;
    }
  }
  return true;
}

void resetProducts() {
  for (int w = 0; w < block.warps; w++) warps[w] = Warp{};
}

}  // namespace emulator
