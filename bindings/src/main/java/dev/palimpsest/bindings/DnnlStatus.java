/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import dev.palimpsest.bindings.dnnl.Dnnl;

/** What a oneDNN call answers ({@code dnnl_status_t}). */
public enum DnnlStatus {
  SUCCESS(Dnnl.dnnl_success(), "success"),
  OUT_OF_MEMORY(Dnnl.dnnl_out_of_memory(), "out of memory"),
  INVALID_ARGUMENTS(Dnnl.dnnl_invalid_arguments(), "invalid arguments"),
  UNIMPLEMENTED(
      Dnnl.dnnl_unimplemented(), "not implemented for these shapes and types on this CPU"),
  LAST_IMPL_REACHED(Dnnl.dnnl_last_impl_reached(), "no further implementation"),
  RUNTIME_ERROR(Dnnl.dnnl_runtime_error(), "failed at run time"),
  NOT_REQUIRED(Dnnl.dnnl_not_required(), "not required"),
  INVALID_GRAPH(Dnnl.dnnl_invalid_graph(), "invalid graph"),
  INVALID_GRAPH_OP(Dnnl.dnnl_invalid_graph_op(), "invalid graph operation"),
  INVALID_SHAPE(Dnnl.dnnl_invalid_shape(), "invalid shape"),
  INVALID_DATA_TYPE(Dnnl.dnnl_invalid_data_type(), "invalid data type"),
  /** A code that this version of the bindings has no name for. */
  UNKNOWN(-1, "unknown status");

  private final int code;
  private final String words;

  DnnlStatus(int code, String words) {
    this.code = code;
    this.words = words;
  }

  /** The status of a returned code. */
  public static DnnlStatus of(int code) {
    for (DnnlStatus status : values()) {
      if (status.code == code) {
        return status;
      }
    }
    return UNKNOWN;
  }

  public int code() {
    return code;
  }

  /** The status in words. */
  public String words() {
    return words;
  }
}
