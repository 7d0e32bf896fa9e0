"""How the cell looks to cameras and in films: colours of the URDF, a room, light. No physics."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping

import mujoco
import numpy as np

Colour = tuple[float, float, float, float]
FLOOR = -0.75  # height of the floor under the table, in [m]
LEGS = ((-0.24, -0.54), (-0.24, 0.54), (0.89, -0.54), (0.89, 0.54))  # of the table, in [m]
STEEL: Colour = (0.45, 0.47, 0.50, 1.0)
SHINE = {"wood": 0.05, "dark": 0.3}  # specular by material; others shine like lacquer


def urdf_colours(urdf: str) -> dict[str, tuple[str, Colour]]:
    """Material (name, colour) of every visual of a URDF, by the name its geom has in a model.

    Geoms are named `<link>/<number>` in the order of the link's shapes; the two caps of a capsule
    belong to its tube.
    """
    root = ET.fromstring(urdf)
    known: dict[str, Colour] = {}
    for material in root.iter("material"):
        colour = material.find("color")
        if colour is not None:
            r, g, b, a = (float(x) for x in colour.attrib["rgba"].split())
            known[material.attrib["name"]] = (r, g, b, a)
    colours = {}
    for link in root.iter("link"):
        visuals = [v for v in link.findall("visual") if not v.get("name", "")[:-1].endswith("_cap")]
        for i, visual in enumerate(visuals):
            used = visual.find("material")
            if used is not None and used.attrib["name"] in known:
                name = used.attrib["name"]
                colours[f"{link.attrib['name']}/{i}"] = name, known[name]
    return colours


def paint(spec: mujoco.MjSpec, colours: Mapping[str, tuple[str, Colour]]) -> None:
    """Give the geoms named in `colours` their material."""
    for name, rgba in dict(colours.values()).items():
        added = spec.add_material()
        added.name, added.rgba = name, rgba
        added.specular, added.shininess = SHINE.get(name, 0.5), 0.6
    for geom in spec.geoms:
        if geom.name in colours:
            geom.material = colours[geom.name][0]
            geom.rgba = colours[geom.name][1]


def furnish_room(spec: mujoco.MjSpec) -> None:
    """Add a floor, the table's legs, a sky, and light from above and beside."""
    sky = spec.add_texture()
    sky.name, sky.type = "sky", mujoco.mjtTexture.mjTEXTURE_SKYBOX
    sky.builtin = mujoco.mjtBuiltin.mjBUILTIN_GRADIENT
    sky.rgb1, sky.rgb2, sky.width, sky.height = [0.93, 0.95, 0.98], [0.62, 0.68, 0.76], 256, 1536
    floor = spec.worldbody.add_geom()
    floor.name, floor.type = "floor", mujoco.mjtGeom.mjGEOM_PLANE
    floor.size, floor.pos, floor.rgba = [6.0, 6.0, 0.1], [0.0, 0.0, FLOOR], [0.66, 0.69, 0.73, 1.0]
    floor.contype = floor.conaffinity = 0
    floor.group = 1
    for i, (x, y) in enumerate(LEGS):
        leg = spec.worldbody.add_geom()
        leg.name, leg.type = f"leg{i}", mujoco.mjtGeom.mjGEOM_BOX
        top = -0.05
        leg.size, leg.pos = [0.03, 0.03, (top - FLOOR) / 2], [x, y, (top + FLOOR) / 2]
        leg.rgba, leg.group = STEEL, 1
        leg.contype = leg.conaffinity = 0
    _light(spec, position=(0.9, -0.9, 2.4), strength=0.55, shadow=True)
    _light(spec, position=(-0.8, 1.4, 1.8), strength=0.25, shadow=False)
    # A CPU draws every image: capsules of 20 sides are round within 1 % of their radius.
    spec.visual.quality.numslices, spec.visual.quality.numstacks = 20, 10
    spec.visual.headlight.ambient = [0.30, 0.30, 0.30]
    spec.visual.headlight.diffuse = [0.28, 0.28, 0.28]
    spec.visual.headlight.specular = [0.0, 0.0, 0.0]


def _light(
    spec: mujoco.MjSpec, *, position: tuple[float, float, float], strength: float, shadow: bool
) -> None:
    """Add a directional light that shines from `position` [m] on the middle of the table."""
    light = spec.worldbody.add_light()
    light.type = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL
    light.pos, light.dir = position, np.array([0.4, 0.0, 0.0]) - position
    light.diffuse, light.specular = [strength] * 3, [0.4 * strength] * 3
    light.castshadow = shadow
