/* SPDX-License-Identifier: Apache-2.0 */
package dev.palimpsest.trainer;

/** One minus the Levenshtein distance over the longer length, in characters. */
public final class EditSimilarity {
  private EditSimilarity() {}

  /** 1 for equal texts, 0 for texts that share nothing. */
  public static double of(String a, String b) {
    int longer = Math.max(a.length(), b.length());
    if (longer == 0) {
      return 1;
    }
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int above = row[j];
        int same = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        row[j] = Math.min(same, Math.min(above, row[j - 1]) + 1);
        diagonal = above;
      }
    }
    return 1 - (double) row[b.length()] / longer;
  }
}
