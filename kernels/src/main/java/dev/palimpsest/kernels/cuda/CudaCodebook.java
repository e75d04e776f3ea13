/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.Codebook;
import java.lang.foreign.MemorySegment;

/** Codes on the device, f32 {@code [groups · codes][groupWidth]}. */
record CudaCodebook(CudaDevice owner, int groups, int codes, int groupWidth, MemorySegment memory)
    implements Codebook {}
