// SPDX-License-Identifier: Apache-2.0
// What ends the body of a WHILE node. In a file of its own, because a driver without conditional nodes may not load it.
#include "portable.cuh"

#ifndef __CUDACC__
void cudaGraphSetConditional(unsigned long long handle, unsigned value);
#endif

/// The last of a loop's body: goes on while the flag is not zero.
KERNEL(loop_again, 32)(unsigned long long handle, const int* flag) {
  if (threadIdx.x == 0) cudaGraphSetConditional(handle, *flag != 0);
}
REGISTER(loop_again)
