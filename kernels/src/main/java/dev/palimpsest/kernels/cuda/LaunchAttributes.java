/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

/**
 * What a launch asks for beside its grid, on compute capability 9.0 and later.
 *
 * @param clusterX blocks of a cluster along x, which divide the grid's; 1 by 1 by 1 for none
 * @param overlaps the launch may begin before the one ahead of it in the stream has ended
 *     (programmatic stream serialization): its kernel waits by itself, with {@code waitForPrevious}
 */
record LaunchAttributes(int clusterX, int clusterY, int clusterZ, boolean overlaps) {
  static final LaunchAttributes NONE = new LaunchAttributes(1, 1, 1, false);
  static final LaunchAttributes OVERLAPS = new LaunchAttributes(1, 1, 1, true);

  static LaunchAttributes cluster(int x, int y, int z) {
    return new LaunchAttributes(x, y, z, false);
  }

  boolean clusters() {
    return clusterX * clusterY * clusterZ != 1;
  }

  /** For messages. */
  @Override
  public String toString() {
    return (clusters()
            ? "clusters of %d x %d x %d".formatted(clusterX, clusterY, clusterZ)
            : "no clusters")
        + (overlaps ? ", may overlap the launch before" : "");
  }
}
