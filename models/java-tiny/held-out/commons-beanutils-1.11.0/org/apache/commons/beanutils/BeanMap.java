/*
 * Licensed to the Apache Software Foundation (ASF) under one or more
 * contributor license agreements.  See the NOTICE file distributed with
 * this work for additional information regarding copyright ownership.
 * The ASF licenses this file to You under the Apache License, Version 2.0
 * (the "License"); you may not use this file except in compliance with
 * the License.  You may obtain a copy of the License at
 *
 *      https://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */
package org.apache.commons.beanutils;

import java.beans.BeanInfo;
import java.beans.IntrospectionException;
import java.beans.Introspector;
import java.beans.PropertyDescriptor;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.AbstractMap;
import java.util.AbstractSet;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;

import org.apache.commons.collections.Transformer;
import org.apache.commons.collections.keyvalue.AbstractMapEntry;

public class BeanMap extends AbstractMap<Object, Object> implements Cloneable {
    protected static class Entry extends AbstractMapEntry {
        private final BeanMap owner;

        protected Entry(final BeanMap owner, final Object key, final Object value) {
            super(key, value);
            this.owner = owner;
        }

        @Override
        public Object setValue(final Object value) {
            final Object key = getKey();
            final Object oldValue = owner.get(key);

            owner.put(key, value);
            final Object newValue = owner.get(key);
            super.setValue(newValue);
            return oldValue;
        }
    }

    public static final Object[] NULL_ARGUMENTS = {};

    private static final Map<Class<? extends Object>, Transformer> typeTransformers = Collections.unmodifiableMap(createTypeTransformers());

    @Deprecated
    public static HashMap defaultTransformers = new HashMap() {
        private static final long serialVersionUID = 1L;

        @Override
        public void clear() {
            throw new UnsupportedOperationException();
        }

        @Override
        public boolean containsKey(final Object key) {
            return typeTransformers.containsKey(key);
        }

        @Override
        public boolean containsValue(final Object value) {
            return typeTransformers.containsValue(value);
        }

        @Override
        public Set entrySet() {
            return typeTransformers.entrySet();
        }

        @Override
        public Object get(final Object key) {
            return typeTransformers.get(key);
        }

        @Override
        public boolean isEmpty() {
            return false;
        }

        @Override
        public Set keySet() {
            return typeTransformers.keySet();
        }

        @Override
        public Object put(final Object key, final Object value) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void putAll(final Map m) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Object remove(final Object key) {
            throw new UnsupportedOperationException();
        }

        @Override
        public int size() {
            return typeTransformers.size();
        }

        @Override
        public Collection values() {
            return typeTransformers.values();
        }
    };

    private static Map<Class<? extends Object>, Transformer> createTypeTransformers() {
        final Map<Class<? extends Object>, Transformer> defaultTransformers = new HashMap<>();
        defaultTransformers.put(Boolean.TYPE, input -> Boolean.valueOf(input.toString()));
        defaultTransformers.put(Character.TYPE, input -> Character.valueOf(input.toString().charAt(0)));
        defaultTransformers.put(Byte.TYPE, input -> Byte.valueOf(input.toString()));
        defaultTransformers.put(Short.TYPE, input -> Short.valueOf(input.toString()));
        defaultTransformers.put(Integer.TYPE, input -> Integer.valueOf(input.toString()));
        defaultTransformers.put(Long.TYPE, input -> Long.valueOf(input.toString()));
        defaultTransformers.put(Float.TYPE, input -> Float.valueOf(input.toString()));
        defaultTransformers.put(Double.TYPE, input -> Double.valueOf(input.toString()));
        return defaultTransformers;
    }

    private transient Object bean;

    private transient HashMap<String, Method> readMethods = new HashMap<>();

    private transient HashMap<String, Method> writeMethods = new HashMap<>();

    private transient HashMap<String, Class<? extends Object>> types = new HashMap<>();

    public BeanMap() {
    }

    public BeanMap(final Object bean) {
        this.bean = bean;
        initialise();
    }

    @Override
    public void clear() {
        if (bean == null) {
            return;
        }
        Class<? extends Object> beanClass = null;
        try {
            beanClass = bean.getClass();
            bean = beanClass.getConstructor().newInstance();
        } catch (final Exception e) {
            throw new UnsupportedOperationException("Could not create new instance of class: " + beanClass, e);
        }
    }

    @Override
    public Object clone() throws CloneNotSupportedException {
        final BeanMap newMap = (BeanMap) super.clone();
        if (bean == null) {
            return newMap;
        }
        Object newBean = null;
        final Class<? extends Object> beanClass = bean.getClass();
        try {
            newBean = beanClass.getConstructor().newInstance();
        } catch (final Exception e) {
            final CloneNotSupportedException cnse = new CloneNotSupportedException(
                    "Unable to instantiate the underlying bean \"" + beanClass.getName() + "\": " + e);
            cnse.initCause(e);
            throw cnse;
        }
        try {
            newMap.setBean(newBean);
        } catch (final Exception exception) {
            final CloneNotSupportedException cnse = new CloneNotSupportedException("Unable to set bean in the cloned bean map: " + exception);
            cnse.initCause(exception);
            throw cnse;
        }
        try {
            for (final Object key : readMethods.keySet()) {
                if (getWriteMethod(key) != null) {
                    newMap.put(key, get(key));
                }
            }
        } catch (final Exception exception) {
            final CloneNotSupportedException cnse = new CloneNotSupportedException("Unable to copy bean values to cloned bean map: " + exception);
            cnse.initCause(exception);
            throw cnse;
        }

        return newMap;
    }

    @Override
    public boolean containsKey(final Object name) {
        final Method method = getReadMethod(name);
        return method != null;
    }

    @Override
    public boolean containsValue(final Object value) {
        return super.containsValue(value);
    }

    protected Object convertType(final Class<?> newType, final Object value)
            throws InstantiationException, IllegalAccessException, IllegalArgumentException, InvocationTargetException {
        final Class<?>[] types = { value.getClass() };
        try {
            final Constructor<?> constructor = newType.getConstructor(types);
            final Object[] arguments = { value };
            return constructor.newInstance(arguments);
        } catch (final NoSuchMethodException e) {
            final Transformer transformer = getTypeTransformer(newType);
            if (transformer != null) {
                return transformer.transform(value);
            }
            return value;
        }
    }

    protected Object[] createWriteMethodArguments(final Method method, Object value) throws IllegalAccessException, ClassCastException {
        try {
            if (value != null) {
                final Class<? extends Object>[] types = method.getParameterTypes();
                if (types != null && types.length > 0) {
                    final Class<? extends Object> paramType = types[0];
                    if (!paramType.isAssignableFrom(value.getClass())) {
                        value = convertType(paramType, value);
                    }
                }
            }
            return new Object[] { value };
        } catch (final InvocationTargetException | InstantiationException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }

    public Iterator<Map.Entry<Object, Object>> entryIterator() {
        final Iterator<String> iter = keyIterator();
        return new Iterator<Map.Entry<Object, Object>>() {
            @Override
            public boolean hasNext() {
                return iter.hasNext();
            }

            @Override
            public Map.Entry<Object, Object> next() {
                final Object key = iter.next();
                final Object value = get(key);
                @SuppressWarnings("unchecked")
                final

                Map.Entry<Object, Object> tmpEntry = new Entry(BeanMap.this, key, value);
                return tmpEntry;
            }

            @Override
            public void remove() {
                throw new UnsupportedOperationException("remove() not supported for BeanMap");
            }
        };
    }

    @Override
    public Set<Map.Entry<Object, Object>> entrySet() {
        return Collections.unmodifiableSet(new AbstractSet<Map.Entry<Object, Object>>() {
            @Override
            public Iterator<Map.Entry<Object, Object>> iterator() {
                return entryIterator();
            }

            @Override
            public int size() {
                return BeanMap.this.readMethods.size();
            }
        });
    }

    protected void firePropertyChange(final Object key, final Object oldValue, final Object newValue) {
    }

    @Override
    public Object get(final Object name) {
        if (bean != null) {
            final Method method = getReadMethod(name);
            if (method != null) {
                try {
                    return method.invoke(bean, NULL_ARGUMENTS);
                } catch (final IllegalAccessException | IllegalArgumentException | InvocationTargetException | NullPointerException e) {
                    logWarn(e);
                }
            }
        }
        return null;
    }

    public Object getBean() {
        return bean;
    }

    protected Method getReadMethod(final Object name) {
        return readMethods.get(name);
    }

    public Method getReadMethod(final String name) {
        return readMethods.get(name);
    }

    public Class<?> getType(final String name) {
        return types.get(name);
    }

    protected Transformer getTypeTransformer(final Class<?> aType) {
        return typeTransformers.get(aType);
    }

    protected Method getWriteMethod(final Object name) {
        return writeMethods.get(name);
    }

    public Method getWriteMethod(final String name) {
        return writeMethods.get(name);
    }

    private void initialise() {
        if (getBean() == null) {
            return;
        }

        final Class<? extends Object> beanClass = getBean().getClass();
        try {
            final BeanInfo beanInfo = Introspector.getBeanInfo(beanClass);
            final PropertyDescriptor[] propertyDescriptors = beanInfo.getPropertyDescriptors();
            if (propertyDescriptors != null) {
                for (final PropertyDescriptor propertyDescriptor : propertyDescriptors) {
                    if (propertyDescriptor != null) {
                        final String name = propertyDescriptor.getName();
                        final Method readMethod = propertyDescriptor.getReadMethod();
                        final Method writeMethod = propertyDescriptor.getWriteMethod();
                        final Class<? extends Object> aType = propertyDescriptor.getPropertyType();

                        if (readMethod != null) {
                            readMethods.put(name, readMethod);
                        }
                        if (writeMethod != null) {
                            writeMethods.put(name, writeMethod);
                        }
                        types.put(name, aType);
                    }
                }
            }
        } catch (final IntrospectionException e) {
            logWarn(e);
        }
    }

    public Iterator<String> keyIterator() {
        return readMethods.keySet().iterator();
    }

    @SuppressWarnings({ "unchecked", "rawtypes" })

    @Override
    public Set<Object> keySet() {
        return Collections.unmodifiableSet((Set) readMethods.keySet());
    }

    protected void logInfo(final Exception ex) {
        System.out.println("INFO: Exception: " + ex);
    }

    protected void logWarn(final Exception ex) {
        System.out.println("WARN: Exception: " + ex);
        ex.printStackTrace();
    }

    @Override
    public Object put(final Object name, final Object value) throws IllegalArgumentException, ClassCastException {
        if (bean != null) {
            final Object oldValue = get(name);
            final Method method = getWriteMethod(name);
            if (method == null) {
                throw new IllegalArgumentException("The bean of type: " + bean.getClass().getName() + " has no property called: " + name);
            }
            try {
                final Object[] arguments = createWriteMethodArguments(method, value);
                method.invoke(bean, arguments);

                final Object newValue = get(name);
                firePropertyChange(name, oldValue, newValue);
            } catch (final InvocationTargetException | IllegalAccessException e) {
                throw new IllegalArgumentException(e.getMessage(), e);
            }
            return oldValue;
        }
        return null;
    }

    public void putAllWriteable(final BeanMap map) {
        for (final Object key : map.readMethods.keySet()) {
            if (getWriteMethod(key) != null) {
                put(key, map.get(key));
            }
        }
    }

    protected void reinitialise() {
        readMethods.clear();
        writeMethods.clear();
        types.clear();
        initialise();
    }

    public void setBean(final Object newBean) {
        bean = newBean;
        reinitialise();
    }

    @Override
    public int size() {
        return readMethods.size();
    }

    @Override
    public String toString() {
        return "BeanMap<" + String.valueOf(bean) + ">";
    }

    public Iterator<Object> valueIterator() {
        final Iterator<?> iter = keyIterator();
        return new Iterator<Object>() {
            @Override
            public boolean hasNext() {
                return iter.hasNext();
            }

            @Override
            public Object next() {
                final Object key = iter.next();
                return get(key);
            }

            @Override
            public void remove() {
                throw new UnsupportedOperationException("remove() not supported for BeanMap");
            }
        };
    }

    @Override
    public Collection<Object> values() {
        final ArrayList<Object> answer = new ArrayList<>(readMethods.size());
        for (final Iterator<Object> iter = valueIterator(); iter.hasNext();) {
            answer.add(iter.next());
        }
        return Collections.unmodifiableList(answer);
    }
}
