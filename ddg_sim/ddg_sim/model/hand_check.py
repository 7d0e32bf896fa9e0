"""Whether a hand's URDF and YAML fit together and do what a hand must, in figures."""

from dataclasses import dataclass

import mujoco
import numpy as np
import trimesh

from ddg_core.arrays import Array
from ddg_core.hand import Hand
from ddg_core.kinematics import MOVING
from ddg_core.shapes import Box, Capsule, Shape
from ddg_core.transforms import apply, compose
from ddg_sim.model.build import floating_hand
from ddg_sim.model.objects import PlacedObject
from ddg_sim.objects.assemble import assemble

COUPLING_TOLERANCE = 1e-3  # rad that a coupling may exceed its child's limit: printed figures round


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, whether it is right, and the figure."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, eq=False)
class Demonstration:
    """A ball grasped without gravity: what pre-grasp, grasp and squeeze look like.

    Attributes:
        pregrasp, grasp, squeeze: Driven joints, shape (D,): open; where the fingers came to rest
            on the ball; and commanded `squeeze` deeper.
        T_wrist_ball: Pose of the ball in the wrist frame at the end, shape (4, 4).
        radius: Of the ball, in [m].
        carriers: Links that press on the ball at the end.
    """

    pregrasp: Array
    grasp: Array
    squeeze: Array
    T_wrist_ball: Array
    radius: float
    carriers: tuple[str, ...]


def check_hand(hand: Hand, demonstration: Demonstration) -> list[Finding]:
    """Check limits, couplings, poses, self-collision, closing direction, opposition, the grasp."""
    return [
        *_limits(hand),
        *_couplings(hand),
        *_contacts(hand),
        *_closing(hand),
        _opposition(hand),
        _grasp(hand, demonstration),
    ]


def fingertips(hand: Hand) -> dict[str, Shape]:
    """The last link of every finger and thumb, with the shape farthest from its joint."""
    inner: set[str] = set()
    for joint in reversed(hand.tree.joints):  # children before parents
        if hand.tree.shapes[joint.child] or joint.child in inner:
            inner.add(joint.parent)
    digits = (*hand.settings.thumb_links, *hand.settings.finger_links)
    return {
        link: max(hand.tree.shapes[link], key=lambda shape: np.linalg.norm(middle(shape)))
        for link in digits
        if link not in inner and hand.tree.shapes[link]
    }


def middle(shape: Shape) -> Array:
    """Centre of a capsule's far end, or of a box, shape (3,), in its link's frame."""
    if isinstance(shape, Capsule):
        far: Array = max(shape.a, shape.b, key=np.linalg.norm)
        return far
    centre: Array = shape.bounds().mean(axis=0)
    return centre


def radius(shape: Shape) -> float:
    """Radius of a capsule, or half the least size of a box, in [m]."""
    if isinstance(shape, Capsule):
        return shape.radius
    if isinstance(shape, Box):
        return float(shape.half.min())
    return float(np.ptp(shape.bounds(), axis=0).min() / 2)


def tip_points(hand: Hand, joints: Array) -> dict[str, Array]:
    """Points (..., 3) at the fingertips in the wrist frame for driven joints (..., D)."""
    poses = hand.link_poses(joints)
    return {
        link: apply(poses[..., hand.link_names.index(link), :, :], middle(shape)[None])[..., 0, :]
        for link, shape in fingertips(hand).items()
    }


def hand_reach(hand: Hand) -> float:
    """Distance of the farthest fingertip of the open hand from the wrist, in [m]."""
    return max(float(np.linalg.norm(p)) for p in tip_points(hand, hand.pose("open")).values())


def demonstrate(hand: Hand) -> Demonstration:
    """Close a hand around a weightless ball, a fifth of its reach in radius, at its fingertips."""
    ball_radius = 0.195 * hand_reach(hand)
    closed, pregrasp = hand.pose("closed"), hand.pose("open")
    tips = tip_points(hand, closed)
    thumb = [p for link, p in tips.items() if link in hand.settings.thumb_links]
    rest = [p for link, p in tips.items() if link not in hand.settings.thumb_links]
    centre = (np.mean(thumb or rest, axis=0) + np.mean(rest, axis=0)) / 2
    mesh = trimesh.creation.icosphere(2, ball_radius)
    ball = assemble("ball", mesh, [np.array(mesh.vertices)], 0.1)
    placed = PlacedObject(ball, compose(np.eye(3), centre))
    world = floating_hand(hand, [placed], statics={})
    world.model.opt.gravity[:] = 0.0
    data = mujoco.MjData(world.model)
    world.set_wrist(data, np.eye(4))
    world.set_hand(data, pregrasp)
    deeper = hand.clip(closed + hand.settings.squeeze * np.sign(closed - pregrasp))
    for share in np.linspace(0.0, 1.0, 750):
        data.ctrl[world.hand_ctrl] = pregrasp + share * (deeper - pregrasp)
        mujoco.mj_step(world.model, data)
    mujoco.mj_step(world.model, data, nstep=250)
    grasp = data.qpos[world.hand_qpos].copy()
    squeeze = hand.clip(grasp + hand.settings.squeeze * np.sign(deeper - pregrasp))
    T_wrist_ball = world.pose(data, "object")
    return Demonstration(
        pregrasp, grasp, squeeze, T_wrist_ball, ball_radius, _touching(world.model, data, "object")
    )


def _touching(model: mujoco.MjModel, data: mujoco.MjData, name: str) -> tuple[str, ...]:
    pairs = [[model.body(b).name for b in model.geom_bodyid[pair]] for pair in data.contact.geom]
    return tuple(sorted({other for a, b in pairs for other in (a, b) if name in (a, b)} - {name}))


def _limits(hand: Hand) -> list[Finding]:
    span = hand.limits[:, 1] - hand.limits[:, 0]
    bad = [n for n, s in zip(hand.joint_names, span, strict=True) if not 0.0 < s < 2 * np.pi]
    outside = [
        f"{pose}: {name}"
        for pose, values in hand.settings.poses.items()
        for name, q, (low, high) in zip(hand.joint_names, values, hand.limits, strict=True)
        if not low - 1e-9 <= q <= high + 1e-9
    ]
    weak = [
        n for n, f in zip(hand.joint_names, hand.settings.max_effort, strict=True) if not f > 0.0
    ]
    return [
        Finding("limits", not bad, _list("driven joints without a range", bad)),
        Finding("poses within limits", not outside, _list("outside", outside)),
        Finding("force limits", not weak, _list("driven joints without force", weak)),
    ]


def _couplings(hand: Hand) -> list[Finding]:
    coupled = [j for j in hand.tree.joints if j.kind in MOVING and j.mimic is not None]
    corners = np.stack([hand.expand(hand.limits[:, i]) for i in (0, 1)])
    worst, culprit = 0.0, ""
    for joint in coupled:
        reached = corners[:, hand.moving_joint_names.index(joint.name)]
        excess = max(joint.lower - reached.min(), reached.max() - joint.upper)
        if excess > worst:
            worst, culprit = float(excess), joint.name
    detail = f"{len(coupled)} coupled joints, at most {worst:.5f} rad beyond a limit"
    return [
        Finding("couplings", worst < COUPLING_TOLERANCE, detail + (culprit and f" ({culprit})"))
    ]


def _contacts(hand: Hand) -> list[Finding]:
    world = floating_hand(hand, statics={})
    data = mujoco.MjData(world.model)
    touching = []
    for pose in hand.settings.poses:
        world.set_hand(data, hand.pose(pose))
        mujoco.mj_forward(world.model, data)
        names = {world.model.body(b).name for b in world.model.geom_bodyid[data.contact.geom].flat}
        touching += [f"{pose}: {'-'.join(sorted(names))}"] if names else []
    return [Finding("no self-collision in named poses", not touching, _list("touching", touching))]


def _closing(hand: Hand) -> list[Finding]:
    start, end = tip_points(hand, hand.pose("open")), tip_points(hand, hand.pose("closed"))
    thumbs = [link for link in start if link in hand.settings.thumb_links]
    fingers = [link for link in start if link not in thumbs]
    along = {k: float((end[k] - start[k]) @ hand.settings.palm_normal) for k in fingers}
    nearer = {
        k: max(
            float(np.linalg.norm(start[k] - start[t]) - np.linalg.norm(end[k] - end[t]))
            for t in thumbs
        )
        for k in fingers
        if thumbs
    }
    detail = ", ".join(
        f"{k} {1e3 * along[k]:+.0f} mm out, {1e3 * nearer.get(k, 0.0):+.0f} mm to the thumb"
        for k in fingers
    )
    ok = all(along[k] > 0.0 or (abs(along[k]) < 1e-3 and nearer.get(k, 0.0) > 0.0) for k in fingers)
    return [Finding("fingers close out of the palm, or flat on the thumb", ok, detail)]


def _opposition(hand: Hand, samples: int = 4000) -> Finding:
    rng = np.random.default_rng(0)
    low, high = hand.limits.T
    points = tip_points(hand, rng.uniform(low, high, (samples, len(low))))
    radii = {link: radius(shape) for link, shape in fingertips(hand).items()}
    thumbs = [link for link in points if link in hand.settings.thumb_links]
    gaps = {
        link: min(
            float(np.linalg.norm(points[link] - points[t], axis=-1).min()) - radii[link] - radii[t]
            for t in thumbs
        )
        for link in points
        if link not in thumbs and thumbs
    }
    detail = ", ".join(f"{link} {1e3 * max(gap, 0.0):.0f} mm" for link, gap in gaps.items())
    reached = any(gap < 1e-3 for gap in gaps.values()) if thumbs else True
    return Finding("the thumb meets fingertips (least gap)", reached, detail or "no thumb")


def _grasp(hand: Hand, demonstration: Demonstration) -> Finding:
    carriers = set(demonstration.carriers)
    against = {*hand.settings.thumb_links, *hand.settings.palm_links}
    held = bool(carriers & against) and len(carriers) >= 2
    detail = f"carried by {', '.join(demonstration.carriers) or 'nothing'}"
    return Finding("holds a weightless ball", held, detail)


def _list(what: str, culprits: list[str]) -> str:
    return f"{what}: {', '.join(culprits) if culprits else 'none'}"
