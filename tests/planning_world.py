"""Objects, views and a demonstration for the tests of ddg_planning; all analytic, no simulator."""

import numpy as np
import torch

from ddg_core.arrays import Array
from ddg_core.description import load_hand
from ddg_core.hand import Hand
from ddg_core.transforms import compose, quaternion
from ddg_core.view import FeatureCloud, ObjectView, Plane
from ddg_planning.generate.closing import ClosingSettings, close
from ddg_planning.generate.demonstration import Demonstration
from ddg_planning.generate.hand_model import HandModel
from ddg_planning.generate.object_model import ObjectSettings, model_object
from ddg_planning.generate.solid import Solid, SolidSettings
from ddg_planning.generate.transfer import Candidates

TABLE = Plane(np.array([0.0, 0.0, 1.0]), 0.0)
EYE = np.array([0.80, 0.45, 0.58])


def svh() -> Hand:
    return load_hand("svh")


def tube(radius: float = 0.03, height: float = 0.14, spacing: float = 0.003) -> FeatureCloud:
    """An upright cylinder on the table at (0.55, 0), side and lid."""
    z = np.arange(spacing / 2, height, spacing)
    phi = np.arange(0.0, 2 * np.pi, spacing / radius)
    phi, z = (a.ravel() for a in np.meshgrid(phi, z))
    normal = np.stack([np.cos(phi), np.sin(phi), 0 * phi], axis=1)
    around = np.stack([-np.sin(phi), np.cos(phi), 0 * phi], axis=1)
    side = radius * normal + np.outer(z, [0, 0, 1])
    frames = np.stack([around, np.cross(normal, around), normal], axis=-1)
    grid = np.arange(-radius, radius, spacing)
    x, y = (a.ravel() for a in np.meshgrid(grid, grid))
    inside = np.hypot(x, y) < radius - spacing / 2
    lid = np.stack([x, y, np.full_like(x, height)], axis=1)[inside]
    curvatures = np.concatenate(
        [np.tile([1 / radius, 0.0], (len(side), 1)), np.zeros((len(lid), 2))]
    )
    return FeatureCloud(
        np.concatenate([side, lid]) + np.array([0.55, 0.0, 0.0]),
        np.concatenate([frames, np.tile(np.eye(3), (len(lid), 1, 1))]),
        curvatures,
    )


def seen(cloud: FeatureCloud, eye: Array = EYE) -> FeatureCloud:
    """The points of a convex object that face the viewpoint."""
    to_eye = eye - cloud.points
    cosine = (cloud.normals * to_eye).sum(axis=1) / np.linalg.norm(to_eye, axis=1)
    keep = cosine > 0.15
    return FeatureCloud(cloud.points[keep], cloud.frames[keep], cloud.curvatures[keep])


def view_of(cloud: FeatureCloud, eye: Array = EYE) -> ObjectView:
    return ObjectView(cloud, eye, TABLE)


def turned(cloud: FeatureCloud, T: Array) -> FeatureCloud:
    """The cloud moved by a rigid transform (4, 4)."""
    R = T[:3, :3]
    return FeatureCloud(cloud.points @ R.T + T[:3, 3], R @ cloud.frames, cloud.curvatures)


def wrap(cloud: FeatureCloud, hand: Hand) -> Demonstration:
    """A power grasp around the tube from the robot's side, closed by geometry alone."""
    start = np.array([0.05, 0.9, 0.05, 0.05, 0.05, 0.05, 0.1, 0.1, 0.1])
    grip = np.array([0.75, 0.9, 1.0, 0.75, 1.0, 0.75, 0.9, 0.9, 0.1])
    slant = np.radians(40.0)
    approach_in_hand = np.array([0.0, np.sin(slant), np.cos(slant)])
    R_hand = np.stack([np.eye(3)[0], np.cross(approach_in_hand, np.eye(3)[0]), approach_in_hand], 1)
    R_world = np.array([[0.0, 0.0, 1.0], [0.0, -1.0, 0.0], [1.0, 0.0, 0.0]])
    R = R_world @ R_hand.T  # across the hand = up, approach = +x
    T = compose(R, np.array([0.55, 0.0, 0.08]) - R @ [0.0, 0.06, 0.125])
    before = T.copy()
    before[0, 3] -= 0.1
    model = HandModel(hand)
    target = model_object(view_of(cloud), ObjectSettings(), rng=np.random.default_rng(0))
    solid = Solid(view_of(cloud), target, SolidSettings())
    as_tensor = lambda x: torch.as_tensor(np.asarray(x)[None], dtype=model.dtype)  # noqa: E731
    state = Candidates(as_tensor(T[:3, 3]), as_tensor(quaternion(T)), as_tensor(start))
    closed = close(state, as_tensor(start), as_tensor(grip), model, solid, ClosingSettings())
    rest = hand.clip(closed.joints[0].double().numpy())
    return Demonstration(
        kind="wrap",
        hand=hand.name,
        joint_names=hand.joint_names,
        cloud=cloud,
        T_base_wrist=np.stack([before, T, T, T]),
        joints=np.stack([start, start, rest, hand.clip(rest + 0.25)]),
        provenance={"made_by": "closing by geometry", "object": "tube"},
    )
