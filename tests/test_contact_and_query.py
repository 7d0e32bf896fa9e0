"""Laws of contact models, query densities, hand configurations and the hand's kinematics."""

import numpy as np
import planning_world as world
import pytest
import torch
from scipy.special import iv
from scipy.stats import multivariate_normal

from ddg_core.transforms import compose, quaternion
from ddg_core.view import FeatureCloud
from ddg_planning.generate.configuration import ConfigurationModel, ConfigurationSettings
from ddg_planning.generate.contact_model import ContactSettings, contact_weights, learn_contacts
from ddg_planning.generate.hand_model import HandModel, balls_inside
from ddg_planning.generate.object_model import ObjectSettings, model_object
from ddg_planning.generate.query import QueryDensity, QuerySettings, Untransferable, link_kernels
from ddg_planning.generate.rotations import (
    from_matrix,
    from_rotation_vector,
    matrix,
    multiply,
    rotate,
)

HAND = world.svh()
KAPPA = 60.0


def some_density(
    dtype: torch.dtype, links: int = 2, kernels: int = 50
) -> tuple[QueryDensity, dict]:
    rng = np.random.default_rng(0)
    q = rng.standard_normal((links, kernels, 4))
    R = matrix(torch.as_tensor(q / np.linalg.norm(q, axis=-1, keepdims=True))).numpy()
    p = 0.02 * rng.standard_normal((links, kernels, 3)) + [0.5, 0.0, 0.1]
    w = rng.uniform(0.1, 1.0, (links, kernels))
    w /= w.sum(axis=1, keepdims=True)
    poses = compose(R, p)
    settings = QuerySettings(sigma_position=0.01, concentration=KAPPA)
    return QueryDensity(poses, w, settings, dtype=dtype), {"p": p, "q": quaternion(poses), "w": w}


@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float64, 1e-6), (torch.float32, 1e-3)])
def test_the_density_is_the_sum_written_in_the_equation(dtype: torch.dtype, rtol: float) -> None:
    density, kernels = some_density(dtype)
    rng = np.random.default_rng(1)
    p = 0.02 * rng.standard_normal((30, 2, 3)) + [0.5, 0.0, 0.1]
    q = rng.standard_normal((30, 2, 4))
    q /= np.linalg.norm(q, axis=-1, keepdims=True)
    sphere = KAPPA / (4 * np.pi**2 * iv(1, KAPPA))  # normaliser of von Mises-Fisher in R^4
    direct = np.zeros((30, 2))
    for n in range(30):
        for link in range(2):
            for j in range(50):
                gauss = multivariate_normal.pdf(
                    p[n, link], kernels["p"][link, j], 0.01**2 * np.eye(3)
                )
                cosine = q[n, link] @ kernels["q"][link, j]
                pair = 0.5 * sphere * (np.exp(KAPPA * cosine) + np.exp(-KAPPA * cosine))
                direct[n, link] += kernels["w"][link, j] * gauss * pair
    as_tensor = lambda x: torch.as_tensor(x, dtype=dtype)  # noqa: E731
    fast = density.relative(as_tensor(p), as_tensor(q)).double().numpy() * density.normaliser
    far = direct < 1e-6 * direct.max()  # there the antipode, left out, begins to count
    np.testing.assert_allclose(fast[~far], direct[~far], rtol=rtol)
    np.testing.assert_allclose(fast, direct, atol=rtol * direct.max())
    assert (~far).sum() > 10


def test_a_density_integrates_to_one() -> None:
    density, kernels = some_density(torch.float64, links=1, kernels=3)
    rng = np.random.default_rng(2)
    n = 400_000
    q = rng.standard_normal((n, 1, 4))
    q /= np.linalg.norm(q, axis=-1, keepdims=True)
    chosen = rng.integers(0, 3, n)
    p = kernels["p"][0, chosen] + 0.01 * rng.standard_normal((n, 3))
    proposal = np.mean(
        [multivariate_normal.pdf(p, m, 0.01**2 * np.eye(3)) for m in kernels["p"][0]], axis=0
    )
    value = density.relative(torch.as_tensor(p[:, None]), torch.as_tensor(q))[:, 0].numpy()
    integral = np.mean(value * density.normaliser / proposal) * 2 * np.pi**2  # area of the sphere
    assert integral == pytest.approx(1.0, abs=0.03)


def test_the_gradient_is_that_of_finite_differences() -> None:
    density, kernels = some_density(torch.float64)
    p = torch.as_tensor(kernels["p"][:, :5].swapaxes(0, 1) + 0.004).requires_grad_(True)
    q = torch.as_tensor(kernels["q"][:, 5:10].swapaxes(0, 1).copy()).requires_grad_(True)
    assert torch.autograd.gradcheck(density.relative, (p, q), eps=1e-7, atol=1e-5, rtol=1e-4)


def test_the_configuration_model_integrates_to_one_and_peaks_at_the_grip() -> None:
    grip, start, limits = np.array([0.6, 0.4]), np.array([0.1, 0.0]), np.array([[0.0, 1.5]] * 2)
    settings = ConfigurationSettings(sigma=0.05)
    model = ConfigurationModel(grip, start, limits, settings, dtype=torch.float64)
    axis = np.linspace(-0.5, 2.0, 400)
    grid = torch.as_tensor(np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2))
    density = torch.exp(model.log_density(grid))
    assert float(density.sum()) * (axis[1] - axis[0]) ** 2 == pytest.approx(1.0, abs=1e-3)
    h = torch.as_tensor(np.stack([grip, grip + np.array([0.3, -0.3])]))
    assert model.log_density(h)[0] > model.log_density(h)[1] + 5.0


def test_contact_weights_follow_equation_4() -> None:
    distance = np.array([-0.002, 0.0, 0.005, 0.00999, 0.01, 0.5])
    weights = contact_weights(distance, radius=0.01, decay=1e4)
    expected = [1.0, 1.0, np.exp(-0.25), np.exp(-0.998001), 0.0, 0.0]
    np.testing.assert_allclose(weights, expected)


def test_the_hand_model_moves_like_the_hand() -> None:
    model = HandModel(HAND, dtype=torch.float64)
    rng = np.random.default_rng(3)
    joints = rng.uniform(HAND.limits[:, 0], HAND.limits[:, 1], (20, len(HAND.joint_names)))
    p, q = model.link_poses(torch.as_tensor(joints))
    T = HAND.link_poses(joints)
    np.testing.assert_allclose(p.numpy(), T[..., :3, 3], atol=1e-12)
    np.testing.assert_allclose(matrix(q).numpy(), T[..., :3, :3], atol=1e-12)


def test_balls_stay_inside_their_shape_and_fill_it() -> None:
    for _, shape in HAND.surfaces:
        balls = balls_inside(shape)
        for centre, radius in balls:
            assert shape.signed_distance(centre) <= -radius + 1e-9
        surface, _ = shape.sample(0.004)
        gaps = np.min([np.linalg.norm(surface - c, axis=1) - r for c, r in balls], axis=0)
        assert gaps.max() < 0.74 * min(r for _, r in balls)


def test_turning_by_a_quaternion_is_turning_by_its_matrix() -> None:
    w = torch.as_tensor(np.random.default_rng(4).standard_normal((10, 3)))
    v = torch.as_tensor(np.random.default_rng(5).standard_normal((10, 3)))
    q = from_rotation_vector(w)
    np.testing.assert_allclose(rotate(q, v), (matrix(q) @ v[..., None])[..., 0], atol=1e-12)
    np.testing.assert_allclose(matrix(multiply(q, q)), matrix(q) @ matrix(q), atol=1e-12)


def test_quaternions_of_matrices_are_those_that_made_them() -> None:
    rng = np.random.default_rng(6)
    q = rng.standard_normal((200, 4))
    q[:4] = np.eye(4)  # turns by pi about each axis, and none
    q[4:8] = np.eye(4) + 1e-9
    q = torch.as_tensor(q / np.linalg.norm(q, axis=1, keepdims=True))
    found = from_matrix(matrix(q))
    np.testing.assert_allclose((found * q).sum(-1).abs(), 1.0, atol=1e-12)


def test_only_touching_links_get_a_contact_model() -> None:
    cloud = world.tube()
    demonstration = world.wrap(cloud, HAND)
    T, joints = demonstration.T_base_wrist[-2], demonstration.joints[-2]
    contacts = learn_contacts(cloud, HAND, T, joints, ContactSettings())
    names = {contact.link for contact in contacts}
    assert names & set(HAND.settings.thumb_links)
    assert names & set(HAND.settings.finger_links)
    for contact in contacts:
        assert contact.weights.sum() == pytest.approx(1.0)
    away = T.copy()
    away[0, 3] -= 0.5
    assert learn_contacts(cloud, HAND, away, joints, ContactSettings()) == ()


def test_moving_demonstration_and_object_together_changes_no_contact_model() -> None:
    cloud = world.tube()
    demonstration = world.wrap(cloud, HAND)
    T, joints = demonstration.T_base_wrist[-2], demonstration.joints[-2]
    move = compose(
        matrix(from_rotation_vector(torch.tensor([0.3, -0.8, 1.0]).double())).numpy(),
        [0.1, 0.2, 0.3],
    )
    still = learn_contacts(cloud, HAND, T, joints, ContactSettings())
    moved = learn_contacts(world.turned(cloud, move), HAND, move @ T, joints, ContactSettings())
    assert len(still) == len(moved) > 3
    for a, b in zip(still, moved, strict=True):
        np.testing.assert_allclose(a.positions, b.positions, atol=1e-9)
        np.testing.assert_allclose(a.quaternions, b.quaternions, atol=1e-7)


def test_a_contact_that_no_surface_fits_is_untransferable() -> None:
    cloud = world.tube()
    demonstration = world.wrap(cloud, HAND)
    contacts = learn_contacts(
        cloud, HAND, demonstration.T_base_wrist[-2], demonstration.joints[-2], ContactSettings()
    )
    hollow = FeatureCloud(cloud.points, cloud.frames, np.full((len(cloud), 2), -110.0))
    rng = np.random.default_rng(6)
    target = model_object(world.view_of(hollow), ObjectSettings(), rng=rng)
    with pytest.raises(Untransferable, match="curved"):
        link_kernels(contacts[0], target, QuerySettings(bands=0), rng=rng)
