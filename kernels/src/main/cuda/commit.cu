// SPDX-License-Identifier: Apache-2.0
// A step of masked diffusion on the device, for many canvases at once: which of the predictions become tokens, by the
// commit rules of the runtime (dev.palimpsest.process), choice for choice. A block a canvas. What a canvas has come to
// (its steps, what is still to be chosen, whether its block is over) stays in memory, so that a loop of steps needs
// the host for nothing but to look at it. A canvas whose block is over is left alone.
#include "canvas.cuh"

namespace {

enum Rule { kConfidence, kMargin, kEntropy, kRandom, kOrigin, kThreshold, kMarginThreshold, kFactor, kEntropyBounded,
            kHierarchical };
enum Schedule { kEvenSplit, kLinearTime, kFixedCount };
enum Correction { kKeep, kEdit, kRemask };
enum Action { kNothing, kCommitted, kReplaced, kRemasked };

constexpr int kMostStepsWithoutMasks = 16;

enum Flag { kMasked = 1, kPredictsMask = 2, kChosen = 4, kEligible = 8 };

struct CommitShared {
  SampleShared sample;
  double bestScore[kWarps];
  int counts[kWarps], bestEntry[kWarps];
  double scores[1];  // [entries], then an int of flags each
};

/// SplitMix64's mixing function (Steele, Lea and Flood, 2014), applied to each part of the key in turn.
__device__ __forceinline__ uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}
__device__ __forceinline__ double positionNoise(uint64_t seed, int step, int position) {
  uint64_t gamma = 0x9E3779B97F4A7C15ull, h = mix(seed ^ 0x706F736974696F6Eull);
  h = mix(h + gamma * (uint64_t(int64_t(step)) + 1));
  h = mix(h + gamma * (uint64_t(int64_t(position)) + 1));
  return (double(h >> 11) + 0.5) * 0x1p-53;
}

__device__ __forceinline__ int64_t ordered(double x) {
  int64_t bits;
  memcpy(&bits, &x, 8);
  return bits ^ int64_t(uint64_t(bits >> 63) & 0x7FFFFFFFFFFFFFFFull);
}

/// The entries of the canvas of this block.
struct Scene {
  CommitShared& s;
  const Canvas& canvas;
  const Found* found;
  const int* positions;
  int* actions;
  int n;

  __device__ __forceinline__ int* flags() const { return reinterpret_cast<int*>(s.scores + n); }

  /// How many entries there are of a kind; with the whole block.
  template <class Is>
  __device__ __forceinline__ int count(Is is) const {
    int c = 0;
    for (int i = threadIdx.x; i < n; i += kThreads) c += is(i) ? 1 : 0;
    for (int o = 16; o > 0; o >>= 1) c += __shfl_xor_sync(kWholeWarp, c, o);
    __syncthreads();
    if ((threadIdx.x & 31) == 0) s.counts[threadIdx.x >> 5] = c;
    __syncthreads();
    c = 0;
    for (int w = 0; w < kWarps; w++) c += s.counts[w];
    return c;
  }

  template <class Do>
  __device__ __forceinline__ void forEach(Do what) const {
    for (int i = threadIdx.x; i < n; i += kThreads) what(i);
    __syncthreads();
  }

  __device__ __forceinline__ bool eligible(int i) const { return (flags()[i] & kEligible) != 0; }

  /// Chooses the `most` eligible entries of the highest scores, all if there are fewer; among equal scores the lowest
  /// positions. Nobody is eligible afterwards.
  __device__ __forceinline__ void chooseSurest(int most) const {
    int left = count([&](int i) { return eligible(i); });
    if (most <= 0) {
      forEach([&](int i) { flags()[i] &= ~kEligible; });
      return;
    }
    int64_t cut = INT64_MIN;
    int lastTie = n;
    if (left > most) {
      // The most-th highest score: the largest that so many reach.
      uint64_t low = 0, high = ~0ull;  // orders, moved up to begin at 0
      auto at = [](uint64_t order) { return int64_t(order ^ 0x8000000000000000ull); };
      while (low < high) {
        uint64_t middle = low + (high - low) / 2 + 1;
        int64_t t = at(middle);
        if (count([&](int i) { return eligible(i) && ordered(s.scores[i]) >= t; }) >= most) {
          low = middle;
        } else {
          high = middle - 1;
        }
      }
      cut = at(low);
      int ties = most - count([&](int i) { return eligible(i) && ordered(s.scores[i]) > cut; });
      int first = 0, last = n - 1;
      while (first < last) {
        int middle = (first + last) / 2;
        if (count([&](int i) { return i <= middle && eligible(i) && ordered(s.scores[i]) == cut; }) >= ties) {
          last = middle;
        } else {
          first = middle + 1;
        }
      }
      lastTie = first;
    }
    forEach([&](int i) {
      if (!eligible(i)) return;
      int64_t order = ordered(s.scores[i]);
      bool taken = order > cut || (order == cut && i <= lastTie);
      flags()[i] = (flags()[i] & ~kEligible) | (taken ? kChosen : 0);
    });
  }

  /// The eligible entry of the highest score, the lowest of equals; −1 for none.
  __device__ __forceinline__ int surest() const {
    double score = -INFINITY;
    int entry = -1;
    auto better = [&](double x, int i) {
      return i >= 0 && (entry < 0 || x > score || (x == score && i < entry));
    };
    for (int i = threadIdx.x; i < n; i += kThreads) {
      if (eligible(i) && better(s.scores[i], i)) {
        score = s.scores[i];
        entry = i;
      }
    }
    for (int o = 16; o > 0; o >>= 1) {
      double x = __shfl_xor_sync(kWholeWarp, score, o);
      int i = __shfl_xor_sync(kWholeWarp, entry, o);
      if (better(x, i)) {
        score = x;
        entry = i;
      }
    }
    __syncthreads();
    if ((threadIdx.x & 31) == 0) {
      s.bestScore[threadIdx.x >> 5] = score;
      s.bestEntry[threadIdx.x >> 5] = entry;
    }
    __syncthreads();
    score = s.bestScore[0];
    entry = s.bestEntry[0];
    for (int w = 1; w < kWarps; w++) {
      if (better(s.bestScore[w], s.bestEntry[w])) {
        score = s.bestScore[w];
        entry = s.bestEntry[w];
      }
    }
    return entry;
  }

  /// Chooses the surest one, of those that are eligible.
  __device__ __forceinline__ void choose(int entry) const {
    if (threadIdx.x == 0) flags()[entry] = (flags()[entry] | kChosen) & ~kEligible;
    __syncthreads();
  }

  __device__ __forceinline__ void chooseFrom(double bound) const {
    forEach([&](int i) {
      if (eligible(i) && s.scores[i] >= bound) flags()[i] = (flags()[i] | kChosen) & ~kEligible;
    });
  }

  /// The surest of every run of adjacent masks, if it is sure enough.
  __device__ __forceinline__ void chooseOfRuns(double low) const {
    auto masked = [&](int i) { return (flags()[i] & kMasked) != 0; };
    forEach([&](int i) {
      if (!masked(i) || (i > 0 && masked(i - 1) && positions[i - 1] + 1 == positions[i])) return;
      int best = -1;
      for (int j = i; j < n && masked(j) && positions[j] - positions[i] == j - i; j++) {
        bool can = (flags()[j] & kPredictsMask) == 0;
        if (can && (best < 0 || s.scores[j] > s.scores[best])) best = j;
      }
      // Others still look at the flags.
      if (best >= 0 && s.scores[best] >= low) actions[best] = kCommitted;
    });
    forEach([&](int i) {
      if (actions[i] == kCommitted) flags()[i] = (flags()[i] | kChosen) & ~kEligible;
    });
  }
};

/// 1 − s/t of a step of Dream's schedule.
__device__ __forceinline__ double share(int index, int steps) {
  constexpr double kEnd = 1e-3;
  auto at = [&](int i) { return i == steps ? kEnd : 1 + i * (kEnd - 1) / steps; };
  return index == steps - 1 ? 1 : 1 - at(index + 1) / at(index);
}

__device__ __forceinline__ int ceilDiv(int a, int b) { return a / b + (a % b > 0 ? 1 : 0); }

__device__ __forceinline__ double scoreOf(const Canvas& c, const Found& f, int step, int position) {
  double score = 0;
  switch (c.rule) {
    case kMargin: case kMarginThreshold: score = f.margin; break;
    case kEntropy: case kEntropyBounded: score = f.negativeEntropy; break;
    case kRandom: case kOrigin: score = positionNoise(c.seed, step, position); break;
    default: score = f.confidence;
  }
  return score != score ? -INFINITY : score + 0.0;  // −0 is no less than 0
}

__device__ __forceinline__ void chooseByRule(const Scene& scene, const Canvas& c, const Progress& p, int masked) {
  int stepsLeft = c.blockSteps - p.blockStep;
  if (c.rule < kOrigin) {
    int quota = c.schedule == kEvenSplit    ? ceilDiv(p.scheduled, stepsLeft)
                : c.schedule == kLinearTime ? int(masked * share(p.blockStep, c.blockSteps))
                                            : min(c.tokensPerStep, p.scheduled);
    scene.chooseSurest(quota);
    return;
  }
  if (c.rule == kOrigin) {
    double part = share(p.blockStep, c.blockSteps);
    scene.forEach([&](int i) {
      if (scene.eligible(i) && scene.s.scores[i] < part) scene.flags()[i] |= kChosen;
    });
    return;
  }
  // As many as the rule finds sure enough; where MASK is predicted nothing can be.
  scene.forEach([&](int i) {
    if ((scene.flags()[i] & kPredictsMask) != 0) scene.flags()[i] &= ~kEligible;
  });
  double sum = 0;
  switch (c.rule) {
    case kFactor:
      for (int n = 1, best; (best = scene.surest()) >= 0 && scene.s.scores[best] >= 1 - c.bound / (n + 1); n++) {
        scene.choose(best);
      }
      break;
    case kEntropyBounded:
      for (int best; (best = scene.surest()) >= 0; scene.choose(best)) {
        sum -= scene.s.scores[best];
        if (!(sum <= c.bound)) break;
      }
      break;
    case kHierarchical:
      scene.chooseFrom(c.bound);
      scene.chooseOfRuns(c.low);
      break;
    default: scene.chooseFrom(c.bound);
  }
  int chosen = scene.count([&](int i) { return (scene.flags()[i] & kChosen) != 0; });
  scene.chooseSurest(ceilDiv(masked, stepsLeft) - chosen);
}

}  // namespace

/// `positions` are those of each entry within its canvas; `actions` tells what became of each. Noise of `wanted`, if
/// it is not null, is that of the next step afterwards.
KERNEL_SHARING(commit, kThreads, 4)(const Canvas* canvases, Progress* progresses, const Found* allFound,
                                    const int* allPositions, int* allTokens, int* allActions, Wanted* allWanted) {
  const Canvas& c = canvases[blockIdx.x];
  Progress p = progresses[blockIdx.x];
  __syncthreads();
  if (p.done != 0) return;
  CommitShared& s = SHARED(CommitShared);
  const Found* found = allFound + c.firstEntry;
  int* tokens = allTokens + c.firstToken;
  int* actions = allActions + c.firstEntry;
  Scene scene{s, c, found, allPositions + c.firstEntry, actions, c.entries};
  int* flags = scene.flags();
  auto has = [&](int flag) { return scene.count([&](int i) { return (flags[i] & flag) != 0; }); };

  int stepsLeft = c.blockSteps - p.blockStep;
  auto mayCorrect = [&](int left) {
    return c.correction == kEdit     ? p.stepsWithoutMasks < kMostStepsWithoutMasks
           : c.correction == kRemask ? c.correctionBound > 0 && p.budget > 0 && left > 1
                                     : false;
  };
  bool corrects = mayCorrect(stepsLeft);
  scene.forEach([&](int i) {
    bool masked = tokens[scene.positions[i]] == c.maskToken, predictsMask = found[i].token == c.maskToken;
    flags[i] = (masked ? kMasked : 0) | (predictsMask ? kPredictsMask : 0);
    actions[i] = kNothing;
  });
  auto looksAt = [&](int i) { return (flags[i] & kMasked) != 0 || (corrects && i >= c.blockEntry); };
  int broken = scene.count([&](int i) { return looksAt(i) && found[i].status != kFine; });
  if (broken > 0) {
    // The first of them.
    int first = 0, last = c.entries - 1;
    while (first < last) {
      int middle = (first + last) / 2;
      if (scene.count([&](int i) { return i <= middle && looksAt(i) && found[i].status != kFine; }) > 0) {
        last = middle;
      } else {
        first = middle + 1;
      }
    }
    if (threadIdx.x == 0) {
      progresses[blockIdx.x].done = 1;
      progresses[blockIdx.x].broken = first + 1;
    }
    return;
  }

  int remasked = 0;
  auto visible = [&](int i) { return (flags[i] & kMasked) == 0 && i >= c.blockEntry; };
  if (corrects && c.correction == kEdit) {
    scene.forEach([&](int i) {
      bool differs = visible(i) && found[i].token != tokens[scene.positions[i]] && (flags[i] & kPredictsMask) == 0;
      if (differs && found[i].confidence > c.correctionBound) actions[i] = kReplaced;
    });
  } else if (corrects) {
    scene.forEach([&](int i) {
      double probability = found[i].presentProbability;
      bool doubt = visible(i) && probability < c.correctionBound;
      s.scores[i] = doubt ? -probability + 0.0 : -INFINITY;
      if (doubt) flags[i] |= kEligible;
    });
    scene.chooseSurest(p.budget);
    remasked = has(kChosen);
    scene.forEach([&](int i) {
      if ((flags[i] & kChosen) != 0) {
        actions[i] = kRemasked;
        flags[i] &= ~kChosen;
      }
    });
  }

  int masked = has(kMasked);
  scene.forEach([&](int i) {
    if ((flags[i] & kMasked) == 0) return;
    s.scores[i] = scoreOf(c, found[i], p.step, scene.positions[i]);
    flags[i] |= kEligible;
  });
  chooseByRule(scene, c, p, masked);
  int chosen = has(kChosen);
  scene.forEach([&](int i) {
    if ((flags[i] & kChosen) != 0 && (flags[i] & kPredictsMask) == 0) actions[i] = kCommitted;
    if (actions[i] != kNothing) tokens[scene.positions[i]] = actions[i] == kRemasked ? c.maskToken : found[i].token;
    if (allWanted != nullptr) allWanted[c.firstEntry + i].step = p.step + 1;
  });
  int changes = scene.count([&](int i) { return actions[i] != kNothing; });
  p.masked = scene.count([&](int i) { return i >= c.blockEntry && tokens[scene.positions[i]] == c.maskToken; });

  p.step++;
  p.blockStep++;
  p.scheduled += remasked - chosen;
  p.budget -= remasked;
  bool stuck = chosen == 0 && remasked == 0, idle = chosen == 0 && changes == 0;
  p.done = p.blockStep == c.blockSteps;
  if (p.done == 0) {
    bool choosesOnce = c.rule < kOrigin && c.schedule != kLinearTime;
    bool allChosen = choosesOnce         ? p.scheduled == 0
                     : c.rule <= kOrigin ? p.masked == 0
                                         : p.masked == 0 || stuck;
    if (allChosen && stuck && c.correction == kEdit) p.stepsWithoutMasks++;
    p.done = allChosen && (idle || !mayCorrect(c.blockSteps - p.blockStep));
  }
  if (threadIdx.x == 0) progresses[blockIdx.x] = p;
}
REGISTER(commit)
