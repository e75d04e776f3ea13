/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.PackedLinear;
import dev.palimpsest.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * The ops that multiply by packed weights, up to the norm that follows a block. Checks what it is
 * given.
 */
final class CudaLinearOps {
  /**
   * Rows whose products of a model's width stay in the second-level cache, so that the residual is
   * added where it is normalised. No measurement stands behind it: part {@code kernels} of {@code
   * bench/gpu} measures {@code linear + residual + norm} beside {@code linear + residual, norm}, at
   * 32 rows this way against the other, from 256 on the other twice.
   */
  private static final int FEW_ROWS = 128;

  private final CudaDevice device;
  private final Norm norm;
  private final ResidualNorm residualNorm;
  private final GrowingBlock branch;

  CudaLinearOps(CudaDevice device, DeviceMemory memory, Modules modules, Norm norm) {
    this.device = device;
    this.norm = norm;
    residualNorm = new ResidualNorm(modules);
    branch = new GrowingBlock(memory);
  }

  void linear(Tensor x, int rows, PackedLinear weights, Tensor out) {
    multiply("linear", x, rows, weights, Matmul.Epilogue.STORE, MemorySegment.NULL, out);
  }

  void linear(Tensor x, int rows, PackedLinear weights, Tensor bias, Tensor out) {
    device.tensor("linear", "bias", bias, DType.F32, 1, weights.outFeatures());
    multiply("linear", x, rows, weights, Matmul.Epilogue.BIAS, bias.memory(), out);
  }

  void linearAdd(Tensor x, int rows, PackedLinear weights, Tensor accumulator) {
    multiply("linearAdd", x, rows, weights, Matmul.Epilogue.ADD, MemorySegment.NULL, accumulator);
  }

  void gatedSilu(Tensor x, int rows, PackedLinear gateUp, Tensor out) {
    multiply("gatedSilu", x, rows, gateUp, Matmul.Epilogue.GATED, MemorySegment.NULL, out);
  }

  private void multiply(
      String op,
      Tensor x,
      int rows,
      PackedLinear weights,
      Matmul.Epilogue epilogue,
      MemorySegment bias,
      Tensor out) {
    CudaLinear map = device.ownMap(op, weights, epilogue == Matmul.Epilogue.GATED);
    device.tensor(op, "x", x, device.computeType(), rows, map.in());
    DType type = epilogue == Matmul.Epilogue.GATED ? device.computeType() : DType.F32;
    device.tensor(op, "out", out, type, rows, map.out());
    if (x.memory().address() == out.memory().address()) {
      throw new IllegalArgumentException(op + ": out must not be x");
    }
    device.products().run(epilogue, x.memory(), rows, map, bias, out.memory());
  }

  /**
   * Few rows wait for the sums to be written and are added where they are normalised, which reads
   * both at once; many are added in the product, which saves the way through memory. Both give the
   * same bits where the product promises it, so the choice may look at the batch.
   */
  void linearAddNorm(
      Tensor x,
      int rows,
      PackedLinear weights,
      Optional<Tensor> bias,
      Tensor accumulator,
      Tensor weight,
      float eps,
      Tensor out) {
    String op = "linearAddNorm";
    CudaLinear map = device.ownMap(op, weights, false);
    device.tensor(op, "x", x, device.computeType(), rows, map.in());
    device.tensor(op, "accumulator", accumulator, DType.F32, rows, map.out());
    device.tensor(op, "norm", weight, DType.F32, 1, map.out());
    device.tensor(op, "out", out, device.eitherType(out), rows, map.out());
    MemorySegment biasRow = MemorySegment.NULL;
    if (bias.isPresent()) {
      device.tensor(op, "bias", bias.get(), DType.F32, 1, map.out());
      biasRow = bias.get().memory();
    }
    long to = accumulator.memory().address();
    if (x.memory().address() == out.memory().address()
        || x.memory().address() == to
        || out.memory().address() == to) {
      throw new IllegalArgumentException(op + ": x, accumulator and out must be three tensors");
    }
    MemorySegment y = MemorySegment.NULL;
    if (rows <= FEW_ROWS && device.products().addsLast()) {
      branch.reserve(4L * FEW_ROWS * map.out());
      y = branch.memory();
      device.products().run(Matmul.Epilogue.STORE, x.memory(), rows, map, MemorySegment.NULL, y);
    } else {
      device
          .products()
          .run(
              Matmul.Epilogue.ADD, x.memory(), rows, map, MemorySegment.NULL, accumulator.memory());
    }
    if (y.address() == 0 && bias.isEmpty()) {
      norm.rows(accumulator, 0, rows, weight, eps, out);
    } else {
      residualNorm.run(accumulator, rows, y, biasRow, weight, eps, out);
    }
  }

  /** As {@link CudaDevice#residualNorm}. */
  void residualNorm(Tensor x, int rows, Tensor y, Tensor weight, float eps, Tensor out) {
    String op = "residualNorm";
    device.tensor(op, "x", x, DType.F32, rows, x.width());
    device.tensor(op, "y", y, DType.F32, rows, x.width());
    device.tensor(op, "weight", weight, DType.F32, 1, x.width());
    device.tensor(op, "out", out, device.eitherType(out), rows, x.width());
    residualNorm.run(x, rows, y.memory(), MemorySegment.NULL, weight, eps, out);
  }
}
