// SPDX-License-Identifier: Apache-2.0
// What tests ask and tell the emulator, beside the driver's own names.
#include "driver.h"

using namespace emulator;

extern "C" {

/// Why the last launch failed: the kernel, the check, the block and the thread.
const char* emulatorFailure() { return failure.c_str(); }

/// Chooses the schedule of the launches that follow.
void emulatorSeed(uint64_t seed) { seedRandom(seed); }

/// Forgets that a kernel failed, and the settings.
void emulatorReset() {
  stickyStatus = kSuccess;
  settings = Settings{};
  setDeviceBytesTotal(kDefaultDeviceBytes);
}

void emulatorSetDevices(int count) { settings.devices = count; }
void emulatorSetDriverVersion(int version) { settings.driverVersion = version; }
void emulatorSetCapability(int capability) { settings.capability = capability; }
void emulatorSetMemory(uint64_t bytes) { setDeviceBytesTotal(bytes); }
void emulatorSetModuleStatus(int status) { settings.moduleStatus = status; }

uint64_t emulatorMemoryUsed() { return deviceBytesUsed(); }
uint64_t emulatorLaunches() { return counters.launches; }
uint64_t emulatorLaunchesOf(const char* kernel) { return counters.launchesOf[kernel]; }
/// Launches that were allowed to begin before the one ahead of them had ended.
uint64_t emulatorOverlapping() { return counters.overlapping; }
uint64_t emulatorGraphLaunches() { return counters.graphLaunches; }

/// Handles of the libraries for products that are open.
int emulatorCublasHandles() { return counters.cublasHandles; }

/// Copies between host and device.
uint64_t emulatorCopies() { return counters.copies; }

}  // extern "C"
