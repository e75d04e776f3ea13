// SPDX-License-Identifier: Apache-2.0
// Stands in for libcublas.so.12, which JCublas is linked against: the functions that JCublasProducts.java calls, which
// refuse any argument that the library would not understand as meant, and multiply plainly.
#include "driver.h"

using namespace emulator;

namespace {

constexpr int kNotInitialised = 1, kBadValue = 7;
constexpr int kTransposed = 1, kAsIs = 0, kBf16 = 14, kF32 = 0, kCompute32 = 68, kDefault = -1;

struct Handle {
  void* stream = nullptr;
  uint64_t workspace = 0;
};

float widenBf16(uint16_t h) {
  uint32_t u = uint32_t(h) << 16;
  float x;
  memcpy(&x, &u, 4);
  return x;
}

}  // namespace

extern "C" {

int cublasCreate_v2(Handle** handle) {
  if (stickyStatus != 0) return kNotInitialised;
  *handle = new Handle();
  counters.cublasHandles++;
  return 0;
}
int cublasDestroy_v2(Handle* handle) {
  delete handle;
  counters.cublasHandles--;
  return 0;
}
int cublasGetVersion_v2(Handle*, int* version) {
  *version = 120604;
  return 0;
}
int cublasSetStream_v2(Handle* handle, void* stream) {
  // As the library does: the workspace is forgotten.
  *handle = Handle{stream, 0};
  return 0;
}
int cublasSetWorkspace_v2(Handle* handle, void* workspace, size_t bytes) {
  auto address = reinterpret_cast<uint64_t>(workspace);
  if (address % 256 != 0 || !ownsDevice(address, bytes)) return kBadValue;
  handle->workspace = address;
  return 0;
}

/// CUBLAS_DEFAULT_MATH. An inline function of CUDA's headers asks for it, in JCublas too.
int cublasGetMathMode(Handle*, int* mode) {
  *mode = 0;
  return 0;
}

/// c [m x n] = aᵀ [m x k] · b [k x n] (+ c), all column-major.
int cublasGemmEx(Handle* handle, int opA, int opB, int m, int n, int k, const float* alpha, const uint16_t* a, int typeA,
                 int strideA, const uint16_t* b, int typeB, int strideB, const float* beta, float* c, int typeC,
                 int strideC, int compute, int algorithm) {
  DRIVER_CALL;
  bool good = handle->workspace != 0 && opA == kTransposed && opB == kAsIs && m > 0 && n > 0 && k > 0 && *alpha == 1 &&
              (*beta == 0 || *beta == 1) && typeA == kBf16 && typeB == kBf16 && typeC == kF32 &&
              compute == kCompute32 && algorithm == kDefault && strideA >= k && strideB >= k && strideC >= m;
  auto address = reinterpret_cast<uint64_t>(c);
  uint64_t bytes = 4 * (uint64_t(n - 1) * strideC + m);
  good = good && ownsDevice(reinterpret_cast<uint64_t>(a), 2 * (uint64_t(m - 1) * strideA + k)) &&
         ownsDevice(reinterpret_cast<uint64_t>(b), 2 * (uint64_t(n - 1) * strideB + k)) && ownsDevice(address, bytes);
  if (!good) return kBadValue;
  bool add = *beta == 1;
  return enqueue(streamOf(handle->stream), [=] {
    for (int64_t j = 0; j < n; j++) {
      for (int64_t i = 0; i < m; i++) {
        float sum = 0;
        for (int64_t x = 0; x < k; x++) sum += widenBf16(a[i * strideA + x]) * widenBf16(b[j * strideB + x]);
        float* to = c + j * strideC + i;
        *to = add ? sum + *to : sum;
      }
    }
    markWritten(address, bytes);
    counters.launches++;
    return int(kSuccess);
  });
}

}  // extern "C"
