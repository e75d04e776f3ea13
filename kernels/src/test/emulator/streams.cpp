// SPDX-License-Identifier: Apache-2.0
// Streams, events and graphs. A stream does its work at once, except while it is captured: then it keeps it, and
// launching the graph does it.
#include <chrono>

#include "driver.h"

using namespace emulator;

namespace emulator {
namespace {

Stream defaultStream;

struct Event {
  std::chrono::steady_clock::time_point time;
};

uint64_t executablesMade, executablesDestroyed;
}  // namespace

Stream* streamOf(void* handle) { return handle == nullptr ? &defaultStream : static_cast<Stream*>(handle); }

int enqueue(Stream* stream, std::function<int()> work) {
  if (!stream->capturing) return work();
  stream->captured.push_back(std::move(work));
  return kSuccess;
}

}  // namespace emulator

extern "C" {

int cuStreamCreate(void** stream, unsigned) {
  DRIVER_CALL;
  *stream = new Stream();
  return kSuccess;
}
int cuStreamDestroy_v2(void* stream) {
  delete static_cast<Stream*>(stream);
  return kSuccess;
}
int cuStreamSynchronize(void* stream) {
  DRIVER_CALL;
  return streamOf(stream)->capturing ? kStreamCaptureUnsupported : kSuccess;
}
int cuStreamQuery(void* stream) { return cuStreamSynchronize(stream); }
int cuStreamWaitEvent(void*, void*, unsigned) {
  DRIVER_CALL;
  return kSuccess;
}
int cuStreamBeginCapture_v2(void* stream, int) {
  DRIVER_CALL;
  if (stream == nullptr || streamOf(stream)->capturing) return kStreamCaptureUnsupported;
  streamOf(stream)->capturing = true;
  streamOf(stream)->captured.clear();
  return kSuccess;
}
int cuStreamEndCapture(void* stream, void** graph) {
  DRIVER_CALL;
  Stream* s = streamOf(stream);
  if (!s->capturing) return kInvalidValue;
  s->capturing = false;
  if (s->into != nullptr) {
    for (auto& work : s->captured) s->into->nodes.push_back(std::move(work));
    *graph = s->into;
    s->into = nullptr;
  } else {
    *graph = new Graph{std::move(s->captured)};
  }
  s->captured.clear();
  return kSuccess;
}
int cuStreamIsCapturing(void* stream, int* status) {
  *status = streamOf(stream)->capturing ? 1 : 0;
  return kSuccess;
}

int cuEventCreate(void** event, unsigned) {
  DRIVER_CALL;
  *event = new Event{};
  return kSuccess;
}
int cuEventDestroy_v2(void* event) {
  delete static_cast<Event*>(event);
  return kSuccess;
}
int cuEventRecord(void* event, void* stream) {
  DRIVER_CALL;
  auto* e = static_cast<Event*>(event);
  return enqueue(streamOf(stream), [e] {
    e->time = std::chrono::steady_clock::now();
    return int(kSuccess);
  });
}
int cuEventSynchronize(void*) {
  DRIVER_CALL;
  return kSuccess;
}
int cuEventQuery(void*) {
  DRIVER_CALL;
  return kSuccess;
}
int cuEventElapsedTime(float* milliseconds, void* from, void* to) {
  auto span = static_cast<Event*>(to)->time - static_cast<Event*>(from)->time;
  *milliseconds = std::chrono::duration<float, std::milli>(span).count();
  return kSuccess;
}

int cuGraphInstantiateWithFlags(void** executable, void* graph, unsigned long long) {
  DRIVER_CALL;
  *executable = new Graph(*static_cast<Graph*>(graph));
  executablesMade++;
  return kSuccess;
}
int cuGraphGetNodes(void* graph, void**, size_t* count) {
  *count = static_cast<Graph*>(graph)->nodes.size();
  return kSuccess;
}
int cuGraphLaunch(void* executable, void* stream) {
  DRIVER_CALL;
  if (streamOf(stream)->capturing) return kStreamCaptureUnsupported;
  counters.graphLaunches++;
  for (auto& node : static_cast<Graph*>(executable)->nodes) {
    int status = node();
    if (status != kSuccess) return status;
  }
  return kSuccess;
}
int cuGraphExecDestroy(void* executable) {
  delete static_cast<Graph*>(executable);
  executablesDestroyed++;
  return kSuccess;
}
int cuGraphDestroy(void* graph) {
  delete static_cast<Graph*>(graph);
  return kSuccess;
}

/// Graphs that were made ready to be launched, and those of them that are gone.
uint64_t emulatorGraphsMade() { return executablesMade; }
uint64_t emulatorGraphsDestroyed() { return executablesDestroyed; }

}  // extern "C"
