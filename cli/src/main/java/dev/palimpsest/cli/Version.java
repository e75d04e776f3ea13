/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import dev.palimpsest.kernels.Device;
import dev.palimpsest.kernels.cpu.CpuDevice;
import dev.palimpsest.kernels.cpu.CpuOptions;
import picocli.CommandLine.IVersionProvider;

/** What {@code --version} says: the program, the JVM, the machine. */
final class Version implements IVersionProvider {
  @Override
  public String[] getVersion() {
    String version = Version.class.getPackage().getImplementationVersion();
    return new String[] {
      "palimpsest " + (version == null ? "(not packaged)" : version),
      "JDK " + Runtime.version() + " (" + System.getProperty("java.vm.name") + ")",
      System.getProperty("os.name") + " " + System.getProperty("os.arch") + ", " + device()
    };
  }

  /** What computes when nothing else is asked for. */
  private static String device() {
    try (Device device = CpuDevice.open(CpuOptions.DEFAULT)) {
      return device.describe();
    }
  }
}
