"""Message definitions as text, parts of actions too, so that a bag explains itself."""

import re
from functools import cache
from threading import Lock
from typing import Any

from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from ddg_core.description import package_folder
from ddg_core.errors import BadInput

_RULER = re.compile(r"^---\s*$", re.MULTILINE)
_BARE = re.compile(r"^([A-Z]\w*)(?=[\s\[<])", re.MULTILINE)
_PARTS = ("Goal", "Result", "Feedback")
_REGISTERING = Lock()  # a type is known before its parts are, and topics are heard at the same time


@cache
def typestore() -> Typestore:
    """The types of ROS 2 Jazzy; `register` adds those of other packages."""
    return get_typestore(Stores.ROS2_JAZZY)


def register(type_name: str) -> str:
    """Make sure that the type store knows `package/kind/Type` and all that it is made of.

    Returns:
        The name that it goes by in a bag. A part of an action becomes a message, since readers
        take no other names: `package/action/Fly_Goal` becomes `package/msg/FlyGoal`.

    Raises:
        BadInput: There is no such type.
    """
    store = typestore()
    waiting = [type_name]
    with _REGISTERING:
        while waiting:
            name = waiting.pop()
            if _message_name(name) in store.types:
                continue
            types = get_types_from_msg(definition(name), _message_name(name))
            store.register(types)
            waiting.extend(part for _, fields in types.values() for part in _parts_of(fields))
    return _message_name(type_name)


def trimmed(type_name: str, data: bytes) -> bytes:
    """Cut off what `rclpy.serialization.serialize_message` leaves behind the message's end.

    It hands out its whole buffer; readers that check sizes refuse the surplus.
    """
    kind = typestore().get_msgdef(register(type_name))
    read = kind.deserialize_cdr_le if data[1] else kind.deserialize_cdr_be
    _, end = read(data[4:], 0, kind.cls, typestore())
    return data[: end + 4]


def _message_name(type_name: str) -> str:
    package, kind, name = type_name.split("/")
    return f"{package}/msg/{name.replace('_', '')}" if kind == "action" else type_name


def definition(type_name: str) -> str:
    """Text of a message, of a part of an action, or of an action's feedback message.

    Raises:
        BadInput: No such package or type.
    """
    package, kind, name = type_name.split("/")
    if name.endswith("_FeedbackMessage"):
        # Flat, because readers know nested messages only; on the wire it is the same.
        inner = definition(type_name.removesuffix("Message"))
        return f"unique_identifier_msgs/UUID goal_id\n{inner}"
    stem, _, part = name.rpartition("_") if kind == "action" else (name, "", "")
    path = package_folder(package) / kind / f"{stem}.{kind}"
    if kind == "action" and part not in _PARTS:
        raise BadInput(f"{type_name}: parts of an action are {', '.join(_PARTS)}")
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{type_name}: no definition ({path}: {error.strerror})") from error
    if kind != "action":
        return text
    # A name without its package means a message of the same package, also in an action.
    return _BARE.sub(rf"{package}/\1", _RULER.split(text)[_PARTS.index(part)])


def _parts_of(fields: Any) -> list[str]:
    """Full names of the message types in a parsed field list, however deep in arrays."""
    if isinstance(fields, tuple) and len(fields) == 2 and fields[0] == Nodetype.NAME:
        return [fields[1]]
    if isinstance(fields, tuple | list):
        return [name for item in fields for name in _parts_of(item)]
    return []
