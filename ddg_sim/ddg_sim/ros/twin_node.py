"""The twin: physics with both controllers, its verbs, and the truth for the judge."""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.parameter import Parameter

from ddg_core.cell import CellSettings
from ddg_core.description import load_hand
from ddg_core.errors import BadInput, DdgError
from ddg_core.outcome import Outcome
from ddg_core.ros.convert import header, outcome_to_msg
from ddg_core.ros.node import DdgNode, run_node
from ddg_sim.objects.load import load_object
from ddg_sim.ros import twin_messages as pack
from ddg_sim.ros.follow import FollowServer
from ddg_sim.twin.pace import Pace
from ddg_sim.twin.record import StateLog
from ddg_sim.twin.settings import TwinSettings
from ddg_sim.twin.spawn import SpawnRequest
from ddg_sim.twin.truth import Witness, contacts
from ddg_sim.twin.twin import Twin

BUSY_WITHIN = 30.0  # longest that the physics thread may take for a verb, in [s]


class TwinNode(DdgNode):
    """Owns the twin's thread and tells the graph what goes on in it.

    Parameter `object`: what to put on the table, in place of what `twin.yaml` names.
    """

    def __init__(self) -> None:
        # It makes the clock that others follow; its own timers go on while the world is paused.
        own_time = Parameter("use_sim_time", value=False)
        super().__init__("twin", parameter_overrides=[own_time])
        self.declare_parameter("object", "")

    def start(self) -> None:
        """Build the world, offer verbs and actions, publish, and let time run."""
        settings = self.settings("twin.yaml", TwinSettings)
        cell = self.cell()
        self._frame = cell.base_frame
        self._twin = Twin(cell, load_hand(cell.hand), settings)
        name = self.get_parameter("object").value or settings.object
        if name:
            self._twin.spawn(SpawnRequest(load_object(name), settings.seed))
        self._witness = Witness(self._twin)
        folder = TemporaryDirectory(prefix="ddg-twin-")
        self.keep(folder, folder.cleanup)
        self._log = StateLog(Path(folder.name))
        self._pace = Pace(self._twin, factor=settings.realtime_factor, tick=settings.control_period)
        self._publish(settings)
        self._serve(cell)
        self._enter_world()
        self._pace.start()
        self.every(1.0, self._check)

    def stop(self) -> None:
        """End the goals while somebody can tell it, then the physics thread."""
        if self.leaving.is_set():  # else the process goes, and nobody spins any more
            for server in self._servers:
                server.finish()
        self._pace.stop()

    def _publish(self, settings: TwinSettings) -> None:
        twin, rates = self._twin, settings.rates
        self._time_out, self._joints = self.publish_on("/clock"), self.publish_on("/joint_states")
        self._world = self.publish_on("/twin/state")
        self._pose = self.publish_on("/ground_truth/object_pose")
        self._contacts = self.publish_on("/ground_truth/contacts")
        self._held = self.publish_on("/ground_truth/held")
        twin.watch(rates.clock, lambda: self._time_out.publish(pack.clock_to_msg(twin.time)))
        twin.watch(rates.joint_states, self._publish_joints)
        twin.watch(rates.world, self._publish_world)
        twin.watch(rates.ground_truth, self._publish_truth)
        twin.watch(rates.record, lambda: self._log.append(twin.time, twin.data.qpos))

    def _serve(self, cell: CellSettings) -> None:
        twin = self._twin
        arm = FollowServer(self, cell.arm.action, twin.arm_controller, self._pace, self._now)
        hand = FollowServer(self, cell.hand_action, twin.hand_controller, self._pace, self._now)
        self._servers = arm, hand
        for server in self._servers:
            twin.watch(100.0, partial(server.tick, feedback=False))
            twin.watch(10.0, partial(server.tick, feedback=True))
        self.serve("/twin/reset_world", self._on_reset)
        self.serve("/twin/set_pause", self._on_pause)
        self.serve("/twin/step", self._on_step)
        self.serve("/twin/spawn_object", self._on_spawn)
        self.subscribe("/twin/move_object", self._on_move)

    def _now(self) -> float:
        return self._twin.time

    def _publish_joints(self) -> None:
        stamp = header("", self._twin.time)
        self._joints.publish(pack.joints_to_msg(self._twin.joint_state, stamp))

    def _publish_world(self) -> None:
        stamp = header(self._frame, self._twin.time)
        self._world.publish(pack.world_to_msg(str(self._log.path), self._twin.data.qpos, stamp))

    def _publish_truth(self) -> None:
        self._witness.look()
        spawned, pose = self._twin.spawned, self._twin.object_pose()
        if spawned is None or pose is None or self._witness.hold is None:
            return
        stamp, name = header(self._frame, self._twin.time), spawned.placement.placed.item.name
        self._pose.publish(pack.object_to_msg(pose, stamp))
        self._held.publish(pack.hold_to_msg(name, self._witness.hold, stamp))
        if self._contacts.get_subscription_count():
            touches = contacts(self._twin.world, self._twin.data)
            self._contacts.publish(pack.contacts_to_msg(name, touches, stamp))

    def _enter_world(self) -> None:
        """Announce a world that is new: its model, and its first state."""
        self._log.begin(self._twin.world.model)
        self._publish_world()

    def _on_reset(self, _: Any, response: Any) -> Any:
        def reset() -> None:
            self._twin.reset()
            self._publish_world()

        self._pace.ask(reset).result(BUSY_WITHIN)
        response.outcome = outcome_to_msg(Outcome.OK)
        return response

    def _on_pause(self, request: Any, response: Any) -> Any:
        self._pace.paused = request.paused
        response.time = self._pace.ask(self._now).result(BUSY_WITHIN)
        response.outcome = outcome_to_msg(Outcome.OK)
        return response

    def _on_step(self, request: Any, response: Any) -> Any:
        if not self._pace.paused:
            raise BadInput("the twin steps by itself: call /twin/set_pause first")

        def step() -> float:
            self._twin.step(request.steps)
            self._publish_world()
            self._time_out.publish(pack.clock_to_msg(self._twin.time))
            return self._twin.time

        response.time = self._pace.ask(step).result(BUSY_WITHIN)
        response.outcome = outcome_to_msg(Outcome.OK)
        return response

    def _on_spawn(self, request: Any, response: Any) -> Any:
        wanted = pack.spawn_request_from_msg(request)

        def spawn() -> Any:
            spawned = self._twin.spawn(wanted)
            self._enter_world()
            return pack.spawned_to_msg(spawned, response)

        response = self._pace.ask(spawn).result(BUSY_WITHIN)
        response.outcome = outcome_to_msg(Outcome.OK)
        return response

    def _on_move(self, message: Any) -> None:
        try:
            T_base_object = pack.object_from_msg(message, self._frame)
        except DdgError as error:
            self.explain(error)
            return
        self._pace.ask(lambda: self._twin.move_object(T_base_object))

    def _check(self) -> None:
        """Report how physics keeps up; end the process if it died."""
        self.vitals = {"simulated_s": f"{self._now():.1f}", "late_s": f"{self._pace.late:.1f}"}
        if self._pace.error is not None:
            self.health = (DiagnosticStatus.ERROR, f"physics died: {self._pace.error}")
            self.get_logger().fatal(self.health[1])
            rclpy.shutdown()


def main() -> None:
    """Run the node."""
    run_node(TwinNode)


if __name__ == "__main__":
    main()
