/*
 * Licensed to the Apache Software Foundation (ASF) under one or more
 * contributor license agreements.  See the NOTICE file distributed with
 * this work for additional information regarding copyright ownership.
 * The ASF licenses this file to You under the Apache License, Version 2.0
 * (the "License"); you may not use this file except in compliance with
 * the License.  You may obtain a copy of the License at
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */
package org.apache.lucene.store;

import static org.apache.lucene.index.IndexFileNames.CODEC_FILE_PATTERN;

import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.channels.ClosedChannelException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Future;
import java.util.function.BiFunction;
import java.util.function.BiPredicate;
import java.util.function.Function;
import java.util.logging.Logger;
import org.apache.lucene.index.IndexFileNames;
import org.apache.lucene.util.Constants;

@SuppressWarnings("preview")
public class MMapDirectory extends FSDirectory {
  public static final BiPredicate<String, IOContext> ALL_FILES = (filename, context) -> true;

  public static final BiPredicate<String, IOContext> NO_FILES = (filename, context) -> false;

  public static final BiPredicate<String, IOContext> PRELOAD_HINT =
      (filename, context) -> context.hints().contains(PreloadHint.INSTANCE);

  public static final String SHARED_ARENA_MAX_PERMITS_SYSPROP =
      "org.apache.lucene.store.MMapDirectory.sharedArenaMaxPermits";

  public static final Function<String, Optional<String>> NO_GROUPING = filename -> Optional.empty();

  public static final Function<String, Optional<String>> GROUP_BY_SEGMENT =
      filename -> {
        if (!CODEC_FILE_PATTERN.matcher(filename).matches()) {
          return Optional.empty();
        }
        String groupKey = IndexFileNames.parseSegmentName(filename).substring(1);
        try {
          if (IndexFileNames.parseGeneration(filename) > 0) {
            groupKey += "-g";
          }
        } catch (
            @SuppressWarnings("unused")
            NumberFormatException unused) {
        }
        return Optional.of(groupKey);
      };

  public static final BiFunction<String, IOContext, Optional<ReadAdvice>> ADVISE_BY_CONTEXT =
      (String filename, IOContext context) -> {
        if (context.context() == IOContext.Context.MERGE
            || context.context() == IOContext.Context.FLUSH) {
          return Optional.of(ReadAdvice.SEQUENTIAL);
        }
        if (context.hints().contains(DataAccessHint.RANDOM)) {
          return Optional.of(ReadAdvice.RANDOM);
        }
        if (context.hints().contains(DataAccessHint.SEQUENTIAL)) {
          return Optional.of(ReadAdvice.SEQUENTIAL);
        }
        return Optional.of(Constants.DEFAULT_READADVICE);
      };

  private BiFunction<String, IOContext, Optional<ReadAdvice>> readAdvice =
      (filename, context) -> Optional.empty();

  private BiPredicate<String, IOContext> preload = NO_FILES;

  public static final long DEFAULT_MAX_CHUNK_SIZE;

  final Object attachment = PROVIDER.attachment();

  private Function<String, Optional<String>> groupingFunction = GROUP_BY_SEGMENT;

  final int chunkSizePower;

  public MMapDirectory(Path path, LockFactory lockFactory) throws IOException {
    this(path, lockFactory, DEFAULT_MAX_CHUNK_SIZE);
  }

  public MMapDirectory(Path path) throws IOException {
    this(path, FSLockFactory.getDefault());
  }

  public MMapDirectory(Path path, long maxChunkSize) throws IOException {
    this(path, FSLockFactory.getDefault(), maxChunkSize);
  }

  public MMapDirectory(Path path, LockFactory lockFactory, long maxChunkSize) throws IOException {
    super(path, lockFactory);
    if (maxChunkSize <= 0L) {
      throw new IllegalArgumentException("Maximum chunk size for mmap must be >0");
    }
    this.chunkSizePower = Long.SIZE - 1 - Long.numberOfLeadingZeros(maxChunkSize);
    assert (1L << chunkSizePower) <= maxChunkSize;
    assert (1L << chunkSizePower) > (maxChunkSize / 2);
  }

  public void setPreload(BiPredicate<String, IOContext> preload) {
    this.preload = preload;
  }

  public void setReadAdvice(BiFunction<String, IOContext, Optional<ReadAdvice>> toReadAdvice) {
    this.readAdvice = toReadAdvice;
  }

  public void setGroupingFunction(Function<String, Optional<String>> groupingFunction) {
    this.groupingFunction = groupingFunction;
  }

  public final long getMaxChunkSize() {
    return 1L << chunkSizePower;
  }

  @Override
  public IndexInput openInput(String name, IOContext context) throws IOException {
    ensureOpen();
    ensureCanRead(name);
    Path path = directory.resolve(name);
    Function<IOContext, ReadAdvice> toReadAdvice =
        c -> readAdvice.apply(name, c).orElse(Constants.DEFAULT_READADVICE);
    return PROVIDER.openInput(
        path,
        chunkSizePower,
        context,
        toReadAdvice,
        context.hints().contains(ReadOnceHint.INSTANCE),
        preload.test(name, context),
        groupingFunction.apply(name),
        attachment);
  }

  static final MMapIndexInputProvider<Object> PROVIDER;

  interface MMapIndexInputProvider<A> {
    IndexInput openInput(
        Path path,
        int chunkSizePower,
        IOContext context,
        Function<IOContext, ReadAdvice> toReadAdvice,
        boolean readOnce,
        boolean preload,
        Optional<String> group,
        A attachment)
        throws IOException;

    long getDefaultMaxChunkSize();

    boolean supportsMadvise();

    default A attachment() {
      return null;
    }

    default IOException convertMapFailedIOException(
        IOException ioe, String resourceDescription, long bufSize) {
      final String originalMessage;
      final Throwable originalCause;
      if (ioe.getCause() instanceof OutOfMemoryError) {
        originalMessage = "Map failed";
        originalCause = null;
      } else {
        originalMessage = ioe.getMessage();
        originalCause = ioe.getCause();
      }
      final String moreInfo;
      if (!Constants.JRE_IS_64BIT) {
        moreInfo =
            "MMapDirectory should only be used on 64bit platforms, because the address space on 32bit operating systems is too small. ";
      } else if (Constants.WINDOWS) {
        moreInfo =
            "Windows is unfortunately very limited on virtual address space. If your index size is several hundred Gigabytes, consider changing to Linux. ";
      } else if (Constants.LINUX) {
        moreInfo =
            "Please review 'ulimit -v', 'ulimit -m' (both should return 'unlimited'), and 'sysctl vm.max_map_count'. ";
      } else {
        moreInfo = "Please review 'ulimit -v', 'ulimit -m' (both should return 'unlimited'). ";
      }
      final IOException newIoe =
          new IOException(
              String.format(
                  Locale.ENGLISH,
                  "%s: %s [this may be caused by lack of enough unfragmented virtual address space "
                      + "or too restrictive virtual memory limits enforced by the operating system, "
                      + "preventing us to map a chunk of %d bytes. %sMore information: "
                      + "https://blog.thetaphi.de/2012/07/use-lucenes-mmapdirectory-on-64bit.html]",
                  originalMessage,
                  resourceDescription,
                  bufSize,
                  moreInfo),
              originalCause);
      newIoe.setStackTrace(ioe.getStackTrace());
      return newIoe;
    }
  }

  private static int getSharedArenaMaxPermitsSysprop() {
    int ret = 1024;
    try {
      String str = System.getProperty(SHARED_ARENA_MAX_PERMITS_SYSPROP);
      if (str != null) {
        ret = Integer.parseInt(str);
      }
    } catch (@SuppressWarnings("unused") NumberFormatException | SecurityException ignored) {
      Logger.getLogger(MMapDirectory.class.getName())
          .warning(
              "Cannot read sysprop "
                  + SHARED_ARENA_MAX_PERMITS_SYSPROP
                  + ", so the default value will be used.");
    }
    return ret;
  }

  private static <A> MMapIndexInputProvider<A> lookupProvider() {
    final var maxPermits = getSharedArenaMaxPermitsSysprop();
    final var lookup = MethodHandles.lookup();
    try {
      final var cls = lookup.findClass("org.apache.lucene.store.MemorySegmentIndexInputProvider");

      final var constr = lookup.findConstructor(cls, MethodType.methodType(void.class, int.class));
      try {
        return (MMapIndexInputProvider<A>) constr.invoke(maxPermits);
      } catch (RuntimeException | Error e) {
        throw e;
      } catch (Throwable th) {
        throw new AssertionError(th);
      }
    } catch (NoSuchMethodException | IllegalAccessException e) {
      throw new LinkageError(
          "MemorySegmentIndexInputProvider is missing correctly typed constructor", e);
    } catch (ClassNotFoundException cnfe) {
      throw new LinkageError("MemorySegmentIndexInputProvider is missing in Lucene JAR file", cnfe);
    }
  }

  public static boolean supportsMadvise() {
    return PROVIDER.supportsMadvise();
  }

  static {
    PROVIDER = lookupProvider();
    DEFAULT_MAX_CHUNK_SIZE = PROVIDER.getDefaultMaxChunkSize();
  }
}
