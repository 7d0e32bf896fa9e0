"""Random grasps near the visible surface: so that data holds failures of every kind."""

from dataclasses import dataclass
from itertools import islice

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from ddg_core.arrays import Array
from ddg_core.grasp import Grasp
from ddg_core.hand import Hand
from ddg_core.transforms import apply, compose
from ddg_sim.rollout.view import SceneView

KIND = "near_surface"
_TRIES = 8  # draws per grasp
_CLEARANCE = 0.012  # of the middle of a link, in [m]: about the radius of a finger


@dataclass(frozen=True)
class NearSurfaceSettings:
    """How random the grasps are.

    Attributes:
        depth: The centre of the grip lies this deep below the surface point, in [m].
        tilt: Standard deviation of the palm's tilt against the surface, in [rad].
        sideways: Standard deviation of the grip's shift along the palm, in [m].
        back_off: The pre-grasp is this far off along the palm's normal, in [m].
        preshape: Range of how far the fingers are closed on the way in, from open to closed.
        closing: Range of how far they close.
    """

    depth: tuple[float, float] = (0.0, 0.03)
    tilt: float = 0.35
    sideways: float = 0.01
    back_off: float = 0.08
    preshape: tuple[float, float] = (0.0, 0.25)
    closing: tuple[float, float] = (0.75, 1.0)


def near_surface(
    view: SceneView,
    hand: Hand,
    settings: NearSurfaceSettings,
    *,
    n: int,
    rng: np.random.Generator,
) -> list[Grasp]:
    """Draw up to `n` grasps whose palm faces a random visible point; none if nothing is visible.

    Those that would put a link below what the object stands on are drawn again.
    """
    image = view.image
    points = apply(image.T_base_camera, image.camera.deproject(image.depth, view.mask))
    if len(points) < 10:
        return []
    chosen = points[rng.integers(len(points), size=_TRIES * n)]
    normals = _normals(chosen, points, image.T_base_camera[:3, 3])
    drawn = (
        _grasp(point, normal, hand, settings, rng)
        for point, normal in zip(chosen, normals, strict=True)
    )
    clear = (grasp for grasp in drawn if _lowest(grasp, hand) > view.support_height + _CLEARANCE)
    return list(islice(clear, n))


def grip_centre(hand: Hand) -> Array:
    """Point in {wrist} that the hand closes around, shape (3,), in [m].

    It is midway between thumb tip and finger tips when half closed; tips are the last links of
    the lists in the hand's settings that have a shape.
    """
    joints = (hand.pose("open") + hand.pose("closed")) / 2
    places = dict(zip(hand.link_names, hand.link_poses(joints)[:, :3, 3], strict=True))
    parents = {joint.parent for joint in hand.tree.joints}
    sides = [
        np.mean([places[link] for link in links if link in places and link not in parents], axis=0)
        for links in (hand.settings.thumb_links, hand.settings.finger_links)
    ]
    centre: Array = (sides[0] + sides[1]) / 2
    return centre


def _grasp(
    point: Array, normal: Array, hand: Hand, settings: NearSurfaceSettings, rng: np.random.Generator
) -> Grasp:
    palm = np.asarray(hand.settings.palm_normal, float)
    turn, _ = Rotation.align_vectors(-normal[None], palm[None])
    roll = Rotation.from_rotvec(rng.uniform(-np.pi, np.pi) * normal)
    tilt = Rotation.from_rotvec(rng.normal(0.0, settings.tilt, 3))
    R = (tilt * roll * turn).as_matrix()
    shift = rng.normal(0.0, settings.sideways, 3)
    shift -= (shift @ normal) * normal
    target = point - rng.uniform(*settings.depth) * normal + shift
    at = compose(R, target - R @ grip_centre(hand))
    back = compose(R, at[:3, 3] - settings.back_off * R @ palm)
    rest, shut = hand.pose("open"), hand.pose("closed")
    pre = rest + rng.uniform(*settings.preshape) * (shut - rest)
    closed = rest + rng.uniform(*settings.closing) * (shut - rest)
    if "opposed" in hand.settings.poses:  # the thumb faces the fingers from the start
        ready = hand.pose("opposed")
        pre, closed = np.where(ready != 0.0, ready, pre), np.where(ready != 0.0, ready, closed)
    joints = np.stack([pre, pre, closed, closed + hand.settings.squeeze * (shut != rest)])
    return Grasp(np.stack([back, at, at, at]), hand.clip(joints), hand.name, KIND, 0.0)


def _normals(chosen: Array, points: Array, eye: Array) -> Array:
    """Normals (N, 3) at `chosen` from their neighbours, towards the eye."""
    _, rows = cKDTree(points).query(chosen, k=min(60, len(points)))
    patches = points[rows] - points[rows].mean(axis=1, keepdims=True)
    _, _, axes = np.linalg.svd(patches, full_matrices=False)
    normals: Array = axes[:, 2]
    towards = np.einsum("ni,ni->n", normals, eye - chosen)
    return normals * np.where(towards < 0.0, -1.0, 1.0)[:, None]


def _lowest(grasp: Grasp, hand: Hand) -> float:
    """Height of the lowest link's frame before the fingers close, in [m]."""
    links = hand.link_poses(grasp.joints[0])[:, :3, 3]
    return float(min(apply(T, links)[:, 2].min() for T in grasp.T_base_wrist[:2]))
