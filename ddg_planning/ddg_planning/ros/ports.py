"""The planner's ports over ROS: each is a service, called and unpacked."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from ddg_interfaces.msg import ObjectView as ObjectViewMsg
from ddg_interfaces.srv import CaptureView, CheckReach, GenerateGrasps, RankGrasps

from ddg_core.arrays import Array
from ddg_core.errors import TimedOut
from ddg_core.grasp import Grasp
from ddg_core.ports import CheckReach as ArmPort
from ddg_core.ports import Rank, Reach
from ddg_core.ros.bond import Bond
from ddg_core.ros.calls import call, check
from ddg_core.ros.convert import grasp_from_msg, grasp_to_msg, pose_to_msg
from ddg_core.ros.node import DdgNode
from ddg_core.view import ObjectView
from ddg_planning.plan import Propose
from ddg_planning.settings import ServiceSettings

Cancelled = Callable[[], bool]  # asked all the time while waiting; True gives up


class Neighbour:
    """A service of another node, which may be lost while it is asked."""

    def __init__(self, node: DdgNode, name: str, service: str) -> None:
        """Make the client, and listen to whether node `name` lives."""
        self._client, self._bond = node.call(service), Bond(node, name)

    @property
    def lost(self) -> bool:
        """Whether the node was there and is not any more."""
        return self._bond.lost

    def ask(self, request: Any, *, timeout: float, cancelled: Cancelled) -> Any:
        """Return the answer, whose outcome is OK; see `call` for what is raised.

        Raises:
            Failed: What the outcome says.
        """
        answer = call(
            self._client,
            request,
            timeout=timeout,
            cancelled=cancelled,
            lost=lambda: self.lost,
        )
        check(answer.outcome)
        return answer


class Ports:
    """Clients of the services that the planner needs.

    The messages of a view are passed on as they came: packing them again would cost more than
    planning. So the ports are made per request.
    """

    def __init__(
        self, node: DdgNode, settings: ServiceSettings, joint_names: Sequence[str]
    ) -> None:
        """Make the clients."""
        self._settings, self._names = settings, joint_names
        self._capture = Neighbour(node, "capture", "/ddg/capture_view")
        self._generate = Neighbour(node, "generator", "/ddg/generate_grasps")
        self._rank = Neighbour(node, "ranker", "/ddg/rank_grasps")
        self._reach = Neighbour(node, "executor", "/ddg/check_reach")

    def meet_arm(self) -> None:
        """Raise TimedOut if the executor is lost: then nobody needs a plan for it any more."""
        if self._reach.lost:
            raise TimedOut("the executor vanished while grasps for it were planned")

    def capture(self, cancelled: Cancelled) -> Any:
        """Take a view now; returns the message."""
        timeout = self._settings.capture_timeout
        answer = self._capture.ask(CaptureView.Request(), timeout=timeout, cancelled=cancelled)
        return answer.view

    def propose(
        self, view_msg: Any, kinds: Sequence[str], seed: int, cancelled: Cancelled
    ) -> Propose:
        """Return the generator, for one view."""

        def propose(view: ObjectView, *, n: int) -> list[Grasp]:
            del view
            request = GenerateGrasps.Request(view=view_msg, count=n, kinds=list(kinds), seed=seed)
            timeout = self._settings.generate_timeout
            answer = self._generate.ask(request, timeout=timeout, cancelled=cancelled)
            return [grasp_from_msg(msg, self._names) for msg in answer.grasps]

        return propose

    def rank(self, view_msg: Any, cancelled: Cancelled) -> Rank:
        """Return the judge, for one view."""

        def rank(view: ObjectView, grasps: Sequence[Grasp]) -> list[Grasp]:
            del view
            msgs = [grasp_to_msg(grasp, self._names, view_msg.header) for grasp in grasps]
            request = RankGrasps.Request(view=view_msg, grasps=msgs, refine=True)
            timeout = self._settings.rank_timeout
            answer = self._rank.ask(request, timeout=timeout, cancelled=cancelled)
            return [grasp_from_msg(msg, self._names) for msg in answer.grasps]

        return rank

    def check_reach(self, view_msg: Any, cancelled: Cancelled) -> ArmPort:
        """Return the arm, for ways in the frame of a view, among what is seen there."""
        around = ObjectViewMsg(cloud=view_msg.cloud, obstacles=view_msg.obstacles)

        def check_reach(T_base_wrist: Array, fingers: Array) -> Reach:
            request = CheckReach.Request(
                header=view_msg.header,
                wrist_poses=[pose_to_msg(T) for T in T_base_wrist.reshape(-1, 4, 4)],
                poses_per_way=T_base_wrist.shape[1],
                finger_names=list(self._names),
                fingers=fingers.ravel().tolist(),
                view=around,
            )
            timeout = self._settings.reach_timeout
            answer = self._reach.ask(request, timeout=timeout, cancelled=cancelled)
            return Reach(
                reachable=np.array(answer.reachable, dtype=bool),
                joints=np.array(answer.joints).reshape(len(T_base_wrist), -1),
                manipulability=np.array(answer.manipulability),
                margin=np.array(answer.margin),
            )

        return check_reach
