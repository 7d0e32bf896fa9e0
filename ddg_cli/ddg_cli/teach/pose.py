"""Where to put the hand: thumb and fingertips on both sides of what they take."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from ddg_cli.teach.plans import Plan
from ddg_core.arrays import Array
from ddg_core.grasp import Grasp
from ddg_core.hand import Hand
from ddg_core.shapes import Capsule
from ddg_core.transforms import compose
from ddg_sim.objects.sim_object import SimObject

BACK = 0.09  # the pre-grasp is this far back along the approach, in [m]
STEPS = np.linspace(0.0, 1.0, 41)


@dataclass(frozen=True, eq=False)
class Trial:
    """One way to take the object.

    Attributes:
        T_object_wrist: Wrist pose at the grasp, shape (4, 4).
        start, end: Joints when the closing starts and where it aims, shape (D,), in [rad].
        approach: Direction of the approach in the object's frame, shape (3,).
    """

    T_object_wrist: Array
    start: Array
    end: Array
    approach: Array

    def moved(self, shift: Array) -> "Trial":
        """The same a little off, by `shift` (3,) in [m]."""
        T = self.T_object_wrist.copy()
        T[:3, 3] += shift
        return Trial(T, self.start, self.end, self.approach)

    def grasp(self, kind: str, hand: str, T_base_object: Array) -> Grasp:
        """The motion at an object's pose."""
        T = T_base_object @ self.T_object_wrist
        before = T.copy()
        before[:3, 3] -= BACK * T_base_object[:3, :3] @ self.approach
        joints = np.stack([self.start, self.start, (self.start + self.end) / 2, self.end])
        return Grasp(np.stack([before, T, T, T]), joints, hand, kind, 0.0)


def draw(plan: Plan, item: SimObject, hand: Hand, rng: np.random.Generator) -> Trial:
    """Draw a way to take the object: the closing axis through it, the palm behind."""
    start, end = _shaped(plan, hand, rng)
    thumb, fingers = fingertips(hand, plan, (1 - STEPS)[:, None] * start + STEPS[:, None] * end)
    gap = np.linalg.norm(fingers - thumb, axis=1)
    wanted = plan.width + 0.016 + rng.uniform(-0.004, 0.008)  # two fingertips' radii, and play
    fits = np.flatnonzero(gap < wanted)
    at = int(fits[0]) if len(fits) else int(np.argmin(gap))
    opened = STEPS[max(0, at - int(rng.integers(6, 14)))]
    axis = (fingers[at] - thumb[at]) / gap[at]
    into = np.array([0.0, 1.0, 0.35 + rng.uniform(-0.3, 0.5)])  # out of the palm, to the fingertips
    into = into - axis * (into @ axis)
    R_hand = _frame(axis, into)
    approach, along = _approach(plan, rng)
    R = _frame(along, approach) @ R_hand.T
    R = R @ Rotation.from_rotvec(np.radians(6.0) * rng.standard_normal(3)).as_matrix()
    hold = np.array([0.0, 0.0, item.vertices[:, 2].max() - rng.uniform(*plan.below)])
    hold = hold + 0.004 * rng.standard_normal(3) + plan.off * along * rng.choice([-1, 1])
    middle = (fingers[at] + thumb[at]) / 2
    return Trial(compose(R, hold - R @ middle), (1 - opened) * start + opened * end, end, approach)


def fingertips(hand: Hand, plan: Plan, joints: Array) -> tuple[Array, Array]:
    """Tip of the thumb and mean tip of the fingers (S, 3) in {wrist} for joints (S, D)."""
    poses = hand.link_poses(joints)

    def tip(link: str) -> Array:
        index = hand.link_names.index(link)
        capsules = [s for i, s in hand.surfaces if i == index and isinstance(s, Capsule)]
        point = max((c.b for c in capsules), key=lambda b: float(b[0]))
        at: Array = poses[:, index, :3, :3] @ point + poses[:, index, :3, 3]
        return at

    tips: Array = np.mean([tip(link) for link in plan.shaping.fingers], axis=0)
    return tip(plan.shaping.thumb), tips


def _shaped(plan: Plan, hand: Hand, rng: np.random.Generator) -> tuple[Array, Array]:
    """Open and closed joints, varied; opposition and spread are the same in both."""
    start = np.array([plan.shaping.start[name] for name in hand.joint_names])
    end = np.array([plan.shaping.end[name] for name in hand.joint_names])
    column = hand.joint_names.index
    for name, low, high in (("Thumb_Opposition", -0.25, 0.05), ("Finger_Spread", -0.05, 0.15)):
        start[column(name)] = end[column(name)] = start[column(name)] + rng.uniform(low, high)
    for part, low, high in (("Proximal", -0.05, 0.2), ("Distal", -0.1, 0.4)):
        columns = [i for i, name in enumerate(hand.joint_names) if name.endswith(part)]
        start[columns] += rng.uniform(low, high)
    start = hand.clip(start)
    return start, hand.clip(np.maximum(start, end))


def _approach(plan: Plan, rng: np.random.Generator) -> tuple[Array, Array]:
    """Direction of the approach and, level and at right angles to it, the closing axis."""
    elevation, up = rng.uniform(*plan.elevation), np.array([0.0, 0.0, 1.0])
    yaw = rng.uniform(-np.pi / 2, np.pi / 2) if plan.side else rng.uniform(-np.pi, np.pi)
    if plan.across:
        yaw = np.radians(rng.uniform(-12.0, 12.0)) + np.pi * rng.integers(2)
    ahead = np.array([np.cos(yaw), np.sin(yaw), 0.0]) * (1.0 if plan.side else rng.choice([-1, 1]))
    along = np.cross(up, ahead) * rng.choice([-1, 1])
    return np.cos(elevation) * ahead - np.sin(elevation) * up, along


def _frame(x: Array, z: Array) -> Array:
    x, z = x / np.linalg.norm(x), z / np.linalg.norm(z)
    return np.stack([x, np.cross(z, x), z], axis=1)
