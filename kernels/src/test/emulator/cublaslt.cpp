// SPDX-License-Identifier: Apache-2.0
// Stands in for libcublasLt: the functions that CublasLt.java calls, which refuse any argument that the library would
// not understand as meant, and multiply plainly. A link named libcublasLt.so.13 to this library is all it takes.
#include "driver.h"

using namespace emulator;

namespace {

struct Description {
  int compute, scale, transposeA = 0;
};
struct Layout {
  int type;
  uint64_t rows, columns;
  int64_t stride;
};
struct Preference {
  uint64_t workspace = 0;
  uint32_t reductions = 7;
};
struct Algorithm {
  uint64_t data[8];
};
struct Result {
  Algorithm algorithm;
  size_t workspace;
  int status;
  float waves;
  int reserved[4];
};
constexpr int kBadValue = 7, kNoAlgorithm = 15;
constexpr int kBf16 = 14, kF32 = 0, kCompute32 = 68, kTransposed = 1;
constexpr uint64_t kAlgorithm = 0xA160;

char handles;

float widenBf16(uint16_t h) {
  uint32_t u = uint32_t(h) << 16;
  float x;
  memcpy(&x, &u, 4);
  return x;
}

/// a [k x n] transposed, b [k x m], c [n x m], all column-major.
bool fits(const Description* d, const Layout* a, const Layout* b, const Layout* c) {
  return d->compute == kCompute32 && d->scale == kF32 && d->transposeA == kTransposed && a->type == kBf16 &&
         b->type == kBf16 && c->type == kF32 && a->rows == b->rows && a->columns == c->rows &&
         b->columns == c->columns && a->stride >= int64_t(a->rows) && b->stride >= int64_t(b->rows) &&
         c->stride >= int64_t(c->rows) && a->stride % 8 == 0 && b->stride % 8 == 0;
}

}  // namespace

extern "C" {

int cublasLtCreate(void** handle) {
  *handle = &handles;
  counters.cublasHandles++;
  return 0;
}
int cublasLtDestroy(void* handle) {
  counters.cublasHandles--;
  return handle == &handles ? 0 : kBadValue;
}
size_t cublasLtGetVersion() { return 130100; }
int cublasLtMatmulDescCreate(void** out, int compute, int scale) {
  *out = new Description{compute, scale};
  return 0;
}
int cublasLtMatmulDescDestroy(void* d) {
  delete static_cast<Description*>(d);
  return 0;
}
int cublasLtMatmulDescSetAttribute(void* d, int what, const void* value, size_t bytes) {
  if (what != 3 || bytes != 4) return kBadValue;
  memcpy(&static_cast<Description*>(d)->transposeA, value, 4);
  return 0;
}
int cublasLtMatrixLayoutCreate(void** out, int type, uint64_t rows, uint64_t columns, int64_t stride) {
  *out = new Layout{type, rows, columns, stride};
  return 0;
}
int cublasLtMatrixLayoutDestroy(void* layout) {
  delete static_cast<Layout*>(layout);
  return 0;
}
int cublasLtMatmulPreferenceCreate(void** out) {
  *out = new Preference();
  return 0;
}
int cublasLtMatmulPreferenceDestroy(void* p) {
  delete static_cast<Preference*>(p);
  return 0;
}
int cublasLtMatmulPreferenceSetAttribute(void* p, int what, const void* value, size_t bytes) {
  auto* preference = static_cast<Preference*>(p);
  if (what == 1 && bytes == 8) {
    memcpy(&preference->workspace, value, 8);
  } else if (what == 3 && bytes == 4) {
    memcpy(&preference->reductions, value, 4);
  } else {
    return kBadValue;
  }
  return 0;
}
int cublasLtMatmulAlgoGetHeuristic(void* handle, const Description* d, const Layout* a, const Layout* b,
                                   const Layout* c, const Layout* out, const Preference* p, int wanted, Result* result,
                                   int* count) {
  if (handle != &handles || wanted != 1 || p->reductions != 0 || c != out) return kBadValue;
  *count = fits(d, a, b, c) ? 1 : 0;
  *result = Result{{{kAlgorithm, a->rows, a->columns}}, size_t(p->workspace), 0, 1, {}};
  return *count == 1 ? 0 : kNoAlgorithm;
}
int cublasLtMatmul(void* handle, const Description* d, const float* alpha, const uint16_t* a, const Layout* la,
                   const uint16_t* b, const Layout* lb, const float* beta, const float* c, const Layout* lc, float* out,
                   const Layout* lout, const Algorithm* algorithm, void* workspace, size_t bytes, void* stream) {
  DRIVER_CALL;
  bool good = handle == &handles && fits(d, la, lb, lc) && lc == lout && c == out && *alpha == 1 &&
              (*beta == 0 || *beta == 1) && algorithm->data[0] == kAlgorithm && algorithm->data[1] == la->rows &&
              algorithm->data[2] == la->columns && (bytes == 0 || ownsDevice(uint64_t(workspace), bytes));
  if (!good) return kBadValue;
  Layout A = *la, B = *lb, C = *lc;
  float add = *beta;
  auto address = reinterpret_cast<uint64_t>(out);
  uint64_t last = (C.columns - 1) * C.stride + C.rows;
  if (!ownsDevice(address, 4 * last)) return kBadValue;
  return enqueue(streamOf(stream), [=] {
    for (uint64_t m = 0; m < C.columns; m++) {
      for (uint64_t n = 0; n < C.rows; n++) {
        float sum = 0;
        for (uint64_t k = 0; k < A.rows; k++) {
          sum += widenBf16(a[n * A.stride + k]) * widenBf16(b[m * B.stride + k]);
        }
        float* to = out + m * C.stride + n;
        *to = add != 0 ? sum + *to : sum;
      }
    }
    markWritten(address, 4 * last);
    counters.launches++;
    return int(kSuccess);
  });
}

}  // extern "C"
