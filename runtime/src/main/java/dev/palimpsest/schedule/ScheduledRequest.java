/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.schedule;

import dev.palimpsest.kernels.PredictionRows;
import dev.palimpsest.kernels.Predictions;
import dev.palimpsest.network.StepBatch;
import dev.palimpsest.process.DiffusionProcess;
import dev.palimpsest.process.Revision;

/**
 * A request inside the scheduler: its process, where its predictions start in the current batch,
 * and its clock.
 */
final class ScheduledRequest {
  private final DiffusionProcess process;
  private final RequestObserver observer;
  private final RequestEvent event = new RequestEvent();
  private final long submitted = System.nanoTime();
  private int firstPrediction;
  private boolean ended;

  ScheduledRequest(DiffusionProcess process, RequestObserver observer) {
    this.process = process;
    this.observer = observer;
    event.begin();
  }

  boolean cancelled() {
    return observer.cancelled();
  }

  boolean finished() {
    return process.finished();
  }

  /** Rows this request takes in a batch; guidance runs a second sequence. */
  int rows() {
    return process.canvas().length() * (process.guidance() != 0 ? 2 : 1);
  }

  void start() {
    event.queued = System.nanoTime() - submitted;
    observer.revised(process.start());
  }

  /**
   * Adds this request's canvas and wanted positions to a batch.
   *
   * @param shifted row i of the logits predicts position i + 1
   */
  void addTo(StepBatch batch, boolean shifted) {
    int length = process.canvas().length();
    int first = batch.addSequence(length);
    process.canvas().copyTo(batch.tokens(), first);
    int unconditional = -1;
    if (process.guidance() != 0) {
      unconditional = batch.addSequence(length);
      int[] tokens = batch.tokens();
      for (int p = 0; p < length; p++) {
        tokens[unconditional + p] =
            process.fixed(p) ? process.canvas().maskToken() : tokens[first + p];
      }
    }
    firstPrediction = batch.wanted().size();
    for (int position : process.wanted()) {
      int row = shifted ? Math.max(position - 1, 0) : position;
      batch
          .wanted()
          .add(
              first + row,
              unconditional < 0 ? -1 : unconditional + row,
              process.guidance(),
              process.sampling(),
              process.seed(),
              process.step(),
              position,
              process.canvas().masked(position)
                  ? PredictionRows.NO_TOKEN
                  : process.canvas().token(position));
    }
  }

  void advance(Predictions predictions) {
    Revision revision = process.advance(predictions, firstPrediction);
    observer.revised(revision);
  }

  void finish() {
    if (end("finished")) {
      observer.finished();
    }
  }

  /** Ends the request unless it has ended already. */
  void fail(Throwable cause) {
    if (end(cause.getClass().getSimpleName())) {
      observer.failed(cause);
    }
  }

  private boolean end(String outcome) {
    if (ended) {
      return false;
    }
    ended = true;
    event.end();
    if (event.shouldCommit()) {
      event.length = process.canvas().length();
      event.steps = process.step();
      event.outcome = outcome;
      event.commit();
    }
    return true;
  }
}
