/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.kernels.cuda;

import dev.palimpsest.kernels.DType;
import dev.palimpsest.kernels.EmbeddingTable;
import dev.palimpsest.kernels.Tensor;

/** The ops that take each row by itself: embedding, norm, bias. Checks what it is given. */
final class CudaRowOps {
  private final CudaDevice device;
  private final CudaContext context;
  private final Embed embed;
  private final Norm norm;
  private final Bias bias;
  private final StepArray tokens;
  private final StepArray rowIndex;

  CudaRowOps(
      CudaDevice device,
      CudaContext context,
      DeviceMemory memory,
      Modules modules,
      Embed embed,
      Norm norm) {
    this.device = device;
    this.context = context;
    this.embed = embed;
    this.norm = norm;
    bias = new Bias(modules);
    tokens = new StepArray(context, memory);
    rowIndex = new StepArray(context, memory);
  }

  void embed(EmbeddingTable table, int[] ids, int rows, Tensor out) {
    CudaTable t = device.ownTable("embed", table);
    device.tensor("embed", "out", out, DType.F32, rows, t.width());
    Shapes.indices("embed", "token", ids, rows, t.vocabulary());
    embed.run(t, tokens.upload(ids, rows), rows, out);
  }

  void rmsNorm(Tensor x, int rows, Tensor weight, float eps, Tensor out) {
    device.tensor("rmsNorm", "x", x, DType.F32, rows, x.width());
    norm("rmsNorm", x, 0, rows, weight, eps, out);
  }

  void rmsNormRows(Tensor x, int[] index, int count, Tensor weight, float eps, Tensor out) {
    device.tensor("rmsNormRows", "x", x, DType.F32, 0, x.width());
    Shapes.indices("rmsNormRows", "index", index, count, x.rows());
    if (x.memory().address() == out.memory().address()) {
      throw new IllegalArgumentException("rmsNormRows: out must not be x");
    }
    if (count > 0) {
      // How many rows are wanted changes from step to step; what came before repeats itself.
      context.launches().flush();
      norm("rmsNormRows", x, rowIndex.upload(index, count), count, weight, eps, out);
    }
  }

  private void norm(
      String op, Tensor x, long index, int rows, Tensor weight, float eps, Tensor out) {
    device.tensor(op, "weight", weight, DType.F32, 1, x.width());
    device.tensor(op, "out", out, device.eitherType(out), rows, x.width());
    norm.rows(x, index, rows, weight, eps, out);
  }

  void addBias(Tensor x, int rows, Tensor row) {
    device.tensor("addBias", "x", x, DType.F32, rows, row.width());
    device.tensor("addBias", "bias", row, DType.F32, 1, x.width());
    bias.add(x, rows, row);
  }
}
