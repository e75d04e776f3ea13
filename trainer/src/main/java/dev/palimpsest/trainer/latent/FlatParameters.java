/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer.latent;

import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * A network's parameters in one flat float32 tensor and their gradients in another; what the
 * network computes with are views of them, by name. So the optimiser, the weight average, the
 * gradient's norm and a checkpoint each are one operation on one tensor.
 */
final class FlatParameters implements AutoCloseable {
  /**
   * One tensor inside the flat one.
   *
   * @param dims rows and columns of a matrix, or the length of a vector
   * @param deviation of the normal distribution it starts from, 0 for a constant
   * @param value the mean it starts from
   */
  record Slot(String name, long offset, List<Long> dims, double deviation, double value) {
    long size() {
      return dims.stream().reduce(1L, Math::multiplyExact);
    }

    boolean matrix() {
      return dims.size() > 1;
    }
  }

  /** What the parameters are; matrices come first, so that weight decay is one slice. */
  static final class Layout {
    private record Entry(String name, List<Long> dims, double deviation, double value) {}

    private final List<Entry> matrices = new ArrayList<>();
    private final List<Entry> vectors = new ArrayList<>();

    /** A matrix that starts normal with a deviation of {@code gain / sqrt(columns)}. */
    Layout matrix(String name, long rows, long columns, double gain) {
      matrices.add(new Entry(name, List.of(rows, columns), gain / Math.sqrt(columns), 0));
      return this;
    }

    /** A vector that starts at one value. */
    Layout vector(String name, long length, double value) {
      vectors.add(new Entry(name, List.of(length), 0, value));
      return this;
    }

    List<Slot> slots() {
      List<Slot> slots = new ArrayList<>();
      long at = 0;
      for (List<Entry> part : List.of(matrices, vectors)) {
        for (Entry e : part) {
          Slot slot = new Slot(e.name(), at, e.dims(), e.deviation(), e.value());
          slots.add(slot);
          at += slot.size();
        }
      }
      return List.copyOf(slots);
    }
  }

  private final List<Slot> slots;
  private final Tensor flat;
  private final Tensor gradient;
  private final boolean ownsFlat;
  private final boolean trainable;
  private final Map<String, Tensor> views = new LinkedHashMap<>();

  /**
   * Draws the parameters.
   *
   * @param trainable whether a backward pass adds to {@link #gradient}
   */
  FlatParameters(List<Slot> slots, long seed, boolean trainable) {
    this.slots = slots;
    this.trainable = trainable;
    float[] values = new float[Math.toIntExact(size(slots))];
    SplittableRandom random = new SplittableRandom(seed);
    for (Slot slot : slots) {
      for (long i = slot.offset(); i < slot.offset() + slot.size(); i++) {
        double noise = slot.deviation() == 0 ? 0 : random.nextGaussian() * slot.deviation();
        values[(int) i] = (float) (slot.value() + noise);
      }
    }
    flat = persistent(Tensor.create(values, values.length));
    ownsFlat = true;
    gradient = persistent(torch.zeros(trainable ? values.length : 1));
    addViews();
  }

  private FlatParameters(FlatParameters twin) {
    slots = twin.slots;
    trainable = twin.trainable;
    flat = twin.flat;
    ownsFlat = false;
    gradient = persistent(torch.zeros(twin.gradient.numel()));
    addViews();
  }

  /**
   * The same parameters, in the same memory, with a gradient of their own, for another thread. To
   * be closed before these.
   */
  FlatParameters twin() {
    return new FlatParameters(this);
  }

  private void addViews() {
    for (Slot slot : slots) {
      long[] dims = slot.dims().stream().mapToLong(Long::longValue).toArray();
      Tensor view = persistent(flat.narrow(0, slot.offset(), slot.size()).view(dims).detach());
      if (trainable) {
        view.requires_grad_(true);
        view.mutable_grad().put(gradient.narrow(0, slot.offset(), slot.size()).view(dims));
      }
      views.put(slot.name(), view);
    }
  }

  /** Kept out of the scope of a training step, which frees what the step made. */
  static Tensor persistent(Tensor tensor) {
    tensor.retainReference();
    return tensor;
  }

  /** Number of parameters of a layout. */
  static long size(List<Slot> slots) {
    return slots.getLast().offset() + slots.getLast().size();
  }

  List<Slot> slots() {
    return slots;
  }

  /** The tensor of a name. */
  Tensor get(String name) {
    Tensor view = views.get(name);
    if (view == null) {
      throw new IllegalArgumentException("the network has no parameter " + name);
    }
    return view;
  }

  /** Every parameter, float32 [parameters]; changing it changes the network. */
  Tensor flat() {
    return flat;
  }

  /** Every gradient, in the order of {@link #flat}. */
  Tensor gradient() {
    return gradient;
  }

  /** Adds the gradients of twins to this one; theirs are zero afterwards. */
  void gather(List<FlatParameters> twins) {
    for (FlatParameters twin : twins) {
      gradient.add_(twin.gradient);
      twin.gradient.zero_();
    }
  }

  /** Number of parameters. */
  long size() {
    return size(slots);
  }

  /** How many of the first parameters belong to matrices. */
  long matrixSize() {
    return slots.stream().filter(Slot::matrix).mapToLong(Slot::size).sum();
  }

  /** Overwrites all parameters. */
  void load(float[] values) {
    fill(flat, values);
  }

  /** A copy of all parameters. */
  float[] values() {
    return copy(flat);
  }

  static void fill(Tensor tensor, float[] values) {
    FloatBuffer buffer = tensor.createBuffer();
    if (buffer.remaining() != values.length) {
      throw new IllegalArgumentException(
          values.length + " numbers do not fit a tensor of " + buffer.remaining());
    }
    buffer.put(values);
  }

  static float[] copy(Tensor tensor) {
    FloatBuffer buffer = tensor.createBuffer();
    float[] values = new float[buffer.remaining()];
    buffer.get(values);
    return values;
  }

  @Override
  public void close() {
    views.values().forEach(Tensor::close);
    gradient.close();
    if (ownsFlat) {
      flat.close();
    }
  }
}
