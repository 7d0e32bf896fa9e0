"""The holding expert and the guess of the arm's reach."""

import numpy as np
import planning_world as world
import torch

from ddg_core.transforms import compose
from ddg_planning.generate.arm import Arm, ArmSettings
from ddg_planning.generate.closing import Closed
from ddg_planning.generate.hand_model import HandModel
from ddg_planning.generate.hold import HoldSettings, holding_cost, imbalance
from ddg_planning.generate.object_model import ObjectSettings, model_object
from ddg_planning.generate.solid import Solid, SolidSettings

HAND = HandModel(world.svh())
VIEW = world.view_of(world.tube())
SOLID = Solid(
    VIEW,
    model_object(VIEW, ObjectSettings(), rng=np.random.default_rng(0)),
    SolidSettings(),
)


def touching(angles: dict[str, float], gap: float = 0.0) -> Closed:
    """A ball of each named link at the tube (radius 3 cm), at an angle about its axis."""
    balls = torch.zeros(1, len(HAND.ball_radii), 3)
    mask = torch.zeros(1, len(HAND.ball_radii), dtype=torch.bool)
    for link, angle in angles.items():
        ball = int((HAND.ball_links == HAND.link_names.index(link)).nonzero()[0])
        reach = 0.03 + gap + float(HAND.ball_radii[ball])
        at = [0.55 + reach * np.cos(angle), reach * np.sin(angle), 0.07]
        balls[0, ball], mask[0, ball] = torch.tensor(at, dtype=torch.float32), True
    return Closed(torch.zeros(1, 9), mask, balls)


def rest(angles: dict[str, float], friction: float = 0.5) -> float:
    return float(imbalance(touching(angles), HAND, SOLID, HoldSettings(friction=friction))[0])


def test_thumb_against_fingers_is_balanced_and_one_side_alone_is_not() -> None:
    against = rest({"c": 0.0, "t": np.pi - 0.3, "s": np.pi + 0.3})
    beside = rest({"c": 0.0, "t": 0.4, "s": -0.4})
    fingers_alone = rest({"t": 0.0, "s": np.pi})
    assert against < 0.25
    assert beside > against + 0.2
    assert fingers_alone > 0.9
    assert rest({}) > 0.9


def test_a_wider_angle_than_the_friction_cones_is_out_of_balance() -> None:
    opposed = rest({"c": 0.0, "t": np.pi})
    askew = rest({"c": 0.0, "t": np.pi - 1.2})
    assert opposed < askew
    assert rest({"c": 0.0, "t": np.pi - 1.2}, friction=1.0) < askew


def cost(angles: dict[str, float], gap: float = 0.0) -> float:
    """Share of what a hold that balances nothing costs."""
    settings = HoldSettings(touch=0.005, unknown=0.35)
    return float(holding_cost(touching(angles, gap), HAND, SOLID, settings)[0]) / settings.weight


def test_what_the_squeeze_will_reach_counts_as_held() -> None:
    against = {"c": 0.0, "t": np.pi - 0.3, "s": np.pi + 0.3}
    assert cost(against) < 0.2
    assert cost(against, gap=0.003) < 0.2


def test_where_the_thumb_touches_nothing_the_guess_tells_nothing() -> None:
    against = {"c": 0.0, "t": np.pi - 0.3, "s": np.pi + 0.3}
    assert np.isclose(cost(against, gap=0.009), 0.35)
    assert np.isclose(cost({"t": 0.0, "s": np.pi}), 0.35)
    assert cost({"c": 0.0}) > 0.35  # the thumb alone does, and nothing is against it


def test_the_arm_reaches_a_shell_above_the_table() -> None:
    arm = Arm(ArmSettings(wrist_centre=(0.0, 0.0, 0.0)), np.eye(4), torch.float32)
    wrists = torch.tensor(
        [[0.55, 0.0, 0.30], [1.30, 0.0, 0.30], [0.10, 0.0, 0.30], [0.55, 0.0, 0.01]]
    )
    upright = torch.tensor([[0.0, 0.0, 0.0, 1.0]]).repeat(4, 1)
    excess = arm.excess(wrists, upright)
    assert excess[0] == 0.0
    assert (excess[1:] > 0.05).all()
    # Where the generator's own frame stands does not matter.
    moved = compose(np.eye(3), np.array([0.2, -0.1, 0.0]))
    shift = torch.tensor([0.2, -0.1, 0.0])
    there = Arm(ArmSettings(wrist_centre=(0.0, 0.0, 0.0)), moved, torch.float32)
    torch.testing.assert_close(there.excess(wrists - shift, upright), excess)
    # Nor does it matter that the object stands on a pedestal: the table stays where it is.
    raised = Arm(
        ArmSettings(wrist_centre=(0.0, 0.0, 0.0)),
        compose(np.eye(3), [0.0, 0.0, 0.09]),
        torch.float32,
    )
    rise = torch.tensor([0.0, 0.0, 0.09])
    torch.testing.assert_close(raised.excess(wrists - rise, upright), excess)
