// SPDX-License-Identifier: Apache-2.0
// A canvas of masked diffusion on the device.
#pragma once
#include "prediction.cuh"

/// How a canvas is decoded, and where it lies. Its entries are positions in ascending order.
struct Canvas {
  uint64_t seed;
  double bound, low;       // of the rule
  double correctionBound;  // probability to edit above, or to remask below
  int rule, schedule, tokensPerStep, correction;
  int maskToken, firstEntry, entries;
  int blockEntry;  // entries from this one on are of the block; before it are masks left over from earlier ones
  int firstToken;  // where position 0 is, or would be, among the tokens
  int blockSteps;
};

/// What it has come to.
struct Progress {
  int step, blockStep;
  int scheduled;          // masks that the remaining steps are still to choose
  int stepsWithoutMasks;  // of editing
  int budget;             // tokens that may still be remasked
  int masked;             // in the block, after the step
  int done;               // the block is over
  int broken;             // 1 + the entry whose prediction failed; nothing was changed
};
