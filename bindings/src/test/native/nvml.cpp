// SPDX-License-Identifier: Apache-2.0
// Stands in for libnvidia-ml.so.1 in tests: one device, some numbers that it tells and some that it does not.
#include <cstdio>
#include <cstring>

struct Memory {
  unsigned long long total, free, used;
};
static int device;
static const int kNotSupported = 3, kNotFound = 6;

extern "C" {
int nvmlInit_v2() { return 0; }
const char* nvmlErrorString(int status) { return status == 9 ? "Driver Not Loaded" : "Not Found"; }
int nvmlSystemGetDriverVersion(char* text, unsigned length) {
  snprintf(text, length, "580.1");
  return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** handle) {
  *handle = &device;
  return index == 0 ? 0 : kNotFound;
}
int nvmlDeviceGetHandleByPciBusId_v2(const char* id, void** handle) {
  *handle = &device;
  return strcmp(id, "0000:01:00.0") == 0 ? 0 : kNotFound;
}
int nvmlDeviceGetName(void* handle, char* text, unsigned length) {
  snprintf(text, length, "fake GPU");
  return handle == &device ? 0 : 2;
}
int nvmlDeviceGetMemoryInfo(void*, Memory* memory) {
  *memory = {3ull << 32, 1ull << 32, 2ull << 32};
  return 0;
}
int nvmlDeviceGetClockInfo(void*, int which, unsigned* mhz) {
  *mhz = which == 1 ? 1410 : 2619;
  return 0;
}
int nvmlDeviceGetMaxClockInfo(void*, int which, unsigned* mhz) {
  *mhz = which == 1 ? 1980 : 2620;
  return 0;
}
int nvmlDeviceGetPowerUsage(void*, unsigned* milliwatts) {
  *milliwatts = 123456;
  return 0;
}
int nvmlDeviceGetTotalEnergyConsumption(void*, unsigned long long* millijoules) {
  *millijoules = 5000000000123ull;
  return 0;
}
int nvmlDeviceGetTemperature(void*, int, unsigned*) { return kNotSupported; }
}
