/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bindings;

import dev.palimpsest.bindings.cuda.Cuda;
import java.lang.reflect.Method;
import java.util.HashMap;
import java.util.Map;

/**
 * What a CUDA driver call answers ({@code CUresult}), by the names of the header, which need no
 * driver to be told.
 *
 * @param code the number returned; 0 is success
 */
public record CudaStatus(int code) {

  private static final class Names {
    static final Map<Integer, String> BY_CODE = read();

    private static Map<Integer, String> read() {
      Map<Integer, String> names = new HashMap<>();
      for (Method method : Cuda.class.getMethods()) {
        String name = method.getName();
        boolean status = name.startsWith("CUDA_ERROR_") || name.equals("CUDA_SUCCESS");
        if (status && method.getParameterCount() == 0 && method.getReturnType() == int.class) {
          try {
            names.put((Integer) method.invoke(null), name);
          } catch (ReflectiveOperationException e) {
            throw new LinkageError(name, e);
          }
        }
      }
      return Map.copyOf(names);
    }
  }

  public boolean success() {
    return code == 0;
  }

  /**
   * Name such as {@code CUDA_ERROR_OUT_OF_MEMORY}; a newer driver's code without one is {@code
   * CUresult 4711}.
   */
  public String name() {
    return Names.BY_CODE.getOrDefault(code, "CUresult " + code);
  }
}
