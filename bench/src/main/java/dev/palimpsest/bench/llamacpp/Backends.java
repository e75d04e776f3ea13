/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench.llamacpp;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.ToLongFunction;

/**
 * Which of llama.cpp's CPU backends to measure. llama.cpp takes the one that uses most of the
 * processor, which need be neither the fastest nor one that survives; here each is tried in a
 * process of its own on the work to be measured, and the fastest wins.
 */
public final class Backends {
  /** So many that work are compared; those after them use less of the processor. */
  private static final int COMPARED = 4;

  private Backends() {}

  /**
   * A backend and what became of it.
   *
   * @param backend name
   * @param ms the work took, milliseconds; null if it was not measured
   * @param outcome for people
   */
  public record Trial(String backend, Double ms, String outcome) {}

  /**
   * The backend to measure.
   *
   * @param backend name
   * @param trials all there are, those that use most of the processor first
   */
  public record Choice(String backend, List<Trial> trials) {
    /** For people: what was chosen and why, on one line. */
    public String description() {
      StringBuilder text = new StringBuilder(backend);
      for (Trial trial : trials) {
        if (trial.ms() != null) {
          text.append(String.format(Locale.ROOT, "; %s %.1f ms", trial.backend(), trial.ms()));
        } else if (trial.outcome().startsWith("failed")) {
          text.append("; ").append(trial.backend()).append(' ').append(trial.outcome());
        }
      }
      return text.toString();
    }
  }

  /**
   * Tries the backends that fit this processor.
   *
   * @param setup of the work, whatever its backend
   * @param work done once to warm up and twice for the clock; answers its nanoseconds
   * @param progress told the name of each backend before it is tried
   * @throws PeerException if none works
   */
  public static Choice choose(
      Setup setup, ToLongFunction<LlamaCpp> work, Consumer<String> progress) {
    List<Map.Entry<String, Integer>> ranked =
        scores(setup.folder()).entrySet().stream()
            .sorted(
                Map.Entry.<String, Integer>comparingByValue()
                    .reversed()
                    .thenComparing(Map.Entry.comparingByKey()))
            .toList();
    List<Trial> trials = new ArrayList<>();
    int working = 0;
    for (Map.Entry<String, Integer> candidate : ranked) {
      String name = candidate.getKey();
      if (candidate.getValue() == 0) {
        trials.add(new Trial(name, null, "not for this processor"));
      } else if (working == COMPARED) {
        trials.add(new Trial(name, null, "not tried: uses less of the processor"));
      } else {
        progress.accept(name);
        Trial trial = attempt(setup.withBackend(name), work);
        working += trial.ms() == null ? 0 : 1;
        trials.add(trial);
      }
    }
    String best =
        trials.stream()
            .filter(trial -> trial.ms() != null)
            .min(Comparator.comparing(Trial::ms))
            .map(Trial::backend)
            .orElseThrow(() -> new PeerException("no backend of llama.cpp works: " + trials));
    return new Choice(best, trials);
  }

  /** The one that was asked for, tried by nobody. */
  public static Choice forced(String backend) {
    return new Choice(backend, List.of(new Trial(backend, null, "asked for")));
  }

  private static Trial attempt(Setup setup, ToLongFunction<LlamaCpp> work) {
    try (LlamaCpp llama = LlamaCpp.start(setup)) {
      work.applyAsLong(llama);
      long nanos = Math.min(work.applyAsLong(llama), work.applyAsLong(llama));
      return new Trial(setup.backend(), nanos / 1e6, "works");
    } catch (PeerException e) {
      return new Trial(setup.backend(), null, "failed: " + e.getMessage());
    }
  }

  private static Map<String, Integer> scores(Path folder) {
    // Here, where a missing library is an error with a message.
    LlamaLibraries.backends(folder);
    Map<String, Integer> scores = new TreeMap<>();
    try (ChildJvm child =
            new ChildJvm(LlamaProcess.class, List.of(folder.toAbsolutePath().toString()));
        BufferedReader lines = child.process().inputReader()) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        String[] words = line.split(" ");
        scores.put(words[0], Integer.parseInt(words[1]));
      }
      if (scores.isEmpty()) {
        throw new PeerException(
            "llama.cpp's backends in " + folder + " cannot be listed: " + child.causeOfDeath(""));
      }
    } catch (IOException e) {
      throw new PeerException("llama.cpp's backends in " + folder + " cannot be listed: " + e);
    }
    return scores;
  }
}
