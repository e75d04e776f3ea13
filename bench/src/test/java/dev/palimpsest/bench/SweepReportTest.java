/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class SweepReportTest {
  private static final SweepReport.Row NONE = new SweepReport.Row("bf16", "none", 0);
  private static final SweepReport.Row DUAL = new SweepReport.Row("bf16", "dual", 8);

  private static SweepReport.Cell cell(SweepReport.Row row, int pace, double speed) {
    return new SweepReport.Cell(row, pace, speed, 5);
  }

  private static Autoregressive.Report decode(String model, double speed) {
    return new Autoregressive.Report(model, "zen4", List.of(), speed, 1, 5);
  }

  @Test
  void theFewestTokensPerStepThatAreFaster() {
    List<SweepReport.Cell> cells =
        List.of(
            cell(NONE, 1, 10),
            cell(NONE, 2, 20),
            cell(NONE, 4, 40),
            cell(DUAL, 1, 50),
            cell(DUAL, 2, 100));
    assertEquals(
        List.of(
            new SweepReport.Overtaking(NONE, "a", 4, 2),
            new SweepReport.Overtaking(NONE, "b", null, 0.4),
            new SweepReport.Overtaking(DUAL, "a", 1, 5),
            new SweepReport.Overtaking(DUAL, "b", null, 1)),
        SweepReport.overtakes(cells, List.of(decode("a", 20), decode("b", 100))));
  }
}
