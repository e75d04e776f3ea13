// SPDX-License-Identifier: Apache-2.0
// Conditional nodes: an IF or WHILE whose body is a graph of its own, and the condition that kernels set.
#include <map>
#include <memory>

#include "driver.h"

using namespace emulator;

namespace emulator {
namespace {

struct Condition {
  unsigned value, initial;
  bool assigned;  // the default is assigned whenever the graph is launched
};
std::map<uint64_t, Condition> conditions;
uint64_t nextHandle = 0x5eed;

/// The beginning of CUgraphNodeParams, as far as conditional nodes need it.
struct NodeParams {
  int type, reserved[3];
  uint64_t handle;
  int conditionalType;
  unsigned size;
  void** bodies;
  void* context;
};
constexpr int kConditionalNode = 13, kWhile = 1;
constexpr int kMostTurns = 1 << 20;

}  // namespace

void setCondition(uint64_t handle, unsigned value) {
  auto found = conditions.find(handle);
  if (found != conditions.end()) found->second.value = value;
}

}  // namespace emulator

extern "C" {

int cuGraphCreate(void** graph, unsigned flags) {
  DRIVER_CALL;
  if (flags != 0) return kInvalidValue;
  *graph = new Graph{};
  return kSuccess;
}
int cuGraphConditionalHandleCreate(uint64_t* handle, void* graph, void* context, unsigned initial, unsigned flags) {
  DRIVER_CALL;
  if (graph == nullptr || context == nullptr || flags > 1) return kInvalidValue;
  *handle = nextHandle++;
  conditions[*handle] = {initial, initial, flags == 1};
  return kSuccess;
}
int cuGraphAddNode_v2(void** node, void* graph, const void* before, const void*, size_t count, NodeParams* params) {
  DRIVER_CALL;
  bool good = params->type == kConditionalNode && params->size == 1 && params->context != nullptr &&
              conditions.count(params->handle) != 0 && before == nullptr && count == 0;
  if (!good) return kInvalidValue;
  auto body = std::make_shared<Graph>();
  // The body belongs to the parent; handles to it stay as long as this process.
  static std::vector<std::shared_ptr<Graph>> kept;
  static void* bodies[1];
  kept.push_back(body);
  bodies[0] = body.get();
  params->bodies = bodies;
  uint64_t handle = params->handle;
  bool loop = params->conditionalType == kWhile;
  static_cast<Graph*>(graph)->nodes.push_back([body, handle, loop] {
    Condition& condition = conditions[handle];
    if (condition.assigned) condition.value = condition.initial;
    for (int turn = 0; condition.value != 0; turn++) {
      if (turn == kMostTurns) return int(kLaunchTimeout);
      for (auto& work : body->nodes) {
        int status = work();
        if (status != kSuccess) return status;
      }
      if (!loop) break;
    }
    return int(kSuccess);
  });
  *node = graph;
  return kSuccess;
}
int cuStreamBeginCaptureToGraph(void* stream, void* graph, const void*, const void*, size_t count, int) {
  DRIVER_CALL;
  if (stream == nullptr || graph == nullptr || count != 0 || streamOf(stream)->capturing) return kInvalidValue;
  streamOf(stream)->capturing = true;
  streamOf(stream)->captured.clear();
  streamOf(stream)->into = static_cast<Graph*>(graph);
  return kSuccess;
}

}  // extern "C"

// What kernels call; in nvcc's headers it is built in.
void cudaGraphSetConditional(unsigned long long handle, unsigned value) { emulator::setCondition(handle, value); }
