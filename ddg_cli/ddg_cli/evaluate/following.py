"""`ddg eval follow`: an object that is moved while two jaws come down, with and without looking."""

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ddg_cli.evaluate.names import JAWS, check
from ddg_cli.report import Report
from ddg_core.errors import BadInput, DdgError, Failed

if TYPE_CHECKING:
    import numpy as np

    from ddg_core.arrays import Array
    from ddg_core.grasp import Grasp
    from ddg_core.view import DepthImage, ObjectView
    from ddg_perception.perceive import PerceptionSettings
    from ddg_perception.robot_body import PosedShape
    from ddg_planning.parallel_jaw.policy import JawPlanner
    from ddg_sim.rollout.rollout import RolloutSettings


@dataclass(frozen=True)
class Followed:
    """What became of one scene: whether the moved object was held, with looking and without."""

    seed: int
    object: str
    looking: bool
    blind: bool


def following(args: argparse.Namespace) -> Report:
    """Move each scene's object by `--shift` during the approach and try both."""
    from ddg_cli.countdown import Countdown
    from ddg_cli.evaluate.success import for_jaws, rollout_of
    from ddg_cli.proposers import jaw_planner
    from ddg_core.description import load_hand
    from ddg_core.statistics import wilson

    check("generator", args.generator, tuple(JAWS))
    if args.scenes < 1 or args.seed < 0 or args.shift < 0.0:
        raise BadInput("eval follow: --scenes must be at least 1, --seed and --shift at least 0")
    rollout = for_jaws(rollout_of(args.objects))
    planner = jaw_planner(args.generator, load_hand(rollout.hand), args.weights)
    shown, tried = Countdown("follow"), []
    for done, seed in enumerate(range(args.seed, args.seed + args.scenes), start=1):
        tried.append(follow(seed, planner, rollout, args.shift))
        shown.show(done, args.scenes)
    looking, blind = sum(one.looking for one in tried), sum(one.blind for one in tried)
    n = len(tried)
    answer = {
        "n": n,
        "shift": args.shift,
        "generator": args.generator,
        "objects": args.objects,
        "held_looking": looking,
        "looking_wilson95": wilson(looking, n),
        "held_blind": blind,
        "blind_wilson95": wilson(blind, n),
        "scenes": [vars(one) for one in tried],
    }
    text = f"moved by {args.shift} m: {looking} of {n} held with looking, {blind} without"
    return Report(answer, text)


def follow(seed: int, planner: "JawPlanner", rollout: "RolloutSettings", shift: float) -> Followed:
    """Plan in one scene, move its object by `shift` [m] after the first look, and try both."""
    import numpy as np

    from ddg_core.description import config_folder
    from ddg_core.settings import load
    from ddg_perception.perceive import PerceptionSettings, perceive
    from ddg_planning.parallel_jaw.follow import Follower, FollowSettings, sighting
    from ddg_sim.rollout.approach import ApproachSettings, approach, boxes_of, moved
    from ddg_sim.rollout.rollout import open_scene
    from ddg_sim.rollout.view import draw_view, view_from

    opened, rng = open_scene(seed, rollout), np.random.default_rng(seed)
    hand, perception = (
        planner.jaws.hand,
        load(config_folder() / "perception.yaml", PerceptionSettings),
    )
    first = draw_view(opened.simulation, opened.scene, rollout.view, rng=opened.seen)
    try:
        seen = perceive(first.image, perception, rng=opened.asked)
        grasp = planner(seen, n=1, rng=opened.asked)[0]
    except DdgError:
        return Followed(seed, opened.object, looking=False, blind=False)
    way = rng.uniform(-np.pi, np.pi)
    now, scene = moved(
        opened, hand, shift * np.array([np.cos(way), np.sin(way)]), rollout.simulation
    )
    follower, eye = Follower(planner, FollowSettings()), first.image.T_base_camera
    before = sighting(seen)

    def correct(_: float, wrist: "Array", target: "Grasp") -> "Grasp":
        nonlocal before
        joints = target.joints[0]
        others = boxes_of(hand, joints, wrist)
        image = view_from(now, scene, eye, rollout.view, others=others, rng=rng).image
        robot = [(wrist @ T, s) for T, s in _shapes(planner, joints)]
        view = look_again(image, planner.jaws.line(target)[0], robot, perception, rng)
        if view is None:
            return target
        target, before = follower(view, target, before, rng=rng)
        return target

    target = approach(grasp, correct, ApproachSettings(), eye=eye[:3, 3])
    return Followed(seed, opened.object, now.run(target).held, now.run(grasp).held)


def look_again(
    image: "DepthImage",
    place: "Array",
    robot: "list[PosedShape]",
    perception: "PerceptionSettings",
    rng: "np.random.Generator",
) -> "ObjectView | None":
    """The object nearest to a place (3,), without its features; None if it is hidden."""
    from ddg_perception.perceive import segment_image, without_features

    try:
        return without_features(segment_image(image, perception, near=place, robot=robot, rng=rng))
    except Failed:
        return None


def _shapes(planner: "JawPlanner", joints: "Array") -> "list[PosedShape]":
    hand = planner.jaws.hand
    poses = hand.link_poses(joints)
    return [(poses[link], shape) for link, shape in hand.surfaces]
