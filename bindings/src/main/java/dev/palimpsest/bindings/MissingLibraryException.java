/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import java.util.List;

/** Thrown where a native library is required and was not found; carries every attempt. */
public final class MissingLibraryException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient List<String> reasons;

  MissingLibraryException(LibrarySearch.Missing<?> missing) {
    super(missing.message());
    this.reasons = missing.reasons();
  }

  /** One line per attempt. */
  public List<String> reasons() {
    return reasons;
  }
}
