/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.EmbeddingTable;
import java.lang.foreign.MemorySegment;

/** Embeddings on the device: bf16 where the checkpoint has bf16, else f32. */
record CudaTable(CudaDevice owner, int vocabulary, int width, DType type, MemorySegment memory)
    implements EmbeddingTable {}
