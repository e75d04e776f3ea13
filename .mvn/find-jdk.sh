# SPDX-License-Identifier: Apache-2.0
# Finds an installed JDK 25 or newer; sourced by ./palimpsest and ./mvnw (POSIX sh, nothing but the shell).
#
#   find_jdk    sets jdk_home to the chosen JDK, or to "" when there is none; jdk_seen then lists what
#               was found instead, one "version  folder" a line.
#
# Order: PALIMPSEST_JAVA_HOME, JAVA_HOME, then every JDK in the usual places and on the PATH, where 25 wins
# and otherwise the newest. The `release` file in each JDK says its version, so no JVM is started.
# PALIMPSEST_JDK_DIRS (folders that hold JDKs, split by colons) replaces the usual places.

jdk_minimum=25

# The feature version of the JDK in folder $1, or "" when it is none (no release file, or no javac: a JRE).
jdk_version_of() {
  jdk_version=
  [ -r "$1/release" ] && [ -x "$1/bin/java" ] && [ -x "$1/bin/javac" ] || return 0
  while IFS='=' read -r jdk_key jdk_value || [ -n "$jdk_key" ]; do
    if [ "$jdk_key" = JAVA_VERSION ]; then
      jdk_value=${jdk_value#\"}
      jdk_value=${jdk_value#1.}
      jdk_version=${jdk_value%%[!0-9]*}
    fi
  done <"$1/release"
}

# Takes folder $1 into account.
jdk_consider() {
  jdk_version_of "$1"
  [ -n "$jdk_version" ] || return 0
  if [ "$jdk_version" -lt "$jdk_minimum" ]; then
    jdk_seen="$jdk_seen  $jdk_version  $1
"
    return 0
  fi
  if [ -z "$jdk_home" ] ||
    { [ "$jdk_best" -ne "$jdk_minimum" ] &&
      { [ "$jdk_version" -eq "$jdk_minimum" ] || [ "$jdk_version" -gt "$jdk_best" ]; }; }; then
    jdk_home=$1
    jdk_best=$jdk_version
  fi
}

find_jdk() {
  jdk_home= jdk_best=0 jdk_seen=
  for jdk_dir in "${PALIMPSEST_JAVA_HOME-}" "${JAVA_HOME-}"; do
    [ -z "$jdk_dir" ] || jdk_consider "$jdk_dir"
    [ -z "$jdk_home" ] || return 0
  done
  if [ -n "${PALIMPSEST_JDK_DIRS-}" ]; then
    jdk_places=$PALIMPSEST_JDK_DIRS
  else
    jdk_places="/usr/lib/jvm:/usr/java:/usr/local/java:/usr/local:/opt:/opt/java"
    jdk_places="$jdk_places:$HOME/.sdkman/candidates/java:$HOME/.jdks:$HOME/.jbang/cache/jdks"
    jdk_places="$jdk_places:$HOME/.asdf/installs/java:$HOME/.local/share/mise/installs/java:$HOME/.m2/jdks"
    jdk_places="$jdk_places:/Library/Java/JavaVirtualMachines:$HOME/Library/Java/JavaVirtualMachines"
    jdk_places="$jdk_places:/opt/homebrew/opt"
  fi
  jdk_rest=$jdk_places:
  while [ -n "$jdk_rest" ]; do
    jdk_place=${jdk_rest%%:*}
    jdk_rest=${jdk_rest#*:}
    for jdk_dir in "$jdk_place"/*; do
      jdk_consider "$jdk_dir"
      jdk_consider "$jdk_dir/Contents/Home"
      jdk_consider "$jdk_dir/libexec/openjdk.jdk/Contents/Home"
    done
  done
  jdk_dir=$(command -v javac 2>/dev/null) || jdk_dir=
  if [ -n "$jdk_dir" ]; then
    jdk_dir=$(readlink -f "$jdk_dir" 2>/dev/null) || jdk_dir=
    [ -z "$jdk_dir" ] || jdk_consider "${jdk_dir%/bin/javac}"
  fi
}
