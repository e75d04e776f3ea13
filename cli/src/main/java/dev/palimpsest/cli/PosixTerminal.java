/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Locale;
import java.util.Map;

/** The terminal as the C library tells of it; where it cannot be asked, the JDK's own guess. */
final class PosixTerminal implements Terminal {
  /** {@code TIOCGWINSZ} of Linux and of macOS. */
  private static final long WINDOW_SIZE_LINUX = 0x5413L;

  private static final long WINDOW_SIZE_MAC = 0x40087468L;

  private final Map<String, String> environment;
  private final boolean input;
  private final boolean output;
  private final boolean error;

  private PosixTerminal(
      Map<String, String> environment, boolean input, boolean output, boolean error) {
    this.environment = environment;
    this.input = input;
    this.output = output;
    this.error = error;
  }

  static Terminal detect() {
    return new PosixTerminal(System.getenv(), isTerminal(0), isTerminal(1), isTerminal(2));
  }

  @Override
  public boolean interactive() {
    return output && !"dumb".equals(environment.get("TERM"));
  }

  @Override
  public boolean typing() {
    return input;
  }

  @Override
  public boolean noticing() {
    return error;
  }

  @Override
  public boolean colours() {
    return interactive() && environment.getOrDefault("NO_COLOR", "").isEmpty();
  }

  @Override
  public Size size() {
    Size size = Calls.windowSize(1);
    if (size.columns() > 0 && size.rows() > 0) {
      return size;
    }
    return new Size(number("COLUMNS", Size.USUAL.columns()), number("LINES", Size.USUAL.rows()));
  }

  private int number(String variable, int otherwise) {
    try {
      int value = Integer.parseInt(environment.getOrDefault(variable, ""));
      return value > 0 ? value : otherwise;
    } catch (NumberFormatException e) {
      return otherwise;
    }
  }

  private static boolean isTerminal(int descriptor) {
    return Calls.isTerminal(descriptor);
  }

  /** {@code isatty} and {@code ioctl(TIOCGWINSZ)}. */
  private static final class Calls {
    private static final Linker LINKER = Linker.nativeLinker();
    private static final MethodHandle IS_TERMINAL =
        handle("isatty", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
    private static final MethodHandle CONTROL =
        handle(
            "ioctl",
            FunctionDescriptor.of(
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_LONG,
                ValueLayout.ADDRESS),
            Linker.Option.firstVariadicArg(2));

    private Calls() {}

    @SuppressWarnings("restricted")
    private static MethodHandle handle(
        String name, FunctionDescriptor descriptor, Linker.Option... options) {
      return LINKER
          .defaultLookup()
          .find(name)
          .map(address -> LINKER.downcallHandle(address, descriptor, options))
          .orElse(null);
    }

    static boolean isTerminal(int descriptor) {
      if (IS_TERMINAL == null) {
        return System.console() != null && System.console().isTerminal();
      }
      try {
        return (int) IS_TERMINAL.invokeExact(descriptor) == 1;
      } catch (Throwable e) {
        throw new IllegalStateException("isatty failed", e);
      }
    }

    /** All zero when unknown. */
    static Size windowSize(int descriptor) {
      if (CONTROL == null) {
        return new Size(0, 0);
      }
      boolean mac = System.getProperty("os.name", "").toLowerCase(Locale.ROOT).contains("mac");
      try (Arena arena = Arena.ofConfined()) {
        // struct winsize { unsigned short ws_row, ws_col, ws_xpixel, ws_ypixel; }
        MemorySegment size = arena.allocate(ValueLayout.JAVA_SHORT, 4);
        int status =
            (int) CONTROL.invokeExact(descriptor, mac ? WINDOW_SIZE_MAC : WINDOW_SIZE_LINUX, size);
        return status != 0
            ? new Size(0, 0)
            : new Size(
                Short.toUnsignedInt(size.getAtIndex(ValueLayout.JAVA_SHORT, 1)),
                Short.toUnsignedInt(size.getAtIndex(ValueLayout.JAVA_SHORT, 0)));
      } catch (Throwable e) {
        throw new IllegalStateException("ioctl failed", e);
      }
    }
  }
}
