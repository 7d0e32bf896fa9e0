"""Poses a hand on an object in the browser: sliders, contacts and closing live, a button stores."""

import sys
import threading
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from scipy.spatial.transform import Rotation

from ddg_cli.report import Report
from ddg_cli.teach.meshes import link_meshes
from ddg_core.arrays import Array
from ddg_core.errors import BadInput
from ddg_core.transforms import from_xyz_rpy, quaternion
from ddg_planning.teach.posing import Pose, Stage, during

AXES, TURNS = ("x [mm]", "y [mm]", "z [mm]"), ("roll [°]", "pitch [°]", "yaw [°]")
REACH = 250  # of the wrist around the object's middle, in [mm]
EYE = np.array([-0.06, -0.32, 0.17])  # where one looks from at first, from the object, in [m]
FRAME = 0.04  # [s] between two pictures of the closing
STEP = 4  # of the closing per picture, in [%]
HAND, TOUCHING = (174, 184, 198), (255, 146, 40)
OBJECT, CONTACT = np.array([122, 166, 226]), np.array([226, 30, 24])
LIGHT = np.array([-0.4, -0.6, 0.7])  # towards it, so that points have a lit side


def load_viser() -> Any:
    """Import viser.

    Raises:
        BadInput: It is not installed; the message says how it is.
    """
    try:
        import viser
    except ModuleNotFoundError as error:
        command = f"{sys.executable} -m pip install -c constraints.txt viser"
        raise BadInput(f"the viewer needs {error.name}: {command}") from error
    return viser


class Viewer:
    """A web page on this machine, with the hand and the object; a context manager."""

    def __init__(self, stage: Stage, pose: Pose, port: int) -> None:
        """Serve the page.

        Args:
            stage: The object and the hand.
            pose: Where the hand is at first.
            port: Of the page; the next free one if it is taken.
        """
        viser = load_viser()
        self._stage = stage
        self._server = viser.ViserServer(host="127.0.0.1", port=port, verbose=False)
        self.url = f"http://127.0.0.1:{self._server.get_port()}"
        self._changed, self._asked, self._aim = threading.Event(), False, 0
        self._controls = _Controls(self._server.gui, stage, pose)
        self._controls.on_change(self._changed.set, self._on_store, self._on_aim)
        self._build()

    def __enter__(self) -> Self:
        """Return the viewer."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the page."""
        self._server.stop()

    def run(self, store: Callable[[Pose], Report]) -> Report:
        """Show what the sliders say until what they say was stored.

        Args:
            store: Given the pose at a press of the button; raises BadInput if it cannot serve,
                which is shown on the page.
        """
        refused: tuple[Any, ...] | None = None
        self._changed.set()
        while True:
            self._changed.wait(FRAME if self._step() else 1.0)
            if not self._changed.is_set():
                continue
            self._changed.clear()
            self._draw()
            if self._asked:
                self._asked, refused = False, self._controls.values()
                report = self._stored(store)
                if report is not None:
                    return report
            elif self._controls.values() != refused:
                self._controls.tell("")

    def _stored(self, store: Callable[[Pose], Report]) -> Report | None:
        """Store, and tell so; None if it was refused."""
        try:
            report = store(self._controls.pose())
        except BadInput as error:
            self._controls.tell(f"**Not stored:** {error}")
            return None
        self._controls.tell("**Stored.** This page has ended.")
        self._server.flush()
        return report

    def _on_store(self) -> None:
        self._asked = True
        self._changed.set()

    def _on_aim(self, aim: int) -> None:
        self._aim = aim
        self._changed.set()

    def _step(self) -> bool:
        """Close or open a little towards what was asked; False when there."""
        return self._controls.approach(self._aim)

    def _build(self) -> None:
        scene, middle = self._server.scene, self._stage.middle
        self._server.gui.configure_theme(control_width="large", show_logo=False)
        self._server.initial_camera.position = tuple(middle + EYE)
        self._server.initial_camera.look_at = tuple(middle)
        scene.add_grid(
            "/table", 1.0, 1.0, cell_size=0.05, section_size=0.25, position=(*middle[:2], 0.0)
        )
        self._object = scene.add_point_cloud(
            "/object",
            self._stage.cloud.points,
            self._shaded(OBJECT),
            point_size=0.0035,
            point_shape="circle",
            precision="float32",
        )
        hand = self._stage.hand
        self._links = [
            scene.add_mesh_simple(f"/hand/{name}", mesh.vertices, mesh.faces, color=HAND)
            for name, mesh in zip(hand.link_names, link_meshes(hand), strict=True)
        ]

    def _shaded(self, colors: Array) -> Any:
        """Colours (N, 3) or (3,) of the object's points in the light, 8 bits each."""
        light = np.clip(self._stage.cloud.normals @ LIGHT, 0.0, 1.0)[:, None]
        return ((0.55 + 0.45 * light) * colors).astype(np.uint8)

    def _draw(self) -> None:
        """Show hand and contacts as the sliders say."""
        stage, pose = self._stage, self._controls.pose()
        joints = during(pose, stage.closed(pose), self._controls.share())
        touch = stage.touch(pose.T_base_wrist, joints)
        T_base_link = pose.T_base_wrist @ stage.hand.link_poses(joints)
        turns = quaternion(T_base_link)[:, [3, 0, 1, 2]]
        weights = touch.weights[:, None]
        with self._server.atomic():
            for name, mesh, T, wxyz in zip(
                stage.hand.link_names, self._links, T_base_link, turns, strict=True
            ):
                mesh.position, mesh.wxyz = tuple(T[:3, 3]), tuple(wxyz)
                mesh.color = TOUCHING if name in touch.links else HAND
            self._object.colors = self._shaded((1 - weights) * OBJECT + weights * CONTACT)
        self._controls.touched(touch.links)


class _Controls:
    """The sliders and buttons, and what they say."""

    def __init__(self, gui: Any, stage: Stage, pose: Pose) -> None:
        self._hand, self._middle = stage.hand, stage.middle
        at = 1e3 * (pose.T_base_wrist[:3, 3] - stage.middle)
        turn = Rotation.from_matrix(pose.T_base_wrist[:3, :3]).as_euler("xyz", degrees=True)
        with gui.add_folder("Wrist, from the object's middle"):
            self._at = [_slider(gui, *it, REACH) for it in zip(AXES, at, strict=True)]
            self._turn = [_slider(gui, *it, 180) for it in zip(TURNS, turn, strict=True)]
        self._closes_up = self._hand.pose("closed") >= self._hand.pose("open")
        with gui.add_folder("Fingers [°], open to closed"):
            self._joints = [self._joint(gui, i, pose) for i in range(len(pose.start))]
        with gui.add_folder("Closing"):
            self._share = gui.add_slider("closed [%]", 0, 100, 1, 0)
            self._close = gui.add_button("Close", color="blue")
            self._open = gui.add_button("Open", color="gray")
            self._touch = gui.add_markdown("")
        self._store = gui.add_button("Store demonstration", color="green")
        self._told = gui.add_markdown("")

    def _joint(self, gui: Any, index: int, pose: Pose) -> Any:
        low, high = np.degrees(self._hand.limits[index])
        low, high = np.floor(low), np.ceil(high)  # of the slider; the joint keeps to its own
        ends = np.sort(np.degrees([pose.start[index], pose.end[index]]).round(1))
        name = self._hand.joint_names[index].replace("_", " ")
        return gui.add_multi_slider(name, float(low), float(high), 0.1, tuple(ends.tolist()))

    def on_change(
        self,
        changed: Callable[[], None],
        store: Callable[[], None],
        aim: Callable[[int], None],
    ) -> None:
        """Call back when a slider moves, when to store, and what share [%] to close to."""
        for slider in (*self._at, *self._turn, *self._joints):
            slider.on_update(lambda _: changed())
        # Who moves the slider stops the animation where the slider is.
        self._share.on_update(lambda event: aim(self._share.value) if event.client else changed())
        self._close.on_click(lambda _: aim(100))
        self._open.on_click(lambda _: aim(0))
        self._store.on_click(lambda _: store())

    def pose(self) -> Pose:
        """What the sliders say."""
        at = self._middle + 1e-3 * np.array([slider.value for slider in self._at])
        rpy = np.radians([slider.value for slider in self._turn])
        low, high = np.radians([slider.value for slider in self._joints]).T
        start: Array = np.where(self._closes_up, low, high)
        end: Array = np.where(self._closes_up, high, low)
        return Pose(from_xyz_rpy(at, rpy), self._hand.clip(start), self._hand.clip(end))

    def values(self) -> tuple[Any, ...]:
        """Where the sliders are: a message stays until one of them moves."""
        sliders = (*self._at, *self._turn, *self._joints, self._share)
        return tuple(slider.value for slider in sliders)

    def share(self) -> float:
        """How much of the closing is done, in [0, 1]."""
        return float(self._share.value) / 100.0

    def approach(self, aim: int) -> bool:
        """Move the closing a step towards `aim` [%]; False if it is there."""
        left = aim - self._share.value
        if left:
            self._share.value += int(np.clip(left, -STEP, STEP))
        return bool(left)

    def touched(self, links: tuple[str, ...]) -> None:
        """Tell what touches."""
        settings = self._hand.settings
        parts = {
            "thumb": settings.thumb_links,
            "palm": settings.palm_links,
            "fingers": settings.finger_links,
        }
        counts = {part: len({*links} & {*names}) for part, names in parts.items()}
        told = ", ".join(f"{count} of {part}" for part, count in counts.items() if count)
        self._touch.content = f"Links that touch: **{told or 'none'}**"

    def tell(self, message: str) -> None:
        """Show a sentence below the button."""
        self._told.content = message


def _slider(gui: Any, label: str, value: float, most: int) -> Any:
    return gui.add_slider(label, -most, most, 1, int(np.clip(round(value), -most, most)))
