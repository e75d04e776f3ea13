// SPDX-License-Identifier: Apache-2.0
// The driver's own names: devices, contexts, modules, memory and launches, so that whatever was written for
// libcuda.so.1 runs here unchanged.
#include "driver.h"

#include <algorithm>
#include <cstdlib>
#include <memory>

using namespace emulator;

namespace emulator {

Settings settings;
Counters counters;
std::recursive_mutex driverMutex;
int stickyStatus;

namespace {

struct Module {
  int unused;
};
struct Function {
  std::string name;
  const Kernel* kernel;
  size_t maxShared;
};
char context;
int contexts;
std::vector<std::unique_ptr<Function>> functions;

constexpr size_t kDefaultShared = 48 << 10;
constexpr uint32_t kFatbinMagic = 0xBA55ED50;

size_t maxSharedPerBlock() {
  switch (settings.capability) {
    case 80: return 163 << 10;
    case 90: case 100: return 227 << 10;
    default: return 99 << 10;
  }
}

int attribute(int which) {
  switch (which) {
    case 1: return kMaxThreads;                  // MAX_THREADS_PER_BLOCK
    case 8: return kDefaultShared;               // MAX_SHARED_MEMORY_PER_BLOCK
    case 10: return kLanes;                      // WARP_SIZE
    case 16: return 4;                           // MULTIPROCESSOR_COUNT
    case 75: return settings.capability / 10;    // COMPUTE_CAPABILITY_MAJOR
    case 76: return settings.capability % 10;    // COMPUTE_CAPABILITY_MINOR
    case 97: return int(maxSharedPerBlock());    // MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
    default: return 0;
  }
}

/// A launch that owns a copy of its arguments: a captured one outlives the caller's.
struct Launch {
  Function* function;
  Shape shape;
  std::vector<std::vector<char>> arguments;

  int run() {
    std::vector<void*> pointers;
    for (auto& a : arguments) pointers.push_back(a.data());
    counters.launches++;
    counters.overlapping += shape.overlaps;
    counters.launchesOf[function->name]++;
    if (runGrid(*function->kernel, shape, pointers.data())) return kSuccess;
    failure = function->name + ": " + failure;
    return stickyStatus = kIllegalAddress;
  }
};

int copy(void* to, const void* from, size_t bytes) {
  memcpy(to, from, bytes);
  counters.copies++;
  return kSuccess;
}

}  // namespace
}  // namespace emulator

extern "C" {

int cuInit(unsigned) { return settings.devices > 0 ? kSuccess : kNoDevice; }
int cuDriverGetVersion(int* version) {
  *version = settings.driverVersion;
  return kSuccess;
}
int cuGetErrorName(int status, const char** text) {
  *text = status == kIllegalAddress ? "CUDA_ERROR_ILLEGAL_ADDRESS" : "CUDA_ERROR";
  return kSuccess;
}
int cuGetErrorString(int status, const char** text) { return cuGetErrorName(status, text); }

// ---- devices and contexts ----

int cuDeviceGetCount(int* count) {
  *count = settings.devices;
  return kSuccess;
}
int cuDeviceGet(int* device, int ordinal) {
  if (ordinal < 0 || ordinal >= settings.devices) return kInvalidDevice;
  *device = ordinal;
  return kSuccess;
}
int cuDeviceGetName(char* name, int length, int) {
  snprintf(name, length, "emulated sm_%d", settings.capability);
  return kSuccess;
}
int cuDeviceGetAttribute(int* value, int which, int) {
  *value = attribute(which);
  return kSuccess;
}
int cuDeviceTotalMem_v2(size_t* bytes, int) {
  *bytes = deviceBytesTotal();
  return kSuccess;
}
int cuDevicePrimaryCtxRetain(void** handle, int) {
  DRIVER_CALL;
  contexts++;
  *handle = &context;
  return kSuccess;
}
int cuDevicePrimaryCtxRelease_v2(int) {
  std::lock_guard<std::recursive_mutex> lock(driverMutex);
  if (contexts == 0) return kInvalidContext;
  contexts--;
  return kSuccess;
}
int cuCtxSetCurrent(void*) { return kSuccess; }
int cuCtxGetCurrent(void** handle) {
  *handle = contexts > 0 ? &context : nullptr;
  return kSuccess;
}
int cuCtxSynchronize() {
  DRIVER_CALL;
  return kSuccess;
}

// ---- modules ----

int cuModuleLoadData(void** module, const void* image) {
  DRIVER_CALL;
  uint32_t magic;
  memcpy(&magic, image, 4);
  if (magic != kFatbinMagic) return kInvalidImage;
  if (settings.moduleStatus != kSuccess) return settings.moduleStatus;
  *module = new Module();
  return kSuccess;
}
int cuModuleUnload(void* module) {
  delete static_cast<Module*>(module);
  return kSuccess;
}
int cuModuleGetFunction(void** function, void*, const char* name) {
  DRIVER_CALL;
  const Kernel* kernel = findKernel(name);
  if (kernel == nullptr) return kNotFound;
  functions.push_back(std::make_unique<Function>(Function{name, kernel, kDefaultShared}));
  *function = functions.back().get();
  return kSuccess;
}
int cuFuncSetAttribute(void* function, int which, int value) {
  if (which != 8) return kInvalidValue;  // MAX_DYNAMIC_SHARED_SIZE_BYTES
  if (value < 0 || size_t(value) > maxSharedPerBlock()) return kInvalidValue;
  static_cast<Function*>(function)->maxShared = size_t(value);
  return kSuccess;
}

// ---- memory ----

int cuMemAlloc_v2(uint64_t* address, size_t bytes) {
  DRIVER_CALL;
  *address = allocateDevice(bytes);
  return *address != 0 ? kSuccess : kOutOfMemory;
}
int cuMemFree_v2(uint64_t address) {
  std::lock_guard<std::recursive_mutex> lock(driverMutex);
  return freeDevice(address) ? kSuccess : kInvalidValue;
}
int cuMemGetInfo_v2(size_t* free, size_t* total) {
  DRIVER_CALL;
  *free = deviceBytesTotal() - deviceBytesUsed();
  *total = deviceBytesTotal();
  return kSuccess;
}
int cuMemHostAlloc(void** address, size_t bytes, unsigned) {
  DRIVER_CALL;
  *address = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  return *address != nullptr ? kSuccess : kOutOfMemory;
}
int cuMemFreeHost(void* address) {
  free(address);
  return kSuccess;
}

int cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t bytes, void* stream) {
  DRIVER_CALL;
  if (!ownsDevice(to, bytes)) return kInvalidValue;
  return enqueue(streamOf(stream), [=] {
    markWritten(to, bytes);
    counters.hostToDeviceBytes += bytes;
    return copy(reinterpret_cast<void*>(to), from, bytes);
  });
}
int cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t bytes, void* stream) {
  DRIVER_CALL;
  if (!ownsDevice(from, bytes)) return kInvalidValue;
  return enqueue(streamOf(stream), [=] { return copy(to, reinterpret_cast<void*>(from), bytes); });
}
int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, void* stream) {
  DRIVER_CALL;
  if (!ownsDevice(to, bytes) || !ownsDevice(from, bytes)) return kInvalidValue;
  return enqueue(streamOf(stream), [=] {
    markWritten(to, bytes);
    return copy(reinterpret_cast<void*>(to), reinterpret_cast<void*>(from), bytes);
  });
}
int cuMemcpyHtoD_v2(uint64_t to, const void* from, size_t bytes) {
  return cuMemcpyHtoDAsync_v2(to, from, bytes, nullptr);
}
int cuMemcpyDtoH_v2(void* to, uint64_t from, size_t bytes) { return cuMemcpyDtoHAsync_v2(to, from, bytes, nullptr); }
int cuMemsetD8Async(uint64_t to, unsigned char value, size_t bytes, void* stream) {
  DRIVER_CALL;
  if (!ownsDevice(to, bytes)) return kInvalidValue;
  return enqueue(streamOf(stream), [=] {
    markWritten(to, bytes);
    memset(reinterpret_cast<void*>(to), value, bytes);
    return int(kSuccess);
  });
}
int cuMemsetD8_v2(uint64_t to, unsigned char value, size_t bytes) { return cuMemsetD8Async(to, value, bytes, nullptr); }

// ---- launches ----

/// CUlaunchAttribute, of which two kinds are known.
struct LaunchAttribute {
  int id;
  char pad[4];
  union {
    char all[64];
    dim3 cluster;
    int overlaps;
  };
};
/// CUlaunchConfig.
struct LaunchConfig {
  dim3 grid, block;
  unsigned shared;
  void* stream;
  const LaunchAttribute* attributes;
  unsigned count;
};
static_assert(sizeof(LaunchAttribute) == 72 && sizeof(LaunchConfig) == 56);
constexpr int kClusterDimension = 4, kProgrammaticStreamSerialization = 6;
/// Blocks of a cluster that every kernel may ask for.
constexpr uint64_t kPortableCluster = 8;

int cuLaunchKernelEx(const LaunchConfig* c, void* function, void** arguments, void** extra) {
  DRIVER_CALL;
  auto* f = static_cast<Function*>(function);
  Shape shape{c->grid, c->block, {}, c->shared, false};
  auto all = [](const dim3& d) { return uint64_t(d.x) * d.y * d.z; };
  bool fits = all(c->grid) > 0 && c->grid.x <= 0x7fffffffu && c->grid.y <= 65535 && c->grid.z <= 65535 &&
              all(c->block) > 0 && all(c->block) <= kMaxThreads && c->shared <= f->maxShared && extra == nullptr;
  if (!fits) return kInvalidValue;
  for (unsigned i = 0; i < c->count; i++) {
    const LaunchAttribute& a = c->attributes[i];
    if (settings.capability < 90) return kNotSupported;
    switch (a.id) {
      case kClusterDimension:
        shape.cluster = a.cluster;
        if (all(a.cluster) == 0 || all(a.cluster) > kPortableCluster) return kInvalidCluster;
        if (c->grid.x % a.cluster.x != 0 || c->grid.y % a.cluster.y != 0 || c->grid.z % a.cluster.z != 0) {
          return kInvalidCluster;
        }
        break;
      case kProgrammaticStreamSerialization: shape.overlaps = a.overlaps != 0; break;
      default: return kInvalidValue;
    }
  }
  auto launch = std::make_shared<Launch>(Launch{f, shape, {}});
  for (size_t i = 0; i < f->kernel->count; i++) {
    auto* bytes = static_cast<char*>(arguments[i]);
    launch->arguments.emplace_back(bytes, bytes + f->kernel->sizes[i]);
  }
  return enqueue(streamOf(c->stream), [launch] { return launch->run(); });
}
int cuLaunchKernel(void* function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,
                   unsigned blockZ, unsigned shared, void* stream, void** arguments, void** extra) {
  LaunchConfig c{{gridX, gridY, gridZ}, {blockX, blockY, blockZ}, shared, stream, nullptr, 0};
  return cuLaunchKernelEx(&c, function, arguments, extra);
}

}  // extern "C"
