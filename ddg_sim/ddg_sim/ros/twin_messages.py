"""The twin's values as messages."""

from typing import Any

from ddg_interfaces.msg import Contact, Contacts, Held, WorldState
from geometry_msgs.msg import PoseStamped, Vector3
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState as JointStateMsg
from std_msgs.msg import Header

from ddg_core.arrays import Array
from ddg_core.errors import BadInput
from ddg_core.ros.convert import point_to_msg, pose_from_msg, pose_to_msg, stamp_to_msg
from ddg_sim.objects.load import load_object
from ddg_sim.twin.spawn import SpawnRequest
from ddg_sim.twin.truth import Hold, Touch
from ddg_sim.twin.twin import JointState, Spawned


def clock_to_msg(time: float) -> Clock:
    """Pack simulated time in [s]."""
    return Clock(clock=stamp_to_msg(time))


def joints_to_msg(state: JointState, header: Header) -> JointStateMsg:
    """Pack the state of all moving joints."""
    return JointStateMsg(
        header=header,
        name=list(state.names),
        position=state.position.tolist(),
        velocity=state.velocity.tolist(),
        effort=state.effort.tolist(),
    )


def world_to_msg(model: str, qpos: Array, header: Header) -> WorldState:
    """Pack what the camera draws; `model` is the path of the compiled model."""
    return WorldState(header=header, model=model, qpos=qpos.tolist())


def object_to_msg(T_base_object: Array, header: Header) -> PoseStamped:
    """Pack the object's pose (4, 4)."""
    return PoseStamped(header=header, pose=pose_to_msg(T_base_object))


def object_from_msg(message: PoseStamped, frame: str) -> Array:
    """Where the object is to be put, shape (4, 4); BadInput if that is not told in `frame`."""
    if message.header.frame_id != frame:
        raise BadInput(f"pose in frame {message.header.frame_id!r}, must be in {frame!r}")
    return pose_from_msg(message.pose)


def contacts_to_msg(name: str, touches: list[Touch], header: Header) -> Contacts:
    """Pack all contacts of the object `name`."""
    message = Contacts(header=header, object=name)
    for touch in touches:
        x, y, z = map(float, touch.normal)
        message.contacts.append(
            Contact(
                body_a=touch.body_a,
                body_b=touch.body_b,
                position=point_to_msg(touch.position),
                normal=Vector3(x=x, y=y, z=z),
                force=touch.force,
                friction=touch.friction,
            )
        )
    return message


def hold_to_msg(name: str, hold: Hold, header: Header) -> Held:
    """Pack whether the hand carries the object `name`."""
    return Held(
        header=header,
        object=name,
        held=hold.held,
        hand_links=list(hold.links),
        others=list(hold.others),
        height=hold.height,
        moved=hold.moved,
        turned=hold.turned,
    )


def spawn_request_from_msg(request: Any) -> SpawnRequest:
    """Read a request to spawn an object, and load the object.

    Raises:
        BadInput: No such object, not a pose, or no such mass or friction.
    """
    for key in ("mass", "friction"):
        if not 0.0 <= getattr(request, key) < 100.0:
            raise BadInput(f"{key} must be in [0, 100), got {getattr(request, key)}")
    orientation = request.pose.orientation
    given = any((orientation.x, orientation.y, orientation.z, orientation.w))
    # The message's default orientation is w = 1: a pose left alone lies at the base, in the robot.
    position = request.pose.position
    given = given and any((position.x, position.y, position.z))
    return SpawnRequest(
        load_object(request.object),
        int(request.seed),
        pose_from_msg(request.pose) if given else None,
        request.mass or None,
        request.friction or None,
    )


def spawned_to_msg(spawned: Spawned, response: Any) -> Any:
    """Fill in the answer to a request to spawn."""
    placed = spawned.placement.placed
    response.object = placed.item.name
    response.pose = pose_to_msg(spawned.T_base_object)
    response.mass, response.friction = float(spawned.mass), float(placed.friction)
    return response
