"""May somebody be in a group whose join cannot be seen: a base outside the project, a list that is made at run time?"""

from __future__ import annotations

from collections.abc import Iterator

from wslint.facts import model as m
from wslint.facts.walk import below, within
from wslint.stack.code.classes import Class
from wslint.stack.code.lists import Lists
from wslint.stack.groups.groups import Groups
from wslint.stack.model import Consumer, Mounted, Stack, is_test_path


def sees_every_join(stack: Stack, groups: Groups) -> bool:
    """Is every join of the project one that is read, and every consumer of it the project's own?"""
    consumers = [consumer for consumer in stack.consumers if not consumer.in_tests]
    return (
        bool(consumers)
        and not any(consumer.vendored or not consumer.complete for consumer in consumers)
        and not any(isinstance(mount.leaf, Mounted) and mount.leaf.cls is None for mount in stack.mounts)
        and not any(member.pattern.unknown for member in groups.memberships)
        and not any(changes_groups(consumer.cls) for consumer in consumers)
        and all(_lists_groups(stack, consumer) for consumer in consumers)
        and not groups.has_listeners
        and not any(_other_joins(stack))
    )


def changes_groups(cls: Class) -> bool:
    """Does a consumer make or change the list of its groups itself (`self.groups.append(name)`)?"""
    return any(
        isinstance(node, m.Attribute)
        and node.attr == "groups"
        and isinstance(node.value, m.Name)
        and node.value.id in (param.name for param in method.node.params[:1])
        for method in cls.methods.values()
        for node in within(method.node.body)
    )


def _lists_groups(stack: Stack, consumer: Consumer) -> bool:
    """Can the class attribute `groups` be read to the end?"""
    for cls in consumer.cls.ancestry:
        if "groups" in cls.scope_inside.bindings:
            return all(
                isinstance(binding.source, m.Assign)
                and binding.value is not None
                and Lists(stack.values).of(binding.value, cls.frame).complete
                for binding in cls.scope_inside.reaching("groups")
            )
    return True


def _other_joins(stack: Stack) -> Iterator[m.Attribute]:
    """`x.group_add` of which it is not known that x is a channel layer, or which is kept to be called elsewhere."""
    read = {id(node) for join in stack.joins for node in within((join.call.func,))}
    for path, file in stack.files.items():
        for statement in () if is_test_path(path) else file.body:
            for node in below(statement):
                if isinstance(node, m.Attribute) and node.attr == "group_add" and id(node) not in read:
                    yield node
