/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Folders where CUDA's libraries may lie beside those that the dynamic linker knows: what the user
 * names, the toolkit's, and the {@code nvidia/…/lib} folders that Python packages bring.
 */
public final class CudaFolders {
  /** System property: folders to look in first, separated as on the {@code PATH}. */
  public static final String PROPERTY = "palimpsest.cuda.libraries";

  /** Environment variable: the same, after the property's. */
  public static final String VARIABLE = "PALIMPSEST_CUDA_LIBRARIES";

  private CudaFolders() {}

  /** The folders that exist, in the order to look. */
  public static List<Path> here() {
    return list(System.getProperty(PROPERTY, ""), System.getenv(), Path.of("/"));
  }

  /** What to open, in order: the files of these names that lie in the folders, then the names. */
  static List<String> candidates(List<Path> folders, List<String> sonames) {
    List<String> names = new ArrayList<>();
    for (Path folder : folders) {
      for (String soname : sonames) {
        if (Files.exists(folder.resolve(soname))) {
          names.add(folder.resolve(soname).toString());
        }
      }
    }
    names.addAll(sonames);
    return names;
  }

  /**
   * @param chosen the property
   * @param root what absolute places are resolved against
   */
  static List<Path> list(String chosen, Map<String, String> environment, Path root) {
    Set<Path> found = new LinkedHashSet<>();
    for (String text : List.of(chosen, environment.getOrDefault(VARIABLE, ""))) {
      paths(text).forEach(path -> add(found, path));
    }
    List<Path> pythons = new ArrayList<>(paths(environment.getOrDefault("VIRTUAL_ENV", "")));
    for (Path folder : paths(environment.getOrDefault("PATH", ""))) {
      for (String program : List.of("python3", "python")) {
        Path python = folder.resolve(program);
        if (Files.exists(python)) {
          // An environment's own folder, and where the program itself is installed.
          pythons.add(folder.resolve("..").toAbsolutePath().normalize());
          try {
            pythons.add(python.toRealPath().resolve("../..").normalize());
          } catch (IOException e) {
            continue;
          }
        }
      }
    }
    pythons.add(root.resolve("usr"));
    pythons.add(root.resolve("usr/local"));
    paths(environment.getOrDefault("HOME", ""))
        .forEach(home -> pythons.add(home.resolve(".local")));
    for (Path python : pythons) {
      for (Path version : children(python.resolve("lib"), "python3*")) {
        for (String packages : List.of("site-packages", "dist-packages")) {
          for (Path part : children(version.resolve(packages).resolve("nvidia"), "*")) {
            add(found, part.resolve("lib"));
          }
        }
      }
    }
    add(found, root.resolve("usr/local/cuda/lib64"));
    return List.copyOf(found);
  }

  private static void add(Set<Path> folders, Path folder) {
    if (Files.isDirectory(folder)) {
      folders.add(folder.toAbsolutePath().normalize());
    }
  }

  private static List<Path> paths(String text) {
    List<Path> paths = new ArrayList<>();
    for (String part : text.split(":")) {
      if (!part.isBlank()) {
        try {
          paths.add(Path.of(part));
        } catch (InvalidPathException e) {
          continue;
        }
      }
    }
    return paths;
  }

  private static List<Path> children(Path folder, String pattern) {
    List<Path> found = new ArrayList<>();
    if (Files.isDirectory(folder)) {
      try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, pattern)) {
        entries.forEach(found::add);
      } catch (IOException | java.nio.file.DirectoryIteratorException e) {
        return List.of();
      }
    }
    found.sort(null);
    return found;
  }
}
