/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.cli;

import dev.palimpsest.process.Change;
import dev.palimpsest.process.Revision;
import java.util.ArrayList;
import java.util.List;

/** A canvas rebuilt from its revisions, each position knowing what the last one did to it. */
final class WatchedCanvas {
  /** What a position is to the eye. */
  enum State {
    /** Text that was given. */
    GIVEN,
    /** Still to be written. */
    MASKED,
    /** Written in an earlier step. */
    SETTLED,
    /** Written in this step. */
    NEW,
    /** Another token than before, since this step. */
    CHANGED,
    /** Taken back in this step, to be written anew. */
    TAKEN_BACK
  }

  /** One position. */
  record Cell(int token, State state) {}

  private final int maskToken;
  private final List<Cell> cells = new ArrayList<>();
  private int step;

  WatchedCanvas(int maskToken) {
    this.maskToken = maskToken;
  }

  List<Cell> cells() {
    return List.copyOf(cells);
  }

  int step() {
    return step;
  }

  /** Positions still to be written. */
  int masked() {
    return (int) cells.stream().filter(cell -> cell.token() == maskToken).count();
  }

  /** Takes one step on. */
  void apply(Revision revision) {
    step = revision.step();
    settle();
    for (Change change : revision.changes()) {
      switch (change) {
        case Change.Commit c -> cells.set(c.position(), new Cell(c.token(), State.NEW));
        case Change.Replace r -> cells.set(r.position(), new Cell(r.token(), State.CHANGED));
        case Change.Remask r -> cells.set(r.position(), new Cell(maskToken, State.TAKEN_BACK));
        case Change.Insert i ->
            cells.add(i.position(), new Cell(i.token(), insertedState(i, revision.step())));
        case Change.Delete d -> cells.remove(d.position());
      }
    }
  }

  /** What was new is no longer. */
  void settle() {
    cells.replaceAll(
        cell ->
            switch (cell.state()) {
              case NEW, CHANGED -> new Cell(cell.token(), State.SETTLED);
              case TAKEN_BACK -> new Cell(cell.token(), State.MASKED);
              case GIVEN, MASKED, SETTLED -> cell;
            });
  }

  private State insertedState(Change.Insert insert, int atStep) {
    if (insert.token() == maskToken) {
      return State.MASKED;
    }
    return atStep == 0 ? State.GIVEN : State.NEW;
  }
}
