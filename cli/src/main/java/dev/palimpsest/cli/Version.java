/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import picocli.CommandLine.IVersionProvider;

/** What {@code --version} says: the program, the JVM, the machine. */
final class Version implements IVersionProvider {
  @Override
  public String[] getVersion() {
    String version = Version.class.getPackage().getImplementationVersion();
    return new String[] {
      "palimpsest " + (version == null ? "(not packaged)" : version),
      "JDK " + Runtime.version() + " (" + System.getProperty("java.vm.name") + ")",
      System.getProperty("os.name")
          + " "
          + System.getProperty("os.arch")
          + ", "
          + Runtime.getRuntime().availableProcessors()
          + " processors"
    };
  }
}
