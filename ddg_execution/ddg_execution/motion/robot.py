"""The robot as motion planning sees it: an arm, a hand at its end, and what they may touch."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ddg_core.arrays import Array
from ddg_core.cell import CellSettings
from ddg_core.description import cell_srdf, cell_tree, load_hand
from ddg_core.errors import BadInput
from ddg_core.hand import HandSettings
from ddg_core.kinematics import KinematicTree
from ddg_core.shapes import Shape
from ddg_execution.motion.arm import Arm, arm_from_tree


@dataclass(frozen=True, eq=False)
class Robot:
    """Arm, hand and the fixed bodies of the cell that its URDF describes.

    Attributes:
        tree: The URDF's tree; its root is {base}.
        arm: The chain that carries the hand.
        wrist_link: The hand's mounting link, {wrist}.
        hand_joint_names: The D driven finger joints, in the hand's order.
        allowed: Pairs of links that may touch, from the SRDF.
        workspace: Corners of the box that {wrist} may not leave, shape (2, 3), in [m].
        home: Arm configuration to rest at, shape (A,), in [rad].
    """

    tree: KinematicTree
    arm: Arm
    wrist_link: str
    hand_joint_names: tuple[str, ...]
    allowed: frozenset[frozenset[str]]
    workspace: Array
    home: Array

    @cached_property
    def hand(self) -> KinematicTree:
        """The hand's part of the tree, from {wrist} outwards."""
        return self.tree.subtree(self.wrist_link)

    @cached_property
    def hand_limits(self) -> tuple[Array, Array, Array]:
        """Lower and upper position and largest speed per driven finger joint, each (D,)."""
        joints = [self.hand.joint(name) for name in self.hand_joint_names]
        return (
            np.array([j.lower for j in joints]),
            np.array([j.upper for j in joints]),
            np.array([j.velocity for j in joints]),
        )

    @cached_property
    def bodies(self) -> tuple[tuple[str, int, Shape, Array], ...]:
        """Every shape that is no part of the hand: link, number of arm joints before it, shape,
        and pose of the link in the frame of the last of them (in {base} if there is none).
        """  # noqa: D205  one sentence
        at_zero = self.tree.forward((), np.zeros(0))
        frames = self.arm.joint_frames(np.zeros(len(self.arm)))
        before = {self.tree.link_names[0]: 0}
        for joint in self.tree.joints:
            moves = joint.name in self.arm.joint_names
            before[joint.child] = before[joint.parent] + int(moves)
        found = []
        for i, link in enumerate(self.tree.link_names):
            if link in self.hand.link_names:
                continue
            n = before[link]
            T_joint_link = at_zero[i] if n == 0 else np.linalg.solve(frames[n - 1], at_zero[i])
            found += [(link, n, shape, T_joint_link) for shape in self.tree.shapes[link]]
        return tuple(found)

    def hand_bodies(self, joints: Array) -> tuple[tuple[str, Shape, Array], ...]:
        """Every shape of the hand with its link and `T_wrist_link`, at finger joints (D,)."""
        poses = self.hand.forward(self.hand_joint_names, joints)
        return tuple(
            (link, shape, poses[i])
            for i, link in enumerate(self.hand.link_names)
            for shape in self.hand.shapes[link]
        )

    def without_fingers(self) -> "Robot":
        """Return the same robot, but of the hand only what no finger joint moves has a shape."""
        rigid = {self.wrist_link}
        for joint in self.hand.joints:
            if joint.kind == "fixed" and joint.parent in rigid:
                rigid.add(joint.child)
        bare = set(self.hand.link_names) - rigid
        shapes = {n: () if n in bare else s for n, s in self.tree.shapes.items()}
        return replace(self, tree=replace(self.tree, shapes=shapes))


def make_robot(tree: KinematicTree, srdf: str, cell: CellSettings, hand: HandSettings) -> Robot:
    """Put the robot together from its URDF's tree, its SRDF's text and the settings.

    Raises:
        BadInput: The arm does not lead to the hand's wrist link, or the SRDF is none.
    """
    return Robot(
        tree=tree,
        arm=arm_from_tree(tree, cell.arm.joint_names, hand.wrist_link, cell.arm.max_acceleration),
        wrist_link=hand.wrist_link,
        hand_joint_names=hand.joint_names,
        allowed=allowed_pairs(srdf),
        workspace=np.array([cell.workspace_low, cell.workspace_high]),
        home=np.array(cell.arm.home),
    )


def robot_of_cell(cell: CellSettings) -> Robot:
    """Read the descriptions that the cell names; BadInput or UnknownName if they do not fit."""
    return make_robot(cell_tree(cell), cell_srdf(cell), cell, load_hand(cell.hand).settings)


def allowed_pairs(srdf: str) -> frozenset[frozenset[str]]:
    """Pairs of links whose collisions an SRDF disables.

    Raises:
        BadInput: Not an SRDF.
    """
    try:
        robot = ET.fromstring(srdf)
    except ET.ParseError as error:
        raise BadInput(f"not an SRDF: {error}") from error
    return frozenset(
        frozenset((node.attrib["link1"], node.attrib["link2"]))
        for node in robot.iter("disable_collisions")
    )
