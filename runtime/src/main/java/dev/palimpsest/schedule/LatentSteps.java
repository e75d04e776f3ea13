/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import dev.palimpsest.cache.LatentPool;
import dev.palimpsest.cache.LatentSlots;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.kernels.Sampling;
import dev.palimpsest.kernels.SolverStep;
import dev.palimpsest.network.LatentBatch;
import dev.palimpsest.network.StepBatch;
import dev.palimpsest.process.Positions;
import dev.palimpsest.process.Revision;
import dev.palimpsest.process.latent.LatentDiffusion;
import dev.palimpsest.process.latent.LatentDiffusion.Place;
import java.util.Optional;

/** Steps that denoise and decode latents, which lie in slots of a pool. */
final class LatentSteps extends Steps {
  private final LatentDiffusion process;
  private final LatentPool pool;
  private final Sampling decoding;
  private Optional<LatentSlots> slots = Optional.empty();
  private int firstDenoised;
  private int firstToken;

  LatentSteps(LatentDiffusion process, LatentPool pool, Sampling decoding) {
    super(process);
    this.process = process;
    this.pool = pool;
    this.decoding = decoding;
    pool.checkFits(process.slots());
  }

  /** Guidance denoises a second sequence; decoding a preview is another one. */
  @Override
  int countRows() {
    int decoded = process.decodes() || process.previews() ? 1 : 0;
    int denoised = process.decodes() ? 0 : guided() ? 2 : 1;
    return process.length() * (decoded + denoised);
  }

  private boolean guided() {
    return process.options().guidance() != 0;
  }

  @Override
  boolean refreshing() {
    return process.begins();
  }

  @Override
  boolean keeps() {
    return true;
  }

  @Override
  boolean reserve() {
    if (slots.isEmpty()) {
      slots = pool.reserve(process.slots());
    }
    return slots.isPresent();
  }

  @Override
  void prepare() {
    slots.orElseThrow().prepare();
  }

  @Override
  void release() {
    slots.ifPresent(LatentSlots::release);
    slots = Optional.empty();
  }

  @Override
  void addTo(StepBatch step) {
    LatentBatch batch = step.latent();
    LatentSlots own = slots.orElseThrow();
    batch.use(own.state());
    if (process.begins()) {
      encode(batch, own);
    }
    if (process.refines()) {
      settle(batch, own);
    }
    if (process.begins() || process.refines()) {
      renoise(batch, own);
    }
    if (process.decodes() || process.previews()) {
      decode(batch, own);
    }
    if (!process.decodes()) {
      denoise(batch, own);
    }
  }

  private int slot(LatentSlots own, int position) {
    return own.slot(position - process.from());
  }

  /** Every run of known tokens is encoded by itself: what is known does not see what is not. */
  private void encode(LatentBatch batch, LatentSlots own) {
    int end = process.from() + process.length();
    for (int p = process.from(); p < end; p++) {
      int from = p;
      while (p < end && process.place(p) == Place.GIVEN) {
        p++;
      }
      if (p == from) {
        continue;
      }
      int row = batch.addKnown(p - from);
      process.canvas().copyTo(from, p, batch.knownTokens(), row);
      for (int i = from; i < p; i++) {
        batch.knownSlots()[row + i - from] = slot(own, i);
      }
    }
  }

  private void settle(LatentBatch batch, LatentSlots own) {
    Positions block = process.block();
    for (int i = 0; i < block.size(); i++) {
      int position = block.at(i);
      batch.settle(
          slot(own, position), process.codes(), process.codesAt(position), process.groups());
    }
  }

  private void renoise(LatentBatch batch, LatentSlots own) {
    Positions noisy = process.noisy();
    float keep = process.keep();
    float noise = process.noise();
    for (int i = 0; i < noisy.size(); i++) {
      int position = noisy.at(i);
      batch
          .renoised()
          .add(
              slot(own, position),
              keep,
              noise,
              process.options().seed(),
              process.noiseStep(),
              position);
    }
  }

  private void decode(LatentBatch batch, LatentSlots own) {
    boolean estimate = process.previews();
    int row = batch.addDecoded(process.length());
    for (int i = 0; i < process.length(); i++) {
      batch.decode(row + i, own.slot(i), estimate);
    }
    firstToken = batch.wantedTokens().size();
    Positions block = process.block();
    for (int i = 0; i < block.size(); i++) {
      int position = block.at(i);
      batch
          .wantedTokens()
          .add(
              row + position - process.from(),
              decoding,
              process.options().seed(),
              process.step(),
              position);
    }
  }

  private void denoise(LatentBatch batch, LatentSlots own) {
    float time = (float) process.time();
    int row = batch.addSequence(process.length());
    for (int i = 0; i < process.length(); i++) {
      Place place = process.place(process.from() + i);
      see(batch, row + i, own.slot(i), place, time);
    }
    int unconditional = -1;
    if (guided()) {
      unconditional = batch.addSequence(process.length());
      for (int i = 0; i < process.length(); i++) {
        Place place = process.place(process.from() + i);
        if (place == Place.GIVEN) {
          batch.see(unconditional + i, -1, LatentBatch.HIDDEN, time);
        } else {
          see(batch, unconditional + i, own.slot(i), place, time);
        }
      }
    }
    firstDenoised = batch.wanted().size();
    SolverStep solver = process.solver();
    Positions noisy = process.noisy();
    for (int i = 0; i < noisy.size(); i++) {
      int position = noisy.at(i);
      int at = position - process.from();
      batch
          .wanted()
          .add(
              row + at,
              unconditional < 0 ? -1 : unconditional + at,
              process.options().guidance(),
              process.options().temperature(),
              own.slot(at),
              solver,
              process.options().seed(),
              process.noiseStep(),
              position);
    }
  }

  private static void see(LatentBatch batch, int row, int slot, Place place, float time) {
    switch (place) {
      case NOISE -> batch.see(row, slot, LatentBatch.NOISE, time);
      case GIVEN -> batch.see(row, slot, LatentBatch.GIVEN, 1);
      case WRITTEN -> batch.see(row, slot, LatentBatch.WRITTEN, 1);
    }
  }

  @Override
  Optional<Revision> advance(StepBatch step, Predictions predictions) {
    LatentBatch batch = step.latent();
    return Optional.of(
        process.advance(batch.denoised(), firstDenoised, batch.predictions(), firstToken));
  }
}
