/*
 *  Copyright 2001-2009 Stephen Colebourne
 *
 *  Licensed under the Apache License, Version 2.0 (the "License");
 *  you may not use this file except in compliance with the License.
 *  You may obtain a copy of the License at
 *
 *      http://www.apache.org/licenses/LICENSE-2.0
 *
 *  Unless required by applicable law or agreed to in writing, software
 *  distributed under the License is distributed on an "AS IS" BASIS,
 *  WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 *  See the License for the specific language governing permissions and
 *  limitations under the License.
 */
package org.joda.time.field;

import java.io.Serializable;
import java.util.HashMap;
import java.util.Locale;

import org.joda.time.DateTimeField;
import org.joda.time.DateTimeFieldType;
import org.joda.time.DurationField;
import org.joda.time.ReadablePartial;

public final class UnsupportedDateTimeField extends DateTimeField implements Serializable {
    private static final long serialVersionUID = -1934618396111902255L;

    private static HashMap<DateTimeFieldType, UnsupportedDateTimeField> cCache;

    public static synchronized UnsupportedDateTimeField getInstance(
            DateTimeFieldType type, DurationField durationField) {
        UnsupportedDateTimeField field;
        if (cCache == null) {
            cCache = new HashMap<DateTimeFieldType, UnsupportedDateTimeField>(7);
            field = null;
        } else {
            field = cCache.get(type);
            if (field != null && field.getDurationField() != durationField) {
                field = null;
            }
        }
        if (field == null) {
            field = new UnsupportedDateTimeField(type, durationField);
            cCache.put(type, field);
        }
        return field;
    }

    private final DateTimeFieldType iType;

    private final DurationField iDurationField;

    private UnsupportedDateTimeField(DateTimeFieldType type, DurationField durationField) {
        if (type == null || durationField == null) {
            throw new IllegalArgumentException();
        }
        iType = type;
        iDurationField = durationField;
    }

    @Override
    public DateTimeFieldType getType() {
        return iType;
    }

    @Override
    public String getName() {
        return iType.getName();
    }

    @Override
    public boolean isSupported() {
        return false;
    }

    @Override
    public boolean isLenient() {
        return false;
    }

    @Override
    public int get(long instant) {
        throw unsupported();
    }

    @Override
    public String getAsText(long instant, Locale locale) {
        throw unsupported();
    }

    @Override
    public String getAsText(long instant) {
        throw unsupported();
    }

    @Override
    public String getAsText(ReadablePartial partial, int fieldValue, Locale locale) {
        throw unsupported();
    }

    @Override
    public String getAsText(ReadablePartial partial, Locale locale) {
        throw unsupported();
    }

    @Override
    public String getAsText(int fieldValue, Locale locale) {
        throw unsupported();
    }

    @Override
    public String getAsShortText(long instant, Locale locale) {
        throw unsupported();
    }

    @Override
    public String getAsShortText(long instant) {
        throw unsupported();
    }

    @Override
    public String getAsShortText(ReadablePartial partial, int fieldValue, Locale locale) {
        throw unsupported();
    }

    @Override
    public String getAsShortText(ReadablePartial partial, Locale locale) {
        throw unsupported();
    }

    @Override
    public String getAsShortText(int fieldValue, Locale locale) {
        throw unsupported();
    }

    @Override
    public long add(long instant, int value) {
        return getDurationField().add(instant, value);
    }

    @Override
    public long add(long instant, long value) {
        return getDurationField().add(instant, value);
    }

    @Override
    public int[] add(ReadablePartial instant, int fieldIndex, int[] values, int valueToAdd) {
        throw unsupported();
    }

    @Override
    public int[] addWrapPartial(ReadablePartial instant, int fieldIndex, int[] values, int valueToAdd) {
        throw unsupported();
    }

    @Override
    public long addWrapField(long instant, int value) {
        throw unsupported();
    }

    @Override
    public int[] addWrapField(ReadablePartial instant, int fieldIndex, int[] values, int valueToAdd) {
        throw unsupported();
    }

    @Override
    public int getDifference(long minuendInstant, long subtrahendInstant) {
        return getDurationField().getDifference(minuendInstant, subtrahendInstant);
    }

    @Override
    public long getDifferenceAsLong(long minuendInstant, long subtrahendInstant) {
        return getDurationField().getDifferenceAsLong(minuendInstant, subtrahendInstant);
    }

    @Override
    public long set(long instant, int value) {
        throw unsupported();
    }

    @Override
    public int[] set(ReadablePartial instant, int fieldIndex, int[] values, int newValue) {
        throw unsupported();
    }

    @Override
    public long set(long instant, String text, Locale locale) {
        throw unsupported();
    }

    @Override
    public long set(long instant, String text) {
        throw unsupported();
    }

    @Override
    public int[] set(ReadablePartial instant, int fieldIndex, int[] values, String text, Locale locale) {
        throw unsupported();
    }

    @Override
    public DurationField getDurationField() {
        return iDurationField;
    }

    @Override
    public DurationField getRangeDurationField() {
        return null;
    }

    @Override
    public boolean isLeap(long instant) {
        throw unsupported();
    }

    @Override
    public int getLeapAmount(long instant) {
        throw unsupported();
    }

    @Override
    public DurationField getLeapDurationField() {
        return null;
    }

    @Override
    public int getMinimumValue() {
        throw unsupported();
    }

    @Override
    public int getMinimumValue(long instant) {
        throw unsupported();
    }

    @Override
    public int getMinimumValue(ReadablePartial instant) {
        throw unsupported();
    }

    @Override
    public int getMinimumValue(ReadablePartial instant, int[] values) {
        throw unsupported();
    }

    @Override
    public int getMaximumValue() {
        throw unsupported();
    }

    @Override
    public int getMaximumValue(long instant) {
        throw unsupported();
    }

    @Override
    public int getMaximumValue(ReadablePartial instant) {
        throw unsupported();
    }

    @Override
    public int getMaximumValue(ReadablePartial instant, int[] values) {
        throw unsupported();
    }

    @Override
    public int getMaximumTextLength(Locale locale) {
        throw unsupported();
    }

    @Override
    public int getMaximumShortTextLength(Locale locale) {
        throw unsupported();
    }

    @Override
    public long roundFloor(long instant) {
        throw unsupported();
    }

    @Override
    public long roundCeiling(long instant) {
        throw unsupported();
    }

    @Override
    public long roundHalfFloor(long instant) {
        throw unsupported();
    }

    @Override
    public long roundHalfCeiling(long instant) {
        throw unsupported();
    }

    @Override
    public long roundHalfEven(long instant) {
        throw unsupported();
    }

    @Override
    public long remainder(long instant) {
        throw unsupported();
    }

    @Override
    public String toString() {
        return "UnsupportedDateTimeField";
    }

    private Object readResolve() {
        return getInstance(iType, iDurationField);
    }

    private UnsupportedOperationException unsupported() {
        return new UnsupportedOperationException(iType + " field is unsupported");
    }

}
