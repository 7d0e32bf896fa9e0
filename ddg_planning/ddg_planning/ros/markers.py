"""What viewers draw of a plan: the links of the hand as lines, the best grasp boldest."""

from collections.abc import Sequence

import numpy as np
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from ddg_core.grasp import Grasp
from ddg_core.hand import Hand
from ddg_core.ros.convert import point_to_msg
from ddg_core.shapes import Capsule
from ddg_core.transforms import apply


def grasp_markers(grasps: Sequence[Grasp], hand: Hand, header: Header) -> MarkerArray:
    """Draw grasps, best first, at the waypoint of the grasp; older ones are wiped away."""
    wipe = Marker(header=header, ns="grasps", action=Marker.DELETEALL)
    markers = [wipe]
    for rank, grasp in enumerate(grasps):
        marker = Marker(header=header, ns="grasps", id=rank, type=Marker.LINE_LIST)
        marker.pose.orientation.w = 1.0
        marker.scale.x = 0.012 if rank == 0 else 0.003
        share = rank / max(len(grasps) - 1, 1)
        marker.color = ColorRGBA(r=float(share), g=float(1.0 - share), b=0.2, a=1.0)
        links = grasp.T_base_wrist_grasp @ hand.link_poses(grasp.joints[-2])
        for link, shape in hand.surfaces:
            if isinstance(shape, Capsule):
                ends = apply(links[link], np.stack([shape.a, shape.b]))
                marker.points += [point_to_msg(end) for end in ends]
        markers.append(marker)
    return MarkerArray(markers=markers)
