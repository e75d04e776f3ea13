/*
 * Licensed to the Apache Software Foundation (ASF) under one or more
 * contributor license agreements.  See the NOTICE file distributed with
 * this work for additional information regarding copyright ownership.
 * The ASF licenses this file to You under the Apache License, Version 2.0
 * (the "License"); you may not use this file except in compliance with
 * the License.  You may obtain a copy of the License at
 *
 *     https://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */
package org.apache.commons.configuration2.tree;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Map.Entry;
import java.util.stream.Collectors;

final class TreeData extends AbstractImmutableNodeHandler implements ReferenceNodeHandler {
    private static ImmutableNode handleReplacements(final ImmutableNode replace, final Map<ImmutableNode, ImmutableNode> mapping) {
        ImmutableNode node = replace;
        ImmutableNode org;
        do {
            org = mapping.get(node);
            if (org != null) {
                node = org;
            }
        } while (org != null);
        return node;
    }

    private final ImmutableNode root;

    private final Map<ImmutableNode, ImmutableNode> parentMapping;

    private final Map<ImmutableNode, ImmutableNode> replacementMapping;

    private final Map<ImmutableNode, ImmutableNode> inverseReplacementMapping;

    private final NodeTracker nodeTracker;

    private final ReferenceTracker referenceTracker;

    public TreeData(final ImmutableNode root, final Map<ImmutableNode, ImmutableNode> parentMapping, final Map<ImmutableNode, ImmutableNode> replacements,
        final NodeTracker tracker, final ReferenceTracker refTracker) {
        this.root = root;
        this.parentMapping = parentMapping;
        replacementMapping = replacements;
        inverseReplacementMapping = createInverseMapping(replacements);
        nodeTracker = tracker;
        referenceTracker = refTracker;
    }

    public Map<ImmutableNode, ImmutableNode> copyParentMapping() {
        return new HashMap<>(parentMapping);
    }

    public Map<ImmutableNode, ImmutableNode> copyReplacementMapping() {
        return new HashMap<>(replacementMapping);
    }

    private Map<ImmutableNode, ImmutableNode> createInverseMapping(final Map<ImmutableNode, ImmutableNode> replacements) {
        return replacements.entrySet().stream().collect(Collectors.toMap(Entry::getValue, Entry::getKey));
    }

    public NodeTracker getNodeTracker() {
        return nodeTracker;
    }

    @Override
    public ImmutableNode getParent(final ImmutableNode node) {
        if (node == getRootNode()) {
            return null;
        }
        final ImmutableNode org = handleReplacements(node, inverseReplacementMapping);

        final ImmutableNode parent = parentMapping.get(org);
        if (parent == null) {
            throw new IllegalArgumentException("Cannot determine parent! " + node + " is not part of this model.");
        }
        return handleReplacements(parent, replacementMapping);
    }

    @Override
    public Object getReference(final ImmutableNode node) {
        return getReferenceTracker().getReference(node);
    }

    public ReferenceTracker getReferenceTracker() {
        return referenceTracker;
    }

    @Override
    public ImmutableNode getRootNode() {
        return root;
    }

    @Override
    public List<Object> removedReferences() {
        return getReferenceTracker().getRemovedReferences();
    }

    public TreeData updateNodeTracker(final NodeTracker newTracker) {
        return new TreeData(root, parentMapping, replacementMapping, newTracker, referenceTracker);
    }

    public TreeData updateReferenceTracker(final ReferenceTracker newTracker) {
        return new TreeData(root, parentMapping, replacementMapping, nodeTracker, newTracker);
    }
}
