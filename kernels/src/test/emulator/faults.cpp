// SPDX-License-Identifier: Apache-2.0
// Failures that tests ask for: what a chip does by itself at the worst moment.
#include "driver.h"

extern "C" {

/// From now on every call answers so, as after a kernel that faulted, until the emulator is reset.
void emulatorBreak(int status) { emulator::stickyStatus = status; }

}  // extern "C"
