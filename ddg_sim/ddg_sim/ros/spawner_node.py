"""The spawner: an object of the catalogue for Gazebo, placed as in the MuJoCo twin."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from std_msgs.msg import String

from ddg_core.ros.node import DdgNode, run_node
from ddg_sim.objects.load import load_object
from ddg_sim.twin.sdf import placement_sdf
from ddg_sim.twin.settings import TwinSettings
from ddg_sim.twin.spawn import SpawnRequest, draw_placement


class SpawnerNode(DdgNode):
    """Publishes `/twin/object_sdf` once; `ros_gz_sim create` puts it into Gazebo.

    Parameters: `object` (catalogue name or mesh file; empty: as `twin.yaml` says), `seed` of its
    pose.
    """

    def __init__(self, **kwargs: Any) -> None:
        """Declare the parameters."""
        super().__init__("spawner", **kwargs)
        self.declare_parameter("object", "")
        self.declare_parameter("seed", 0)

    def start(self) -> None:
        """Draw where the object stands, write its meshes, publish its description."""
        settings, cell = self.settings("twin.yaml", TwinSettings), self.cell()
        name = self.get_parameter("object").value or settings.object
        if not name:
            self.get_logger().info("no object was asked for")
            return
        seed = self.get_parameter("seed").value
        drawn = draw_placement(
            SpawnRequest(load_object(name), seed),
            settings.spawn,
            table=cell.table_height,
            rng=np.random.default_rng(seed),
        )
        folder = TemporaryDirectory(prefix="ddg-object-")
        self.keep(folder, folder.cleanup)
        text = placement_sdf(drawn, Path(folder.name))
        self.publish_on("/twin/object_sdf").publish(String(data=text))


def main() -> None:
    """Run the node until it is told to stop."""
    run_node(SpawnerNode, threads=2)


if __name__ == "__main__":
    main()
