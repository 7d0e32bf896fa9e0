"""`ddg plan`: grasps for a recorded depth image or cloud, and a picture of the best."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddg_cli.evaluate.names import JAWS, check
from ddg_cli.proposers import GRIPPER, jaw_planner
from ddg_cli.report import Report, exit_code
from ddg_cli.stopwatch import Stopwatch, table
from ddg_core.errors import BadInput, Failed
from ddg_core.outcome import Outcome

if TYPE_CHECKING:
    from ddg_core.cell import CellSettings
    from ddg_core.grasp import Grasp
    from ddg_core.ports import CheckReach, Generate, Rank
    from ddg_core.view import ObjectView
    from ddg_perception.perceive import PerceptionSettings, Segmented


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add("--depth", type=Path, metavar="FILE", help="depth image: 16-bit PNG, or npy")
    add("--camera", type=Path, metavar="FILE", help="camera: intrinsics, depth_scale, pose (YAML)")
    add("--mask", type=Path, metavar="FILE", help="pixels of the object that are not 0: PNG or npy")
    add("--cloud", type=Path, metavar="FILE", help="cloud instead of an image: PCD or PLY")
    add("--near", type=float, nargs=3, metavar=("X", "Y", "Z"), help="take the object nearest here")
    add("--generator", help="gm1, gm2 (default: as in generation.yaml), or dexnet: two jaws")
    add("--weights", type=Path, metavar="FILE", help="of a network of two jaws (with dexnet)")
    add("--reach", action="store_true", help="leave out what the arm cannot reach")
    add("--seed", type=int, default=0, help="same seed, same grasps (default %(default)s)")
    add("--out", type=Path, metavar="PNG", help="the picture (default plans/<input>.png)")
    parser.epilog = (
        "A camera file has the keys width height fx fy cx cy depth_scale (metres per unit), "
        "T_base_camera (4 rows; x right, y down, z forward) and perhaps distortion. "
        "A cloud is in the base frame, or with --camera in that camera's frame."
    )


def run(args: argparse.Namespace) -> Report:
    """Perceive, plan and draw."""
    _check(args)
    source: Path = args.depth or args.cloud
    picture = (args.out or Path("plans") / f"{source.stem}.png").expanduser().resolve()
    watch = Stopwatch()
    view, grasps, outcome, message = None, [], Outcome.OK, ""
    try:
        view = _see(args, watch)
        grasps = _plan(view, args, watch)
    except Failed as failure:
        outcome, message = failure.outcome, str(failure)
    answer = {
        "outcome": str(outcome),
        "message": message,
        "grasps": [_as_json(grasp) for grasp in grasps],
        "holes": _holes(view) if args.generator in JAWS else None,
        "timings_s": watch.timings,
        "picture": _draw(view, grasps, picture, outcome, _cell(args).hand, watch),
    }
    return Report(answer, _text(answer), exit_code(outcome))


def _check(args: argparse.Namespace) -> None:
    if args.generator is not None:
        check("generator", args.generator, ("gm1", "gm2", *JAWS))
    if args.weights is not None and args.generator not in JAWS:
        raise BadInput("plan: --weights goes with --generator dexnet")
    if (args.depth is None) == (args.cloud is None):
        raise BadInput("plan: give either --depth with --camera, or --cloud")
    if args.depth is not None and args.camera is None:
        raise BadInput("plan: --depth needs --camera")
    if args.cloud is not None and args.mask is not None:
        raise BadInput("plan: --mask goes with --depth, not with --cloud")
    if args.seed < 0:
        raise BadInput(f"plan: --seed must not be negative, got {args.seed}")


def _see(args: argparse.Namespace, watch: Stopwatch) -> "ObjectView":
    from ddg_core.description import config_folder
    from ddg_core.settings import load
    from ddg_perception.perceive import PerceptionSettings, features

    settings = load(config_folder() / "perception.yaml", PerceptionSettings)
    with watch.stage("segment", "finding the object"):
        look = _segment_image if args.depth else _segment_cloud
        segmented = look(args, settings)
    with watch.stage("features", f"describing its surface ({len(segmented.points)} points)"):
        return features(segmented, settings)


def _segment_image(args: argparse.Namespace, settings: "PerceptionSettings") -> "Segmented":
    import numpy as np

    from ddg_perception.perceive import segment_image
    from ddg_perception.recorded import read_camera, read_depth, read_mask

    camera = read_camera(args.camera)
    return segment_image(
        read_depth(args.depth, camera),
        settings,
        mask=None if args.mask is None else read_mask(args.mask, camera),
        near=None if args.near is None else np.array(args.near),
        rng=np.random.default_rng(args.seed),
    )


def _segment_cloud(args: argparse.Namespace, settings: "PerceptionSettings") -> "Segmented":
    import numpy as np

    from ddg_core.transforms import apply
    from ddg_perception.cloud_files import read_cloud
    from ddg_perception.perceive import segment_cloud
    from ddg_perception.recorded import read_camera
    from ddg_perception.scan import likely_viewpoint, seen_from

    cloud = read_cloud(args.cloud)
    points, viewpoint = cloud.points, cloud.viewpoint
    if args.camera is not None:
        T_base_camera = read_camera(args.camera).pose
        points, viewpoint = apply(T_base_camera, points), T_base_camera[:3, 3]
    elif viewpoint is None and len(points):
        viewpoint = likely_viewpoint(points)
        points = seen_from(points, viewpoint)
    return segment_cloud(
        points,
        np.zeros(3) if viewpoint is None else viewpoint,
        settings,
        near=None if args.near is None else np.array(args.near),
        rng=np.random.default_rng(args.seed),
    )


def _plan(view: "ObjectView", args: argparse.Namespace, watch: Stopwatch) -> "list[Grasp]":
    import numpy as np

    from ddg_core.description import config_folder, load_hand
    from ddg_core.settings import load
    from ddg_planning.evaluate.evaluator import load_evaluator
    from ddg_planning.evaluate.refine import load_refiner
    from ddg_planning.plan import by_likelihood, plan
    from ddg_planning.settings import PlanningSettings
    from ddg_planning.store import GenerationSettings, load_generator

    settings = load(config_folder() / "planning.yaml", PlanningSettings)
    hand = load_hand(_cell(args).hand)
    generator: Generate
    evaluator: Rank = by_likelihood
    with watch.stage("models", "loading what proposes and judges"):
        if args.generator in JAWS:
            generator = jaw_planner(args.generator, hand, str(args.weights or ""))
        else:
            generation = load(config_folder() / "generation.yaml", GenerationSettings)
            if args.generator:
                generation = replace(generation, model=args.generator, models="")
            generator = load_generator(hand, generation)
            judge = load_evaluator(settings.evaluator, hand, settings.weights)
            evaluator = load_refiner(
                settings.refine, judge, generation.generator, settings.refinement
            )

    def propose(view: "ObjectView", *, n: int) -> "list[Grasp]":
        with watch.stage("generate", "generating grasps"):
            return generator(view, n=n, rng=np.random.default_rng(args.seed))

    def rank(view: "ObjectView", grasps: "Sequence[Grasp]") -> "list[Grasp]":
        with watch.stage("rank", f"judging {len(grasps)} grasps"):
            return evaluator(view, grasps)

    check = _reach(view, _cell(args), watch) if args.reach else None
    wanted = replace(settings.plan, least_probability=0.0)  # nothing moves: show what there is
    grasps = plan(view, propose, rank, check, wanted, lambda *_: None)
    return grasps[: settings.plan.max_grasps]


def _holes(view: "ObjectView | None") -> float | None:
    """Share of the image without readings, which planning for two jaws fills."""
    from ddg_planning.parallel_jaw.prepare import holes

    return None if view is None or view.image is None else holes(view.image)


def _cell(args: argparse.Namespace) -> "CellSettings":
    """The cell, with the gripper where a generator of two jaws is asked."""
    from ddg_core.description import load_cell

    return load_cell(hand=GRIPPER if args.generator in JAWS else "")


def _reach(view: "ObjectView", cell: "CellSettings", watch: Stopwatch) -> "CheckReach":
    """Return what asks the cell's arm, among the obstacles of the view."""
    from ddg_execution.motion.port import Scene
    from ddg_execution.motion.robot import robot_of_cell
    from ddg_execution.motion.ways import WayChecker

    checker = WayChecker(robot_of_cell(cell))
    scene = Scene(obstacles=view.obstacles, object_points=view.cloud.points)

    def check(T_base_wrist: Any, fingers: Any) -> Any:
        with watch.stage("reach", f"asking the arm about {len(T_base_wrist)} ways"):
            return checker.check(T_base_wrist, fingers, scene)

    return check


def _draw(
    view: "ObjectView | None",
    grasps: "list[Grasp]",
    path: Path,
    outcome: Outcome,
    hand: str,
    watch: Stopwatch,
) -> Path | None:
    """Write the picture and return its path; None if there is nothing to draw."""
    from ddg_cli.picture import draw
    from ddg_core.description import load_hand

    if view is None:
        return None
    best = grasps[0] if grasps else None
    caption = f"{outcome}" if best is None else f"{best.kind}  score {best.score:.2f}"
    with watch.stage("picture", "drawing the picture"):
        picture = draw(view, load_hand(hand), best, caption)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path)
        except (OSError, ValueError) as error:  # ValueError: an ending that Pillow does not know
            raise BadInput(f"{path}: cannot write the picture: {error}") from error
    return path


def _as_json(grasp: "Grasp") -> dict[str, Any]:
    return {
        "type": grasp.kind,
        "hand": grasp.hand,
        "p_success": grasp.p_success,
        "p_std": grasp.p_std,
        "log_likelihood": grasp.log_likelihood,
        "score": grasp.score,
        "reachability": grasp.reachability,
        "clearance": grasp.clearance,
        "wrist": grasp.T_base_wrist,
        "joints": grasp.joints,
        "contacts": grasp.contacts,
        "models": dict(grasp.models),
    }


def _chance(grasp: dict[str, Any]) -> str:
    p = grasp["p_success"]
    return "" if p is None else f"holds {p:.0%}  "


def _text(answer: dict[str, Any]) -> str:
    lines = [f"{answer['outcome']} {answer['message']}".strip()]
    for i, grasp in enumerate(answer["grasps"][:5]):
        x, y, z = grasp["wrist"][-2][:3, 3]
        lines.append(
            f"{i + 1}. {grasp['type']:<14} score {grasp['score']:8.2f}  {_chance(grasp)}"
            f"wrist at ({x:.3f}, {y:.3f}, {z:.3f}) m"
        )
    left = len(answer["grasps"]) - 5
    if left > 0:
        lines.append(f"   and {left} more (--json tells all)")
    if answer["holes"]:
        lines.append(f"{answer['holes']:.1%} of the depth image had no reading and was filled")
    lines += ["", table(answer["timings_s"])]
    if answer["picture"]:
        lines.append(f"picture: {answer['picture']}")
    return "\n".join(lines)
