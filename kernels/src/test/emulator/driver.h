// SPDX-License-Identifier: Apache-2.0
// What the driver's entry points share: status codes, the device's pretended properties, work that streams carry.
#pragma once
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "machine.h"

namespace emulator {

// CUresult, by cuda.h.
enum Status : int {
  kSuccess = 0,
  kInvalidValue = 1,
  kOutOfMemory = 2,
  kNotInitialized = 3,
  kNoDevice = 100,
  kInvalidDevice = 101,
  kInvalidImage = 200,
  kInvalidContext = 201,
  kNoBinaryForGpu = 209,
  kInvalidPtx = 218,
  kUnsupportedPtx = 222,
  kInvalidHandle = 400,
  kNotFound = 500,
  kNotReady = 600,
  kInvalidCluster = 912,
  kNotSupported = 801,
  kIllegalAddress = 700,
  kLaunchOutOfResources = 701,
  kLaunchTimeout = 702,
  kStreamCaptureUnsupported = 900,
  kStreamCaptureInvalidated = 901,
};

/// What tests may change before or between calls.
struct Settings {
  int devices = 1;
  int driverVersion = 13000;
  int capability = 90;  // 10 × major + minor
  int moduleStatus = kSuccess;  // what loading a module answers
};
extern Settings settings;

struct Counters {
  uint64_t launches, overlapping, graphLaunches, copies, hostToDeviceBytes;
  std::map<std::string, uint64_t> launchesOf;
  int cublasHandles;  // open ones of either library for products
};
extern Counters counters;

/// Calls come from any thread of a JVM; the machine runs one at a time.
extern std::recursive_mutex driverMutex;
/// After a kernel has failed every call answers with its status, as on a chip, until the context is reset.
extern int stickyStatus;

/// A captured sequence of work; an executable graph is a copy of it.
struct Graph {
  std::vector<std::function<int()>> nodes;
};

struct Stream {
  bool capturing = false;
  std::vector<std::function<int()>> captured;
  Graph* into = nullptr;  // what a capture is added to; else it becomes a graph of its own
};

/// Runs work now, or keeps it when the stream is being captured.
int enqueue(Stream* stream, std::function<int()> work);
/// The stream behind a handle; 0 is the default stream.
Stream* streamOf(void* handle);

}  // namespace emulator

#define DRIVER_CALL                                                  \
  std::lock_guard<std::recursive_mutex> lock(emulator::driverMutex); \
  if (emulator::stickyStatus != 0) return emulator::stickyStatus
