/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import java.util.List;
import java.util.Optional;

/**
 * The answer to "is this native library here?". A library that is not installed is an ordinary
 * answer with its reasons, never an error at class load.
 *
 * @param <L> what a found library is used through
 */
public sealed interface LibrarySearch<L> {

  /** The library is loaded into this JVM and can be called. */
  record Found<L>(L library) implements LibrarySearch<L> {}

  /**
   * The library cannot be used.
   *
   * @param name what was looked for, in words
   * @param reasons one line per attempt, in the order they were made; never empty
   */
  record Missing<L>(String name, List<String> reasons) implements LibrarySearch<L> {
    public Missing {
      reasons = List.copyOf(reasons);
      if (reasons.isEmpty()) {
        throw new IllegalArgumentException("a missing library needs a reason: " + name);
      }
    }

    /** Name and reasons in one line. */
    public String message() {
      return name + " is not available: " + String.join("; ", reasons);
    }
  }

  /** The library when it was found. */
  default Optional<L> toOptional() {
    return switch (this) {
      case Found<L>(L library) -> Optional.of(library);
      case Missing<L> _ -> Optional.empty();
    };
  }

  /**
   * The library.
   *
   * @throws MissingLibraryException with every reason when it was not found
   */
  default L orThrow() {
    return switch (this) {
      case Found<L>(L library) -> library;
      case Missing<L> missing -> throw new MissingLibraryException(missing);
    };
  }
}
