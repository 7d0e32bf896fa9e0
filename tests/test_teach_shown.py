"""What was shown becomes a demonstration or is refused; the surface that it was shown on."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import planning_world as world
import pytest

from ddg_core.errors import BadInput
from ddg_core.view import FeatureCloud
from ddg_planning.generate.contact_model import ContactSettings
from ddg_planning.generate.grasp_model import learn
from ddg_planning.generate.object_model import ObjectSettings
from ddg_planning.teach.shown import Posture, TeachSettings, demonstrate, gap, touch
from ddg_planning.teach.surface import joined, shown_surface

HAND, CLOUD = world.svh(), world.tube()
WRAP = world.wrap(CLOUD, HAND)
SHOWN = [Posture(T, q) for T, q in zip(WRAP.T_base_wrist[:3], WRAP.joints[:3], strict=True)]


def make(postures):  # type: ignore[no-untyped-def]
    return demonstrate("wrap", HAND, CLOUD, postures, {"object": "tube"}, TeachSettings())


def test_what_touches_is_what_is_learned() -> None:
    made = make(SHOWN)
    learned = tuple(c.link for c in learn(made, HAND, ContactSettings()).contacts)
    assert learned == touch(CLOUD, HAND, SHOWN[2], ContactSettings()).links
    assert made.provenance == {"object": "tube", "touching": " ".join(learned)}
    assert (made.joints >= HAND.limits[:, 0]).all()
    assert (made.joints <= HAND.limits[:, 1]).all()


def moved(posture: Posture, shift: float) -> Posture:
    T = posture.T_base_wrist.copy()
    T[2, 3] += shift
    return Posture(T, posture.joints)


def test_the_gap_is_how_far_the_hand_is_from_the_surface() -> None:
    near = gap(CLOUD, HAND, moved(SHOWN[2], 0.30))
    assert gap(CLOUD, HAND, moved(SHOWN[2], 0.35)) - near == pytest.approx(0.05, abs=0.002)
    assert gap(CLOUD, HAND, SHOWN[2]) < 0.005


in_degrees = replace(SHOWN[1], joints=np.full(9, 30.0))
too_few = replace(SHOWN[0], joints=np.zeros(7))


@pytest.mark.parametrize(
    ("postures", "told"),
    [
        (SHOWN[:2], "got 2 postures"),
        ([SHOWN[0], SHOWN[2], SHOWN[2]], "no finger closed"),
        ([SHOWN[0], SHOWN[1], moved(SHOWN[2], 0.3)], "mm from its surface"),
        ([SHOWN[0], in_degrees, SHOWN[2]], "is at 30.00 rad, its limits are"),
        ([too_few, *SHOWN[1:]], "7 joints; hand 'svh' has 9"),
    ],
)
def test_what_cannot_serve_is_refused(postures: list[Posture], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        make(postures)


def test_one_view_is_completed_by_its_mirror_image_and_several_are_joined() -> None:
    view = world.view_of(world.seen(CLOUD))
    whole, back = shown_surface([view], ObjectSettings())
    assert back.startswith("guessed by")
    beside = whole.points[:, :2] - [0.55, 0.0]
    behind = beside @ (world.EYE[:2] - [0.55, 0.0]) < 0
    assert behind.mean() > 0.3
    assert np.hypot(*beside[behind].T).max() == pytest.approx(0.03, abs=0.003)
    other = world.view_of(world.seen(CLOUD, np.array([0.3, -0.5, 0.4])))
    both, back = shown_surface([view, other], ObjectSettings())
    assert back == "seen"
    assert len(view.cloud) / 4 < len(both) < len(view.cloud) + len(other.cloud)


def test_joining_keeps_one_point_per_cell() -> None:
    once = joined([CLOUD])
    twice = joined([CLOUD, CLOUD])
    np.testing.assert_array_equal(once.points, twice.points)


def test_no_object_is_no_demonstration() -> None:
    few = FeatureCloud(CLOUD.points[:5], CLOUD.frames[:5], CLOUD.curvatures[:5])
    nothing: Callable[[], object] = lambda: shown_surface([], ObjectSettings())  # noqa: E731
    for look in (nothing, lambda: shown_surface([world.view_of(few)], ObjectSettings())):
        with pytest.raises(BadInput, match="points of the object"):
            look()
