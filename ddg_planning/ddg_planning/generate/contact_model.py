"""Contact models: where a link stands relative to the surface features that it touches."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ddg_core.arrays import Array, frozen_array
from ddg_core.hand import Hand
from ddg_core.transforms import apply, compose, from_xyz_quaternion, inverse, quaternion
from ddg_core.view import FeatureCloud


@dataclass(frozen=True)
class ContactSettings:
    """Which surface points belong to a contact, equation (4).

    Attributes:
        finger_radius: delta of finger and thumb links, in [m].
        palm_radius: delta of palm links, in [m].
        decay: lambda, in [1/m^2].
        facing: Least cosine between a point's normal and its direction to the link.
        points: Fewest points that make a contact.
        kernels: Most kernels kept per link; more are thinned evenly by weight.
    """

    finger_radius: float = 0.01
    palm_radius: float = 0.015
    decay: float = 1e4
    facing: float = 0.3
    points: int = 12
    kernels: int = 120

    def __post_init__(self) -> None:
        """Refuse what can never find a contact."""
        if min(self.finger_radius, self.palm_radius) <= 0.0 or self.decay < 0.0:
            raise ValueError("finger_radius and palm_radius must be positive, decay not negative")
        if self.points < 1 or self.kernels < self.points:
            raise ValueError(f"needs 1 <= points <= kernels, got {self.points}, {self.kernels}")


@dataclass(frozen=True, eq=False)
class ContactModel:
    """The density M_i(u, r) of equation (3) for one link, by its M kernels.

    Attributes:
        link: Name of the link.
        positions: Link positions in the frame of the feature, shape (M, 3), in [m].
        quaternions: Link orientations in that frame, x, y, z, w, shape (M, 4).
        curvatures: Principal curvatures of the feature, shape (M, 2), in [1/m].
        weights: Kernel weights, shape (M,), sum 1.
    """

    link: str
    positions: Array
    quaternions: Array
    curvatures: Array
    weights: Array

    def __post_init__(self) -> None:
        """Check and freeze the arrays."""
        m = len(self.weights)
        for name, shape in (("positions", (m, 3)), ("quaternions", (m, 4)), ("curvatures", (m, 2))):
            array = frozen_array(f"contact {self.link!r}: {name}", getattr(self, name), *shape)
            object.__setattr__(self, name, array)
        weights = frozen_array(f"contact {self.link!r}: weights", self.weights, m)
        object.__setattr__(self, "weights", weights)

    @cached_property
    def T_feature_link(self) -> Array:
        """Poses of the link in the frame of the feature, shape (M, 4, 4)."""
        return from_xyz_quaternion(self.positions, self.quaternions)


def contact_weights(distance: Array, *, radius: float, decay: float) -> Array:
    r"""Weights of surface points by their distance to a link, equation (4).

    :math:`w_j = \exp(-\lambda d_j^2)` if :math:`d_j < \delta`, else 0. Points inside the link
    have d = 0.

    Args:
        distance: Signed distances of the points to the surface of the link, shape (N,), in [m].
        radius: Cut-off distance delta, in [m].
        decay: Fall-off lambda, in [1/m^2].
    """
    outside = np.maximum(distance, 0.0)
    weights: Array = np.where(outside < radius, np.exp(-decay * outside**2), 0.0)
    return weights


def learn_contacts(
    cloud: FeatureCloud, hand: Hand, T_base_wrist: Array, joints: Array, settings: ContactSettings
) -> tuple[ContactModel, ...]:
    """Contact models of all links that touch the object in a demonstrated grasp.

    Args:
        cloud: The object, seen from several views, in the frame of `T_base_wrist`.
        hand: The hand that grasps.
        T_base_wrist: Wrist pose at the grasp, shape (4, 4).
        joints: Driven joints at the grasp, shape (D,), in [rad].
        settings: Radii and fall-off.

    Returns:
        One model per link that touches, in the order of `hand.link_names`; none if the hand is
        nowhere near.
    """
    T_base_link = T_base_wrist @ hand.link_poses(joints)
    T_feature_base = inverse(compose(cloud.frames, cloud.points))
    touched = touched_surface(cloud, hand, T_base_wrist, joints, settings)
    models = []
    for index, (name, weights) in enumerate(zip(hand.link_names, touched, strict=True)):
        chosen = np.flatnonzero(weights)
        if len(chosen) < settings.points:
            continue
        chosen = chosen[:: max(1, int(np.ceil(len(chosen) / settings.kernels)))]
        u = T_feature_base[chosen] @ T_base_link[index]
        models.append(
            ContactModel(
                link=name,
                positions=u[:, :3, 3],
                quaternions=quaternion(u),
                curvatures=cloud.curvatures[chosen],
                weights=weights[chosen] / weights[chosen].sum(),
            )
        )
    return tuple(models)


def touched_surface(
    cloud: FeatureCloud, hand: Hand, T_base_wrist: Array, joints: Array, settings: ContactSettings
) -> Array:
    """Weight of every surface point in the contact of every link, equation (4), shape (L, N).

    A point belongs to a contact if it is near, and faces the link. Arguments are those of
    `learn_contacts`.
    """
    T_base_link = T_base_wrist @ hand.link_poses(joints)
    touched = np.zeros((len(hand.link_names), len(cloud)))
    for index, name in enumerate(hand.link_names):
        palm = name in hand.settings.palm_links
        radius = settings.palm_radius if palm else settings.finger_radius
        local = apply(inverse(T_base_link[index]), cloud.points)
        distance, away = _distance_and_gradient(hand, index, local)
        normals = cloud.normals @ T_base_link[index][:3, :3]
        weights = contact_weights(distance, radius=radius, decay=settings.decay)
        touched[index] = np.where((normals * away).sum(-1) < -settings.facing, weights, 0.0)
    return touched


def _distance_and_gradient(hand: Hand, link: int, points: Array) -> tuple[Array, Array]:
    """Signed distance (N,) of points in the frame of `link`, and its gradient (N, 3)."""
    shapes = [shape for i, shape in hand.surfaces if i == link]

    def distance(at: Array) -> Array:
        nearest: Array = np.min([shape.signed_distance(at) for shape in shapes], axis=0)
        return nearest

    step = 1e-4
    sides = [distance(points + step * e) - distance(points - step * e) for e in np.eye(3)]
    return distance(points), np.stack(sides, axis=-1) / (2 * step)
