/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.util.Optional;

/**
 * Where one package of generated bindings finds its functions: in the one library that discovery
 * bound, and nowhere else. The lookup that jextract writes would search every library of the class
 * loader, so that a second oneDNN in the process, or another driver, could answer for some of the
 * names.
 */
public final class LibraryBinding implements SymbolLookup {
  /** Of {@code dev.palimpsest.bindings.dnnl}; bound by {@code OneDnnLibrary.find()}. */
  public static final LibraryBinding DNNL = new LibraryBinding("OneDnnLibrary.find()");

  /** Of {@code dev.palimpsest.bindings.cuda}; bound by {@code CudaLibrary.find()}. */
  public static final LibraryBinding CUDA = new LibraryBinding("CudaLibrary.find()");

  private final String discovery;
  private volatile Optional<SymbolLookup> library = Optional.empty();

  private LibraryBinding(String discovery) {
    this.discovery = discovery;
  }

  void bind(SymbolLookup symbols) {
    library = Optional.of(symbols);
  }

  /**
   * {@inheritDoc}
   *
   * @throws IllegalStateException when no library was bound
   */
  @Override
  public Optional<MemorySegment> find(String name) {
    return library
        .orElseThrow(
            () ->
                new IllegalStateException(
                    name + " was called without its library: ask " + discovery + " first"))
        .find(name);
  }
}
